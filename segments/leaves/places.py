"""Where a customer is: distance from a point, inside a shape (country, city and the like are in `addresses`).

Promise: pure. Distance is the great circle's by the haversine formula on a sphere of the Earth's mean radius (IUGG);
it is at most 0.6 % off the ellipsoid, and the SQL computes the same to less than a millimetre. Coordinates that are not
numbers in their range are as if they had not been sent.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Literal, Self

from segments.errors import DefinitionError
from segments.facts import Facts
from segments.language.leaf import Leaf
from segments.language.predicate import Edge, Read
from segments.language.query import Place, Query, Sql
from segments.language.reading import an_object, only, window
from segments.language.values import check_name, check_path, check_window, kind_of
from segments.language.words import span_in_words, to_plain

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
_POSITION = ("event", "trait", "within", "lat", "lon")
Point = tuple[float, float]


@dataclass(frozen=True)
class Position:
    """Where a position stands: in a trait that is an object, or in the properties of the last event of a type."""

    scope: Literal["trait", "event"]
    name: str
    window: timedelta | None = None
    lat: str = "lat"
    lon: str = "lon"

    def __post_init__(self) -> None:
        place = f"{self.scope}({self.name!r})"
        for what, name in (("name", self.name), ("latitude's name", self.lat), ("longitude's name", self.lon)):
            check_name(place, what, name)
            check_path(place, tuple(name.split(".")) if what != "name" or self.scope == "trait" else (name,))
        check_window(f"{place}.within", self.window)
        if self.window is not None and self.scope == "trait":
            raise DefinitionError(place, "a trait has no age; within(…) is for the position of an event")

    def within(self, *, days: float = 0, hours: float = 0, minutes: float = 0) -> "Position":
        """Only a position younger than this."""
        try:
            return replace(self, window=timedelta(days=days, hours=hours, minutes=minutes))
        except (TypeError, OverflowError, ValueError) as error:
            raise DefinitionError(f"event({self.name!r}).within", f"{error}; the window is at most a century") from None

    def paths(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The ways to latitude and longitude, from the traits or from the event's properties."""
        before = tuple(self.name.split(".")) if self.scope == "trait" else ()
        return (*before, *self.lat.split(".")), (*before, *self.lon.split("."))

    def to_json(self) -> dict[str, Any]:
        """`{"event": …}` or `{"trait": …}`."""
        age = {} if self.window is None else {"within": to_plain(self.window)}
        return {self.scope: self.name, "lat": self.lat, "lon": self.lon} | age

    def __str__(self) -> str:
        if self.scope == "trait":
            return self.name
        age = "" if self.window is None else f" within {span_in_words(self.window)}"
        return f'position at the last "{self.name}"{age}'


#: The properties `lat` and `lon` of the customer's last "Location Updated".
last_location = Position("event", "Location Updated")


def position_of(event: str, *, lat: str = "lat", lon: str = "lon") -> Position:
    """The position in the last event of a type; dots lead into objects."""
    return Position("event", event, None, lat, lon)


def position_in(trait: str, *, lat: str = "lat", lon: str = "lon") -> Position:
    """The position in a trait, such as where the customer lives."""
    return Position("trait", trait, None, lat, lon)


@dataclass(frozen=True)
class Circle:
    """All points nearer than a radius."""

    lat: float
    lon: float
    km: float

    def __post_init__(self) -> None:
        place = f"near({self.lat!r}, {self.lon!r})"
        check_point(place, self.lat, self.lon)
        if not _is_number(self.km) or not 0 < self.km <= _FURTHEST:
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
        points = [(_degrees(lat), _degrees(lon)) for lat, lon in self.corners]
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


@dataclass(frozen=True, eq=False)
class Located(Leaf, keys=("near", "inside"), past=True):
    """The customer's position is in an area; false where no position is known.

    Of events, the last one with a valid position decides (of several at that very instant, any of them).
    """

    area: Circle | Shape
    of: Position

    def __post_init__(self) -> None:
        if not isinstance(self.of, Position):
            raise DefinitionError("of", f"needs last_location, position_of(…) or position_in(…), not {self.of!r}")

    @property
    def edges(self) -> frozenset[Edge]:
        """When a position comes true, and when it grows too old."""
        if self.of.scope == "trait":
            return frozenset()
        return frozenset(Edge(self.of.name, span) for span in {timedelta(0), self.of.window or timedelta(0)})

    @property
    def traits(self) -> frozenset[str]:
        """The trait with the position, if it stands in one."""
        return frozenset({self.of.name.partition(".")[0]}) if self.of.scope == "trait" else frozenset()

    @property
    def memory(self) -> timedelta | None:
        """How old a position may be."""
        return timedelta(0) if self.of.scope == "trait" else self.of.window

    def holds(self, facts: Facts, at: datetime) -> bool:
        """Whether the position is in the area."""
        return any(self.area.holds(*point) for _, point in self.positions(facts, at))

    def sql(self, q: Query) -> Sql:
        """The position in the area."""
        return q.located(self.of, self.area.sql)

    def saw(self, facts: Facts, at: datetime) -> Any:
        """How far away, where and when; of several the nearest."""
        found = [(ts, point, self._metres(point)) for ts, point in self.positions(facts, at)]
        if not found:
            return None
        ts, (lat, lon), metres = min(found, key=lambda each: each[2] or 0.0)
        away = {} if metres is None else {"metres": round(metres, 1)}
        return away | {"lat": round(lat, 6), "lon": round(lon, 6)} | ({} if ts is None else {"at": ts})

    def _metres(self, point: Point) -> float | None:
        area = self.area
        return distance((float(area.lat), float(area.lon)), point) if isinstance(area, Circle) else None

    def positions(self, facts: Facts, at: datetime) -> list[tuple[datetime | None, Point]]:
        """The positions that decide, usually one, each with the time of its event; without a time if it stands in a trait."""
        if self.of.scope == "trait":
            point = point_in(facts.traits, self.of)
            return [] if point is None else [(None, point)]
        events = [e for e in facts.until(self.of.name, at) if self.of.window is None or at - e.ts < self.of.window]
        known = [(e.ts, point) for e in events if (point := point_in(e.properties, self.of)) is not None]
        return [(ts, point) for ts, point in known if ts == known[-1][0]]

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], read: Read) -> Self:  # noqa: ARG003 - one signature for all leaves
        """The area, and whose position."""
        tag = "near" if "near" in plain else "inside"
        only(plain, tag, "of")
        of = _position(an_object("of", plain["of"], *_POSITION)) if "of" in plain else last_location
        return cls(_circle(an_object("near", plain["near"], *_CIRCLE)) if tag == "near" else _shape(plain["inside"]), of)

    def to_json(self) -> dict[str, Any]:
        """`{"near" or "inside": …, "of": …}`."""
        return self.area.to_json() | {"of": self.of.to_json()}

    def __str__(self) -> str:
        return f"{self.of} is {self.area}"

    def denied(self) -> str:
        """The opposite, in words."""
        return f"{self.of} is not {self.area}"


def near(lat: float, lon: float, *, km: float, of: Position = last_location) -> Located:
    """Less than so many kilometres from a point, by great circle."""
    return Located(Circle(lat, lon, km), of)


def inside(corners: Iterable[Point], *, of: Position = last_location) -> Located:
    """Inside a polygon of (latitude, longitude) corners, which closes by itself."""
    return Located(Shape(tuple(tuple(corner) for corner in corners)), of)  # type: ignore[misc]  # checked there


def distance(one: Point, other: Point) -> float:
    """Metres between two (latitude, longitude) points along the great circle (haversine)."""
    (lat1, lon1), (lat2, lon2) = one, other
    up, along = math.sin(math.radians(lat2 - lat1) / 2), math.sin(math.radians(lon2 - lon1) / 2)
    part = up * up + math.cos(math.radians(lat1)) * math.cos(math.radians(lat2)) * along * along
    return 2 * EARTH_RADIUS * math.asin(min(1.0, math.sqrt(part)))


def point_in(document: Mapping[str, Any], of: Position) -> Point | None:
    """The position in a document, if it has a valid one."""
    lat, lon = (_coordinate(document, path) for path in of.paths())
    if lat is None or lon is None or abs(lat) > MOST_LATITUDE or abs(lon) > MOST_LONGITUDE:
        return None
    return _degrees(lat), _degrees(lon)


def check_point(place: str, lat: object, lon: object) -> None:
    """Refuse what is not a point on Earth."""
    for what, value, most in (("latitude", lat, MOST_LATITUDE), ("longitude", lon, MOST_LONGITUDE)):
        if not _is_number(value) or not -most <= value <= most:  # type: ignore[operator]  # it is a number
            raise DefinitionError(place, f"the {what} must be a number from {-most} to {most}, not {value!r}")


def _coordinate(document: Any, path: tuple[str, ...]) -> Decimal | None:
    for step in path:
        document = document.get(step) if isinstance(document, Mapping) else None
    if not _is_number(document):
        return None
    return Decimal(repr(document)) if isinstance(document, float) else Decimal(document)


def _degrees(value: Decimal | float) -> float:
    exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    return float(exact.quantize(_STEP, ROUND_HALF_UP))


def _is_number(value: object) -> bool:
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


def _position(plain: Mapping[str, Any]) -> Position:
    only(plain, *_POSITION)
    scopes: list[Literal["trait", "event"]] = [scope for scope in ("trait", "event") if scope in plain]
    if len(scopes) != 1:
        raise DefinitionError("of", "needs either event or trait")
    names = (plain.get("lat", "lat"), plain.get("lon", "lon"))
    return Position(scopes[0], plain[scopes[0]], window(plain.get("within")), *names)


def _number(value: Any) -> Any:
    """A number as it may stand in JSON (`to_plain` writes a Decimal as an object)."""
    if isinstance(value, Mapping) and set(value) == {"decimal"}:
        return Decimal(str(value["decimal"]))
    return value
