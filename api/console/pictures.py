"""Pictures of models and choices, drawn here: points in a square of our own, there without a script and in any colours.

Promise: pure; what is drawn stands in a table beside it, too.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import sqrt
from typing import Any

#: Of a drawing, with room for the marks of its axes: its width, its height, and what lies left of and below the field.
WIDE, HIGH, LEFT, RIGHT, BELOW, ABOVE = 560.0, 300.0, 46.0, 22.0, 34.0, 12.0
_Z = 1.959964  # standard errors of an interval of 95 %
_MARKS = 5
_WEEK = timedelta(weeks=1)


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark of an axis: where, and what it says."""

    at: float
    says: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A value with its interval, in units of the drawing; `told` says what it is."""

    x: float
    y: float
    low: float
    high: float
    told: str


@dataclass(frozen=True, slots=True)
class Group:
    """People of alike scores, or of one week: what was foretold of them on average, and what came, with its interval."""

    name: str
    people: int
    foretold: float
    came: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing.

    Attributes:
        dots: What came.
        lines: Each a class and its points, such as the diagonal.
        areas: The same, filled: what is tolerated.
        across, up: The marks of both axes.
    """

    dots: tuple[Dot, ...]
    lines: tuple[tuple[str, str], ...]
    areas: tuple[tuple[str, str], ...]
    across: tuple[Mark, ...]
    up: tuple[Mark, ...]


def interval(came: float, people: int) -> tuple[float, float]:
    """Within which the true share lies in 95 of 100 cases (E. B. Wilson, JASA 22, 1927)."""
    if not people:
        return 0.0, 1.0
    half = _Z * sqrt(came * (1 - came) / people + _Z**2 / (4 * people**2))
    middle, below = came + _Z**2 / (2 * people), 1 + _Z**2 / people
    return max((middle - half) / below, 0.0), min((middle + half) / below, 1.0)


def groups(calibration: Sequence[Mapping[str, Any]]) -> list[Group]:
    """The groups of a card, lowest scores first."""
    return [
        Group(str(n), each["people"], each["foretold"], each["came"], *interval(each["came"], each["people"]))
        for n, each in enumerate(calibration, 1)
    ]


def calibrated(found: Sequence[Group]) -> Picture | None:
    """What was foretold (across) against what came (up), with the diagonal on which both are the same."""
    if not found:
        return None
    top = _top(each.high for each in found)
    dots = [
        Dot(*_place(each.foretold / top, each.came / top), _up(each.low / top), _up(min(each.high / top, 1)), each.name)
        for each in found
    ]
    diagonal = _points([(0, 0), (1, 1)])
    marks = [n * top / _MARKS for n in range(_MARKS + 1)]
    across = tuple(Mark(_place(each / top, 0)[0], _share(each)) for each in marks)
    return Picture(tuple(dots), (("ideal", diagonal),), (), across, _upwards(top))


def weeks(outcomes: Iterable[Any]) -> list[Group]:
    """What came of scores by the week of their instant (Monday, UTC), of what has `as_of`, `people`, `foretold` and `came`."""
    sums: dict[date, list[float]] = {}
    for each in outcomes:
        kept = sums.setdefault(_monday(each.as_of), [0.0, 0.0, 0.0])
        for n, value in enumerate((each.people, each.people * each.foretold, each.people * each.came)):
            kept[n] += value
    found = []
    for week, (people, foretold, came) in sorted(sums.items()):
        if people:
            mean = came / people
            around = interval(mean, int(people)) if mean <= 1 else (mean, mean)
            found.append(Group(week.isoformat(), int(people), foretold / people, mean, *around))
    return found


def drifting(found: Sequence[Group], tolerance: float) -> Picture | None:
    """What came by week, over what was foretold and as far around that as is tolerated."""
    if not found:
        return None
    if max(each.came for each in found) > 1:
        return None  # amounts: the table has them
    top = _top([*(each.high for each in found), *(each.foretold + tolerance for each in found)])
    xs = _spread([date.fromisoformat(each.name) for each in found])
    dots = [
        Dot(*_place(x, each.came / top), _up(each.low / top), _up(min(each.high / top, 1)), each.name)
        for x, each in zip(xs, found, strict=True)
    ]
    foretold = _points([(x, each.foretold / top) for x, each in zip(xs, found, strict=True)])
    above = [(x, min((each.foretold + tolerance) / top, 1)) for x, each in zip(xs, found, strict=True)]
    below = [(x, max((each.foretold - tolerance) / top, 0)) for x, each in zip(xs, found, strict=True)]
    came = _points([(x, each.came / top) for x, each in zip(xs, found, strict=True)])
    step = max(1, len(found) // _MARKS)
    across = tuple(Mark(_place(x, 0)[0], each.name[5:]) for x, each in [*zip(xs, found, strict=True)][::step])
    area = _points([*above, *reversed(below)])
    return Picture(tuple(dots), (("foretold", foretold), ("came", came)), (("tolerated", area),), across, _upwards(top))


def stairs(steps: Sequence[tuple[datetime, Sequence[float]]], until: datetime) -> Picture | None:
    """Shares that each hold from an instant until the next one: a line for each place of them, `line0` and so on."""
    if not steps:
        return None
    began, top = steps[0][0], _top(each for _, values in steps for each in values)
    whole = max((until - began).total_seconds(), 1.0)
    ends = [*((at - began).total_seconds() / whole for at, _ in steps[1:]), 1.0]
    lines = []
    for n in range(len(steps[0][1])):
        corners = [
            (x, values[n] / top)
            for (at, values), end in zip(steps, ends, strict=True)
            for x in ((at - began).total_seconds() / whole, end)
        ]
        lines.append((f"line{n}", _points(corners)))
    marks = [began + n * (until - began) / _MARKS for n in range(_MARKS + 1)]
    said = "%m-%d" if until - began > _MARKS * timedelta(days=1) else "%m-%d %H:%M"
    across = tuple(Mark(_place(n / _MARKS, 0)[0], at.strftime(said)) for n, at in enumerate(marks))
    return Picture((), tuple(lines), (), across, _upwards(top))


def shares(values: Sequence[float]) -> list[float]:
    """How long a bar of each is, of a hundred; nothing below zero."""
    most = max(values, default=0.0)
    return [round(100 * max(each, 0.0) / most, 1) if most > 0 else 0.0 for each in values]


def _monday(at: datetime) -> date:
    return at.date() - timedelta(days=at.weekday())


def _spread(days: Sequence[date]) -> list[float]:
    whole = (days[-1] - days[0]) / _WEEK
    return [0.5 if not whole else 0.03 + 0.94 * ((each - days[0]) / _WEEK) / whole for each in days]


def _top(values: Iterable[float]) -> float:
    """The end of an axis of shares: the next tenth above all of them."""
    return min(max(int(max(values) * 10 + 0.999) / 10, 0.1), 1.0)


def _upwards(top: float) -> tuple[Mark, ...]:
    return tuple(Mark(_up(n / _MARKS), _share(n * top / _MARKS)) for n in range(_MARKS + 1))


def _place(x: float, y: float) -> tuple[float, float]:
    return round(LEFT + min(x, 1.0) * (WIDE - LEFT - RIGHT), 1), _up(min(y, 1.0))


def _up(y: float) -> float:
    return round(ABOVE + (1 - y) * (HIGH - BELOW - ABOVE), 1)


def _points(places: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x},{y}" for x, y in (_place(*each) for each in places))


def _share(value: float) -> str:
    return f"{100 * value:.3g} %"
