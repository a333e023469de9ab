"""What a template sees of a customer's data: texts without control characters, lists as people write them, nothing blank.

Promise: what is null, blank or empty is missing, at any depth, so that `default` catches it; an object is never shown as code.
"""

from collections.abc import Mapping
from math import inf
from typing import Any, NoReturn

from liquid.exceptions import LiquidTypeError

from activities.channels.email.mime import printable
from activities.templating.limits import DIGITS

_WHOLE = 2**53  # floats count whole numbers up to here


class NotAText(LiquidTypeError):
    """An object where a text should stand; its message holds no value."""


class Parts(dict[str, Any]):
    """An object: its parts can be named, itself it is not a text."""

    def __str__(self) -> NoReturn:
        raise NotAText("an object is not a text; name one of its parts", token=None)


class Several(tuple[Any, ...]):
    """A list: it can be looped over, and is shown with commas in between."""

    __slots__ = ()

    def __str__(self) -> str:
        return ", ".join(map(str, self))


def seen(values: Mapping[str, Any]) -> Parts:
    """Some values by name, without those that are missing."""
    shown = ((name, _seen(value)) for name, value in values.items())
    return Parts((name, value) for name, value in shown if value is not None)


def _seen(value: Any) -> Any:
    """A value as templates see it; None where there is nothing to see."""
    match value:
        case str():
            text = printable(value)
            return text if text.strip() else None
        case Mapping():
            return seen(value) or None
        case list() | tuple():
            return Several(item for item in map(_seen, value) if item is not None) or None
        case int() | float() if 10**DIGITS <= abs(value) < inf:
            return str(int(value))  # as a number it is none to count with: an id, say
        case float() if value.is_integer() and abs(value) < _WHOLE:
            return int(value)
    return value
