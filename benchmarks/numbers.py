"""Numbers as the table shows them."""

from collections.abc import Sequence
from math import ceil

from benchmarks.table import Row


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of them does not exceed (nearest rank)."""
    return sorted(values)[max(0, ceil(share * len(values)) - 1)]


def latencies(what: str, milliseconds: Sequence[float], budgets: tuple[str, str] = ("", ""), note: str = "") -> list[Row]:
    """The median and the 99th percentile."""
    shares = (("p50", 0.5, budgets[0]), ("p99", 0.99, budgets[1]))
    told = (note, f"max {max(milliseconds):,.0f} ms, n = {len(milliseconds):,}")
    return [
        Row(f"{what}, {name}", f"{quantile(milliseconds, share):,.0f} ms", budget, text)
        for (name, share, budget), text in zip(shares, told, strict=True)
    ]
