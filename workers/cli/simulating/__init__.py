"""What would be sent, of what was recorded or of somebody made up: nothing is sent, and nothing kept."""
