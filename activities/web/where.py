"""Where others are whom we call, by name: read from a setting's JSON, which stands in no catalogue.

Promise: what is wrong is told by the name and the field; no address and no secret is repeated.
"""

from collections.abc import Mapping
from typing import Protocol, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import TypeAdapter, ValidationError

#: Who is not named is here; `{name}` in the address is the name.
ANY_OTHER = "*"


class _Located(Protocol):
    @property
    def url(self) -> str | None: ...
    def model_copy(self, *, update: Mapping[str, str | None]) -> Self: ...


T = TypeVar("T")
L = TypeVar("L", bound=_Located)


def address(given: str) -> str:
    """An address that holds nothing but where somebody is; raises ValueError for another."""
    parts = urlsplit(given)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError("an address begins with https:// and a host")
    if parts.username or parts.password or parts.fragment:
        raise ValueError("an address holds no user, password or fragment; what it wants to see goes into authorization")
    return given


def read(reader: TypeAdapter[T], text: str) -> T:
    """What a setting says.

    Raises:
        ValueError: it is something else.
    """
    try:
        return reader.validate_json(text or "{}")
    except ValidationError as error:
        raise ValueError("; ".join(_told(each["loc"], each["msg"]) for each in error.errors(include_input=False))) from None


def located(known: Mapping[str, L], name: str) -> L | None:
    """Where somebody is; None where nobody has said."""
    if name in known:
        return known[name]
    if (other := known.get(ANY_OTHER)) is None:
        return None
    return other.model_copy(update={"url": other.url and other.url.replace("{name}", name)})


def _told(place: tuple[int | str, ...], what: str) -> str:
    return f"{'.'.join(map(str, place)) or 'all of it'}: {what.removeprefix('Value error, ')}"
