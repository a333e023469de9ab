"""By what a customer is recognised where no id of ours stands: in what could not be taken in, as it was sent.

Promise: a name counts where a name stands, so that nobody else's item goes because it holds the number 41; an address counts
wherever it stands, however it was typed.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson

#: Under which keys a name of a customer stands, in the forms of all clients (compared without case and underscores).
_NAMES = frozenset({"userid", "anonymousid", "previousid", "id", "customerid", "contactid"})
#: From this length on, a name is one wherever it stands: no quantity or price looks so.
_UNMISTAKABLE = 12
#: From this length on, a name is one also as a part of a message id.
_TELLING = 6
_DIGITS = 9  # of a number in its country: what is left of it when the prefix is left out
_LONGEST = 200  # characters of a leaf in which a telephone number is looked for by its digits


@dataclass(frozen=True, slots=True)
class Traces:
    """The names and addresses of a customer."""

    names: frozenset[str]
    addresses: frozenset[str]
    numbers: frozenset[str]  # the last digits of telephone numbers

    @classmethod
    def of(cls, subject: Mapping[str, Sequence[str]] | None) -> "Traces":
        """From `names` and `addresses`."""
        told = subject or {}
        addresses = frozenset(address.lower() for address in told.get("addresses", ()))
        numbers = {digits[-_DIGITS:] for address in addresses if address[:1] == "+" and (digits := _digits(address))}
        return cls(frozenset(told.get("names", ())), addresses, frozenset(n for n in numbers if len(n) == _DIGITS))

    def are_in(self, item: str) -> bool:
        """Whether a dead letter speaks of the customer; one that is no JSON is read as a text."""
        with suppress(ValueError, RecursionError):
            return any(self._is(key, leaf) for key, leaf in _leaves("", orjson.loads(item)))
        return self._in_text(item) or any(f'"{name}"' in item for name in self.names)

    def are_in_id(self, id_: str) -> bool:
        """Whether a message id tells who it is about."""
        low = id_.lower()
        return self._in_text(id_) or any(len(name) >= _TELLING and name.lower() in low for name in self.names)

    def _is(self, key: str, leaf: str) -> bool:
        named = key.replace("_", "").lower() in _NAMES or len(leaf) >= _UNMISTAKABLE
        return (named and leaf in self.names) or self._in_text(leaf)

    def _in_text(self, text: str) -> bool:
        low = text.lower()
        if any(address in low for address in self.addresses):
            return True
        digits = _digits(text) if len(text) <= _LONGEST and self.numbers else ""
        return any(number in digits for number in self.numbers)


def _leaves(key: str, value: Any) -> Iterator[tuple[str, str]]:
    match value:
        case dict():
            for name, inside in value.items():
                yield "", name
                yield from _leaves(name, inside)
        case list():
            for inside in value:
                yield from _leaves(key, inside)
        case None | bool():
            return
        case _:
            yield key, str(value)


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdecimal())
