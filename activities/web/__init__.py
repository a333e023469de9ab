"""Requests to addresses that are not ours: signed, and kept away from what is inside."""
