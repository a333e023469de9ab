"""The workflow of outgoing webhooks."""
