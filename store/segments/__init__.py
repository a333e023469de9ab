"""Rows of segments: stored definitions, members, sizes, snapshots."""
