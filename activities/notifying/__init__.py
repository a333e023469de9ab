"""Outgoing webhooks: what happened is posted to those who want to know (docs/webhooks.md)."""
