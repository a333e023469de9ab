"""Runs and journeys for product teams and operators."""
