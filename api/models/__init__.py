"""Predictions over HTTP: which models score customers, how good they are, and what is foretold of one customer."""
