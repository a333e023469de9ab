"""Rows of runs: admitted, told to Temporal, ended, and as people read them."""
