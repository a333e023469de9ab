"""In-app: messages in an inbox of our own, which apps and pages show."""
