"""A row of the benchmark table: what was measured, the budget beside it, and an honest note."""

from typing import NamedTuple


class Row(NamedTuple):
    what: str
    measured: str
    budget: str
    note: str = ""
