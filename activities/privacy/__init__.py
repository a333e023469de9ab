"""What the rights of customers ask of workers: erasing them, and keeping nothing longer than it may be kept."""
