"""The workflow that works something out of products."""
