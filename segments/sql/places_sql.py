"""The SQL of positions: great-circle distance and even-odd polygons in plain arithmetic, with no extension.

Promise: the same steps in the same order as `places`, so both give the same answer; no coordinate can make it raise.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from segments.leaves.places import DECIMALS, EARTH_RADIUS, MOST_LATITUDE, MOST_LONGITUDE, Circle, Located, Shape
from segments.sql.conditions import Expression, Selection, inside
from segments.sql.tables import profile

_FLOAT: sa.Double[float] = sa.Double()


@inside.register
def _(predicate: Located, selection: Selection) -> Expression:
    return _of_event(predicate, selection) if predicate.of.scope == "event" else _of_trait(predicate)


def _of_trait(leaf: Located) -> Expression:
    lat, lon = _position(leaf, profile.c.traits)
    point = sa.select(lat.label("lat"), lon.label("lon")).correlate(profile).lateral()
    return _one().select_from(point).where(*_known(point), _in_area(leaf.area, point)).correlate(profile).exists()


def _of_event(leaf: Located, selection: Selection) -> Expression:
    """The newest valid position (any of those of one instant)."""

    def position(e: Any) -> list[Expression]:
        return list(_position(leaf, e.c.properties))

    def known(e: Any) -> list[Expression]:
        return [*selection.during(e, leaf.of.name, leaf.of.window), *(each.is_not(None) for each in position(e))]

    def placed(e: Any) -> list[Any]:
        return [each.label(name) for each, name in zip(position(e), ("lat", "lon"), strict=True)]

    newest = selection.outermost("last", known, placed)
    return selection.some(sa.select(newest.c.profile_id).where(_in_area(leaf.area, newest)))


def _position(leaf: Located, document: Expression) -> tuple[Expression, Expression]:
    lat, lon = leaf.of.paths()
    return _coordinate(document, lat, MOST_LATITUDE), _coordinate(document, lon, MOST_LONGITUDE)


def _coordinate(document: Expression, path: tuple[str, ...], most: int) -> Expression:
    """The degrees at a place in a document, or NULL when they are not a number in its range."""
    for step in path[:-1]:
        document = document.op("->", return_type=JSONB())(_text(step))
    json = document.op("->", return_type=JSONB())(_text(path[-1]))
    number = sa.cast(document.op("->>", return_type=sa.Text())(_text(path[-1])), sa.Numeric())
    degrees = sa.cast(sa.func.round(number, sa.literal(DECIMALS)), _FLOAT)
    on_earth = sa.case((number.between(sa.literal(-most), sa.literal(most)), degrees))
    return sa.case((sa.func.jsonb_typeof(json) == _text("number"), on_earth))


def _known(point: Any) -> list[Expression]:
    return [point.c.lat.is_not(None), point.c.lon.is_not(None)]


def _in_area(area: Circle | Shape, point: Any) -> Expression:
    return _in_circle(area, point) if isinstance(area, Circle) else _in_shape(area, point)


def _in_circle(circle: Circle, point: Any) -> Expression:
    lat1, lon1 = _number(circle.lat), _number(circle.lon)
    up = sa.func.sin(sa.func.radians(point.c.lat - lat1) / _number(2))
    along = sa.func.sin(sa.func.radians(point.c.lon - lon1) / _number(2))
    flat = sa.func.cos(sa.func.radians(lat1)) * sa.func.cos(sa.func.radians(point.c.lat))
    part = up * up + flat * along * along
    metres = _number(2 * EARTH_RADIUS) * sa.func.asin(sa.func.least(_number(1), sa.func.sqrt(part)))
    return metres < _number(circle.metres)


def _in_shape(shape: Shape, point: Any) -> Expression:
    columns = list(zip(*((*a, *b) for a, b in shape.sides), strict=True))
    names = ("a_lat", "a_lon", "b_lat", "b_lon")
    arrays = [sa.bindparam(None, list(column), ARRAY(_FLOAT), unique=True) for column in columns]
    side = sa.func.unnest(*arrays).table_valued(*(sa.column(name, _FLOAT) for name in names)).render_derived()
    a_lat, a_lon, b_lat, b_lon = (side.c[name] for name in names)
    where = (b_lon - a_lon) * (point.c.lat - a_lat) / (b_lat - a_lat) + a_lon
    east = sa.case(((a_lat > point.c.lat) != (b_lat > point.c.lat), point.c.lon < where), else_=sa.false())
    crossed = sa.select(sa.func.count()).select_from(side).where(east).correlate(point).scalar_subquery()
    return crossed % sa.literal(2) == sa.literal(1)


def _one() -> sa.Select[Any]:
    return sa.select(sa.literal_column("1"))


def _text(value: str) -> Expression:
    return sa.bindparam(None, value, sa.Text, unique=True)


def _number(value: Any) -> Expression:
    return sa.bindparam(None, float(value), _FLOAT, unique=True)
