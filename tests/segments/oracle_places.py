"""Positions, distances and shapes of the second opinion; like all of it, from docs/segments.md alone."""

import math
from collections.abc import Sequence
from typing import Any

from tests.segments.oracle_values import Plain, kind_of

_EARTH = 6_371_008.8  # metres, the mean radius (IUGG)


def points(of: Plain, document: Any, before: Sequence[str] = ()) -> list[tuple[float, float]]:
    """The position in a document, if it is a valid one."""
    found = []
    for name, most in (("lat", 90), ("lon", 180)):
        value = document
        for step in (*before, *of[name].split(".")):
            value = value.get(step) if isinstance(value, dict) else None
        if kind_of(value) != "number" or not -most <= value <= most:
            return []
        found.append(float(value))
    return [(found[0], found[1])]


def in_area(plain: Plain, point: tuple[float, float]) -> bool:
    if "near" in plain:
        circle = plain["near"]
        return far_apart(point, (as_float(circle["lat"]), as_float(circle["lon"]))) < as_float(circle["km"]) * 1000
    corners = [(as_float(lat), as_float(lon)) for lat, lon in plain["inside"]]
    crossed = [crosses(point, one, other) for one, other in zip(corners, corners[1:] + corners[:1], strict=True)]
    return sum(crossed) % 2 == 1


def as_float(plain: Any) -> float:
    return float(plain["decimal"] if isinstance(plain, dict) else plain)


def far_apart(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Metres, by the angle between two vectors: another formula than the haversine, the same distance."""
    a, b = ((math.cos(p) * math.cos(q), math.cos(p) * math.sin(q), math.sin(p)) for p, q in map(radians, (one, other)))
    return _EARTH * 2 * math.asin(min(1.0, math.dist(a, b) / 2))


def radians(point: tuple[float, float]) -> tuple[float, float]:
    return math.radians(point[0]), math.radians(point[1])


def crosses(point: tuple[float, float], one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether the line from a point to the east crosses a side."""
    (lat, lon), (low, high) = point, sorted((one, other))
    if not low[0] <= lat < high[0]:
        return False
    return lon < low[1] + (lat - low[0]) / (high[0] - low[0]) * (high[1] - low[1])
