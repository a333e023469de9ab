"""Where a customer is: a position in a trait or in the last event, in an area (country, city and the like are in `addresses`).

Promise: pure. Coordinates that are not numbers in their range are as if they had not been sent.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, Self

from segments.errors import DefinitionError
from segments.facts import Facts
from segments.language.edges import Edge
from segments.language.leaf import Leaf
from segments.language.predicate import Read
from segments.language.query import Query, Sql
from segments.language.reading import an_object, only, window
from segments.language.values import check_name, check_path, check_window
from segments.language.words import span_in_words, to_plain
from segments.leaves.areas import (
    MOST_LATITUDE,
    MOST_LONGITUDE,
    Circle,
    Point,
    Shape,
    area_from_json,
    degrees,
    distance,
    is_number,
)

_POSITION = ("event", "trait", "within", "lat", "lon")


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
        return cls(area_from_json(plain), of)

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


def point_in(document: Mapping[str, Any], of: Position) -> Point | None:
    """The position in a document, if it has a valid one."""
    lat, lon = (_coordinate(document, path) for path in of.paths())
    if lat is None or lon is None or abs(lat) > MOST_LATITUDE or abs(lon) > MOST_LONGITUDE:
        return None
    return degrees(lat), degrees(lon)


def _coordinate(document: Any, path: tuple[str, ...]) -> Decimal | None:
    for step in path:
        document = document.get(step) if isinstance(document, Mapping) else None
    if not is_number(document):
        return None
    return Decimal(repr(document)) if isinstance(document, float) else Decimal(document)


def _position(plain: Mapping[str, Any]) -> Position:
    only(plain, *_POSITION)
    scopes: list[Literal["trait", "event"]] = [scope for scope in ("trait", "event") if scope in plain]
    if len(scopes) != 1:
        raise DefinitionError("of", "needs either event or trait")
    names = (plain.get("lat", "lat"), plain.get("lon", "lon"))
    return Position(scopes[0], plain[scopes[0]], window(plain.get("within")), *names)
