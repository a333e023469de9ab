"""Reading JSON strictly: what the readers of definitions share.

Promise: pure; a misspelt key or a wrong kind of value fails with its place.
"""

from collections.abc import Mapping
from datetime import timedelta
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
