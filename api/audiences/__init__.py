"""Audiences over the API."""
