"""Reading JSON strictly: what the readers of definitions share.

Promise: pure; a misspelt key or a wrong kind of value fails with its place.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from segments.errors import DefinitionError


def only(plain: Mapping[str, Any], *known: str) -> None:
    """Refuse keys that nobody reads."""
    if unknown := [name for name in plain if name not in known]:
        raise DefinitionError(str(unknown[0]), f"unknown here; use {', '.join(known)}")


def window(seconds: object) -> timedelta | None:
    """A span given in seconds."""
    if seconds is None:
        return None
    try:
        return timedelta(seconds=seconds)  # type: ignore[arg-type]  # whatever it is, it must fail here with a reason
    except (TypeError, OverflowError, ValueError):
        raise DefinitionError("within", f"needs a number of seconds, not {seconds!r}") from None


def an_object(place: str, value: object, *keys: str) -> Mapping[str, Any]:
    """The value, if it is an object of which only `keys` are read."""
    if not isinstance(value, Mapping):
        raise DefinitionError(place, f"needs an object with keys such as {', '.join(keys)}, not {value!r}")
    return value


def path_of(key: str, name: object) -> tuple[str, ...]:
    """The steps of a name with dots."""
    if not isinstance(name, str):
        raise DefinitionError(key, f"needs a name, not {name!r}")
    return tuple(name.split("."))


def operand(value: Any) -> Any:
    """What something is compared with; an object with one key names a kind that JSON has no word for."""
    if isinstance(value, list):
        return tuple(operand(choice) for choice in value)
    if isinstance(value, Mapping) and len(value) == 1:
        return _tagged(*next(iter(value.items())))
    return value


def _tagged(kind: str, text: Any) -> Any:
    try:
        return _TAGGED[kind](text)
    except (KeyError, TypeError, ValueError, InvalidOperation):
        problem = f"cannot read {{{kind!r}: {text!r}}}; use decimal, datetime or date with a text"
        raise DefinitionError("value", problem) from None


_TAGGED: Mapping[str, Callable[[str], Any]] = {
    "decimal": Decimal,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
}
