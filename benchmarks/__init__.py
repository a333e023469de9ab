"""Benchmarks: `python -m benchmarks` prints a table, with the budgets of the design beside it."""
