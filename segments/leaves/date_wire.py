"""Reading leaves about dates in traits from JSON, as strictly as `wire` reads everything.

Promise: pure; what `to_json` of a leaf wrote comes back, and anything else fails with its place.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from segments.errors import DefinitionError
from segments.language.reading import an_object, only, window
from segments.leaves.dates import Age, Anniversary, Near
from segments.time.calendar import Period

#: The keys beside "trait" that make it one of these.
DATED = ("within_next", "within_last", "anniversary")
_ANNIVERSARY = ("within_days", "zone", "otherwise")


def dated_from_json(plain: Mapping[str, Any], path: tuple[str, ...]) -> Near | Anniversary:
    """`{"trait": …, "within_next": seconds}`, `within_last` or `anniversary`."""
    word = next(name for name in DATED if name in plain)
    only(plain, "trait", word)
    if word != "anniversary":
        span = window(plain[word]) or timedelta(0)
        return Near(path, span, timedelta(0)) if word == "within_next" else Near(path, timedelta(0), span)
    given = an_object("anniversary", plain["anniversary"], *_ANNIVERSARY)
    only(given, *_ANNIVERSARY)
    return Anniversary(path, given.get("within_days", 0), _day(given))


def age_from_json(plain: Mapping[str, Any], operand: Callable[[Any], Any]) -> Age:
    """`{"age": trait, "is": …, "value": …, "zone": …}`."""
    only(plain, "age", "is", "value", "zone", "otherwise")
    if not isinstance(plain["age"], str):
        raise DefinitionError("age", f"needs the name of a trait, not {plain['age']!r}")
    path = tuple(plain["age"].split("."))
    return Age(path, str(plain.get("is")), operand(plain.get("value")), _day(plain))


def _day(plain: Mapping[str, Any]) -> Period:
    zone = plain.get("zone")
    return Period("day", zone, plain.get("otherwise", "UTC" if zone is None else None))
