"""Reading places from JSON, as strictly as `wire` reads everything.

Promise: pure; what `to_json` of a leaf wrote comes back, and anything else fails with its place.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

from segments.errors import DefinitionError
from segments.language.reading import an_object, only, window
from segments.leaves.places import Circle, Located, Position, Shape, last_location

_CIRCLE = ("lat", "lon", "km")
_POSITION = ("event", "trait", "within", "lat", "lon")


def located_from_json(plain: Mapping[str, Any]) -> Located:
    """The leaf that `to_json` wrote."""
    tag = "near" if "near" in plain else "inside"
    only(plain, tag, "of")
    of = _position_from_json(an_object("of", plain["of"], *_POSITION)) if "of" in plain else last_location
    return Located(_circle(an_object("near", plain["near"], *_CIRCLE)) if tag == "near" else _shape(plain["inside"]), of)


def _circle(plain: Mapping[str, Any]) -> Circle:
    only(plain, *_CIRCLE)
    return Circle(*(_number(plain.get(name)) for name in _CIRCLE))


def _shape(plain: object) -> Shape:
    if not isinstance(plain, list) or not all(isinstance(corner, list) for corner in plain):
        raise DefinitionError("inside", "needs a list of [latitude, longitude] pairs")
    return Shape(tuple(tuple(_number(value) for value in corner) for corner in plain))


def _position_from_json(plain: Mapping[str, Any]) -> Position:
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
