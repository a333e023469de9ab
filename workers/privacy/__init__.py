"""Workflows that keep to the rights of customers."""
