"""Audiences: who is in a segment is told to other systems, and taken away there again (docs/audiences.md)."""
