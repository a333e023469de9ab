"""Rows of customers: names, traits, addresses, consent; merges and how they are undone."""
