"""What can be kept and read back as it was: by JSON, by Postgres, and by a history; and what can be read as a name.

Promise: a number that is not finite or has more than 64 bits, and a text that no database holds, are told by place and kind of
fault, never by value. A name can be shown in a line of any list, and is what its author sees: nothing in it is blank or hidden.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from math import isfinite
from typing import Any

from pydantic import BaseModel

from journeys.errors import CatalogueError

Place = tuple[str, ...]

#: The kinds of fault, as pydantic names them, in words.
SAID = {
    "finite_number": "a number that is not finite cannot be kept",
    "int_parsing_size": "an integer of more than 64 bits cannot be kept",
    "string_unicode": "a text with U+0000 or half of a surrogate pair cannot be kept",
    "too_deep": "nothing nested this deeply can be kept",
}
_INSTEAD = {
    "finite_number": "one that is not finite",
    "int_parsing_size": "one of more than 64 bits",
    "string_unicode": "one with U+0000 or half of a surrogate pair",
}
_DEEPEST = 100
_LEAST, _MOST = -(2**63), 2**64 - 1


def flaws(value: object) -> dict[Place, str]:
    """What keeps a value, or a part of it, from being kept: the kind of fault by its place."""
    found: dict[Place, str] = {}
    left: list[tuple[Place, object]] = [((), value)]
    while left:  # whatever somebody else has written may be nested more deeply than Python calls
        place, part = left.pop()
        if kind := "too_deep" if len(place) > _DEEPEST else _flaw(part):
            found[place] = kind
        else:
            left += [((*place, name), inner) for name, inner in _parts(part)]
    return found


def is_plain(value: object) -> bool:
    """Whether it is a number, a flag, a text or None that a history gives back as it was."""
    return value is None or (isinstance(value, bool | int | float | str) and not flaws(value))


def a_kind(value: object) -> str:
    """What it is instead, without the value."""
    kind = flaws(value).get(()) if isinstance(value, bool | int | float | str) else None
    return _INSTEAD[kind] if kind else f"a {type(value).__name__}"


def in_utc(made: BaseModel) -> None:
    """Let instants that came without a zone be UTC, so that each can be compared with the clock."""
    for name, value in made.__dict__.items():
        if isinstance(value, datetime) and value.utcoffset() is None:
            made.__dict__[name] = value.replace(tzinfo=UTC)
        elif isinstance(value, BaseModel):
            in_utc(value)


def _flaw(value: object) -> str | None:
    match value:
        case float() | Decimal():
            return None if isfinite(value) else "finite_number"
        case int():
            return None if _LEAST <= value <= _MOST else "int_parsing_size"
        case str():
            return None if _is_storable(value) else "string_unicode"
    return None


def _is_storable(text: str) -> bool:
    return "\x00" not in text and not any("\ud800" <= each <= "\udfff" for each in text)


def _parts(value: object) -> Iterator[tuple[str, Any]]:
    match value:
        case BaseModel():
            yield from value
        case Mapping():
            yield from ((name if _is_storable(name) else "", name) for name in map(str, value))
            yield from ((str(name), inner) for name, inner in value.items())
        case list() | tuple() | set() | frozenset():
            yield from ((str(n), inner) for n, inner in enumerate(value))


def is_name(given: object, longest: int) -> bool:
    """Whether it is a text of 1 up to so many characters, with no control or invisible ones and no blank at either end."""
    return isinstance(given, str) and 0 < len(given) <= longest and given.isprintable() and given == given.strip()


def check_name(what: str, given: object, longest: int, remedy: str) -> None:
    """Refuse what is no name.

    Raises:
        CatalogueError: it is none.
    """
    if not is_name(given, longest):
        told = repr(given) if len(repr(given)) <= longest else f"{repr(given)[:longest]}…"
        text = f"{what} is a text of 1 to {longest} characters that can be read, without blanks around it, not {told}"
        raise CatalogueError(text, remedy=remedy)
