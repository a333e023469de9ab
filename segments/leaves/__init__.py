"""The leaves of the language: what can be asked of one customer; pure."""
