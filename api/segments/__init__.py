"""Segments and lists for product teams."""
