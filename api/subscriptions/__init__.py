"""Outgoing webhooks over HTTP: who is told of what, and what they are still to be told."""
