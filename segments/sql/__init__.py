"""Definitions as SQL for Postgres: statements, and what each leaf adds to them."""
