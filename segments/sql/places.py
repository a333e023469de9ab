"""Positions as SQL: great-circle distance and even-odd polygons in plain arithmetic, with no extension.

Promise: the same steps in the same order as `segments.leaves.areas`, so both give the same answer; no coordinate can make
it raise.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from segments.language.query import Path
from segments.leaves.areas import DECIMALS, EARTH_RADIUS, MOST_LATITUDE, MOST_LONGITUDE, Point
from segments.leaves.places import Position
from segments.sql.documents import Expression, Value, bound
from segments.sql.selection import Selection
from segments.sql.tables import profile

_FLOAT: sa.Double[float] = sa.Double()


class Place(NamedTuple):
    """Degrees that are known."""

    lat: Expression
    lon: Expression

    def metres(self, lat: float, lon: float) -> Expression:
        """How far away another place is, by the haversine formula."""
        lat1, lon1 = _number(lat), _number(lon)
        up = sa.func.sin(sa.func.radians(self.lat - lat1) / _number(2))
        along = sa.func.sin(sa.func.radians(self.lon - lon1) / _number(2))
        flat = sa.func.cos(sa.func.radians(lat1)) * sa.func.cos(sa.func.radians(self.lat))
        part = up * up + flat * along * along
        return _number(2 * EARTH_RADIUS) * sa.func.asin(sa.func.least(_number(1), sa.func.sqrt(part)), type_=_FLOAT)

    def within(self, sides: Sequence[tuple[Point, Point]]) -> Expression:
        """Whether a line to the east crosses an odd number of sides."""
        columns = list(zip(*((*a, *b) for a, b in sides), strict=True))
        names = ("a_lat", "a_lon", "b_lat", "b_lon")
        arrays = [sa.bindparam(None, list(column), ARRAY(_FLOAT), unique=True) for column in columns]
        side = sa.func.unnest(*arrays).table_valued(*(sa.column(name, _FLOAT) for name in names)).render_derived()
        a_lat, a_lon, b_lat, b_lon = (side.c[name] for name in names)
        where = (b_lon - a_lon) * (self.lat - a_lat) / (b_lat - a_lat) + a_lon
        east = sa.case(((a_lat > self.lat) != (b_lat > self.lat), self.lon < where), else_=sa.false())
        crossed = sa.select(sa.func.count()).select_from(side).where(east).correlate_except(side).scalar_subquery()
        return crossed % sa.literal(2) == sa.literal(1)


def located(position: Position, test: Callable[[Place], Any], selection: Selection) -> Expression:
    """Whether the position in a trait, or the newest valid one of an event (any of those of one instant), meets a test."""
    if position.scope == "trait":
        lat, lon = _degrees(position, profile.c.traits)
        point = sa.select(lat.label("lat"), lon.label("lon")).correlate(profile).lateral()
        known = [point.c.lat.is_not(None), point.c.lon.is_not(None), test(Place(point.c.lat, point.c.lon))]
        return sa.select(sa.literal_column("1")).select_from(point).where(*known).correlate(profile).exists()
    newest = selection.outermost(
        "last",
        lambda e: (
            selection.during(e, position.name, position.window)
            + [each.is_not(None) for each in _degrees(position, e.c.properties)]
        ),
        lambda e: [each.label(name) for each, name in zip(_degrees(position, e.c.properties), Place._fields, strict=True)],
    )
    return selection.some(sa.select(newest.c.profile_id).where(test(Place(newest.c.lat, newest.c.lon))))


def _degrees(position: Position, document: Expression) -> Place:
    lat, lon = position.paths()
    return Place(_coordinate(document, lat, MOST_LATITUDE), _coordinate(document, lon, MOST_LONGITUDE))


def _coordinate(document: Expression, path: Path, most: int) -> Expression:
    """The degrees at a place in a document, or NULL when they are not a number in its range."""
    for step in path[:-1]:
        document = Value.field(document, step).json
    number = sa.cast(Value.field(document, path[-1]).text, sa.Numeric())
    degrees = sa.cast(sa.func.round(number, sa.literal(DECIMALS)), _FLOAT)
    on_earth = sa.case((number.between(sa.literal(-most), sa.literal(most)), degrees))
    return sa.case((Value.field(document, path[-1]).type == bound("number", "text"), on_earth))


def _number(value: Any) -> Expression:
    return sa.bindparam(None, float(value), _FLOAT, unique=True)
