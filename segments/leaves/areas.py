"""Areas on Earth: nearer than a radius to a point, or inside a shape.

Promise: pure. Distance is the great circle's by the haversine formula on a sphere of the Earth's mean radius (IUGG);
it is at most 0.6 % off the ellipsoid, and the SQL computes the same to less than a millimetre.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from segments.errors import DefinitionError
from segments.language.query import Place, Sql
from segments.language.reading import an_object, only
from segments.language.values import kind_of
from segments.language.words import to_plain

#: Metres.
EARTH_RADIUS = 6_371_008.8
MOST_LATITUDE, MOST_LONGITUDE = 90, 180
#: Decimals of a degree that count (a tenth of a micrometre): what is finer cannot be told apart.
DECIMALS = 12
_STEP = Decimal(1).scaleb(-DECIMALS)
_FURTHEST = 20_100  # km, half way round
_MOST_CORNERS = 2_000
_CORNERS = 3
_CIRCLE = ("lat", "lon", "km")
Point = tuple[float, float]


@dataclass(frozen=True)
class Circle:
    """All points nearer than a radius."""

    lat: float
    lon: float
    km: float

    def __post_init__(self) -> None:
        place = f"near({self.lat!r}, {self.lon!r})"
        check_point(place, self.lat, self.lon)
        if not is_number(self.km) or not 0 < self.km <= _FURTHEST:
            raise DefinitionError(place, f"km must be above 0 and at most {_FURTHEST:,}, not {self.km!r}")

    @property
    def metres(self) -> float:
        """The radius."""
        return float(self.km) * 1000

    def holds(self, lat: float, lon: float) -> bool:
        """Whether a point lies nearer."""
        return distance((float(self.lat), float(self.lon)), (lat, lon)) < self.metres

    def sql(self, point: Place) -> Sql:
        """The same of a point in SQL."""
        return point.metres(self.lat, self.lon) < self.metres

    def to_json(self) -> dict[str, Any]:
        """`{"near": …}`."""
        return {"near": {"lat": to_plain(self.lat), "lon": to_plain(self.lon), "km": to_plain(self.km)}}

    def __str__(self) -> str:
        return f"nearer than {self.km} km to {self.lat}, {self.lon}"


@dataclass(frozen=True)
class Shape:
    """All points inside a polygon whose sides are straight on a map of latitude and longitude (even-odd rule)."""

    corners: tuple[Point, ...]

    def __post_init__(self) -> None:
        if not _CORNERS <= len(self.corners) <= _MOST_CORNERS:
            raise DefinitionError("inside", f"a shape has {_CORNERS} to {_MOST_CORNERS:,} corners, not {len(self.corners)}")
        for n, corner in enumerate(self.corners):
            if not isinstance(corner, tuple) or len(corner) != 2:  # noqa: PLR2004 - a pair
                raise DefinitionError(f"inside[{n}]", f"needs (latitude, longitude), not {corner!r}")
            check_point(f"inside[{n}]", *corner)
        if max(lon for _, lon in self.corners) - min(lon for _, lon in self.corners) > MOST_LONGITUDE:
            raise DefinitionError("inside", "is wider than half the Earth; cut a shape across the 180th meridian in two")
        if not self.sides:
            raise DefinitionError("inside", "has no inside: all corners lie on one parallel")

    @property
    def sides(self) -> list[tuple[Point, Point]]:
        """The sides that a line to the east can cross: those along a parallel never count."""
        points = [(degrees(lat), degrees(lon)) for lat, lon in self.corners]
        around = zip(points, [*points[1:], points[0]], strict=True)
        return [(a, b) for a, b in around if a[0] != b[0]]

    def holds(self, lat: float, lon: float) -> bool:
        """Whether a line from the point to the east crosses an odd number of sides."""
        crossed = [
            lon < (b[1] - a[1]) * (lat - a[0]) / (b[0] - a[0]) + a[1] for a, b in self.sides if (a[0] > lat) != (b[0] > lat)
        ]
        return sum(crossed) % 2 == 1

    def sql(self, point: Place) -> Sql:
        """The same of a point in SQL."""
        return point.within(self.sides)

    def to_json(self) -> dict[str, Any]:
        """`{"inside": [[lat, lon], …]}`."""
        return {"inside": [[to_plain(lat), to_plain(lon)] for lat, lon in self.corners]}

    def __str__(self) -> str:
        return f"inside the shape with {len(self.corners)} corners from {self.corners[0][0]}, {self.corners[0][1]}"


def distance(one: Point, other: Point) -> float:
    """Metres between two (latitude, longitude) points along the great circle (haversine)."""
    (lat1, lon1), (lat2, lon2) = one, other
    up, along = math.sin(math.radians(lat2 - lat1) / 2), math.sin(math.radians(lon2 - lon1) / 2)
    part = up * up + math.cos(math.radians(lat1)) * math.cos(math.radians(lat2)) * along * along
    return 2 * EARTH_RADIUS * math.asin(min(1.0, math.sqrt(part)))


def check_point(place: str, lat: object, lon: object) -> None:
    """Refuse what is not a point on Earth."""
    for what, value, most in (("latitude", lat, MOST_LATITUDE), ("longitude", lon, MOST_LONGITUDE)):
        if not is_number(value) or not -most <= value <= most:  # type: ignore[operator]  # it is a number
            raise DefinitionError(place, f"the {what} must be a number from {-most} to {most}, not {value!r}")


def area_from_json(plain: Mapping[str, Any]) -> Circle | Shape:
    """What stands under `near` or `inside`."""
    return _circle(an_object("near", plain["near"], *_CIRCLE)) if "near" in plain else _shape(plain["inside"])


def degrees(value: Decimal | float) -> float:
    """As exactly as counts."""
    exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    return float(exact.quantize(_STEP, ROUND_HALF_UP))


def is_number(value: object) -> bool:
    """Whether it is a number as definitions and documents have them."""
    try:
        return kind_of("", value) == "number"
    except DefinitionError:
        return False


def _circle(plain: Mapping[str, Any]) -> Circle:
    only(plain, *_CIRCLE)
    return Circle(*(_number(plain.get(name)) for name in _CIRCLE))


def _shape(plain: object) -> Shape:
    if not isinstance(plain, list) or not all(isinstance(corner, list) for corner in plain):
        raise DefinitionError("inside", "needs a list of [latitude, longitude] pairs")
    return Shape(tuple(tuple(_number(value) for value in corner) for corner in plain))


def _number(value: Any) -> Any:
    """A number as it may stand in JSON (`to_plain` writes a Decimal as an object)."""
    if isinstance(value, Mapping) and set(value) == {"decimal"}:
        return Decimal(str(value["decimal"]))
    return value
