"""Rows of what comes in: items stored once each, and what could not be taken."""
