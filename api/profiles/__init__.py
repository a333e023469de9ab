"""Customers as operators look at them."""
