"""Rows of messages: the ledger, and what comes back."""
