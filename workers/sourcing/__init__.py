"""The workflow that reads a source."""
