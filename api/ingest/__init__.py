"""Ingest: the Segment spec from a request to stored items."""
