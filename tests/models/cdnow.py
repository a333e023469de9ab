"""CDNOW's customers of early 1997, read from the files of the package `lifetimes`, which is not imported."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.metadata import distribution
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segments.models.lifetime import Histories

Floats = NDArray[np.float64]
ENDS, LAST = date(1997, 9, 30), date(1998, 6, 30)


@dataclass(frozen=True)
class Shop:
    """A customer a row: the first 39 weeks, the mean value of repeated orders, and what was ordered in the 39 weeks after."""

    histories: Histories
    mean: Floats
    later: Floats


@cache
def published() -> tuple[Histories, Floats]:
    """The summary that the papers' figures are of, and the mean value of repeated orders."""
    rows = np.genfromtxt(_file("cdnow_customers_summary_with_transactions.csv"), delimiter=",", names=True)
    return Histories.of(rows["x"], rows["t_x"], rows["T"]), rows["zbar"]


@cache
def shop() -> Shop:
    """Counted anew from the orders; two on one day are one."""
    orders = [line.split() for line in _file("CDNOW_sample.txt").read_text().splitlines()]
    found = []
    for _, lines in groupby(orders, lambda line: line[1]):
        days: dict[date, float] = {}
        for _, _, day, _, value in lines:
            at = date(int(day[:4]), int(day[4:6]), int(day[6:]))
            days[at] = days.get(at, 0) + float(value)
        first = min(days)
        repeated = {day: value for day, value in days.items() if first < day <= ENDS}
        later = sum(ENDS < day <= LAST for day in days)
        last = max(repeated, default=first)
        mean = sum(repeated.values()) / len(repeated) if repeated else 0.0
        found.append((len(repeated), _weeks(last - first), _weeks(ENDS - first), mean, later))
    x, t, until, mean_, later_ = np.array(found, dtype=np.float64).T
    return Shop(Histories.of(x, t, until), mean_, later_)


def _weeks(span: timedelta) -> float:
    return span.days / 7


def _file(name: str) -> Path:
    return Path(str(distribution("lifetimes").locate_file(f"lifetimes/datasets/{name}")))
