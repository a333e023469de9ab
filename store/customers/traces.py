"""By what a customer is recognised where no id of ours stands: in what could not be taken in, as it was sent.

Promise: a name counts where a name stands, so that nobody else's item goes because it holds the number 41; an address counts
wherever it stands, however it was typed: in capitals, decomposed, its domain in letters or as an A-label, a number in any
digits and with anything between them. So does what links and pages made of it, up to three times over: percent-encoded, as
HTML's references, as JSON's escapes, in base64. What was hashed or encrypted is not recognised.
"""

import html
import re
import unicodedata
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import orjson

#: Under which keys a name of a customer stands, in the forms of all clients (compared without case and underscores).
_NAMES = frozenset({"userid", "anonymousid", "previousid", "id", "customerid", "contactid"})
#: From this length on, a name is one wherever it stands: no quantity or price looks so.
_UNMISTAKABLE = 12
#: From this length on, a name is one also as a part of a message id.
_TELLING = 6
_DIGITS = 9  # of a number in its country: what is left of it when the prefix is left out
_LONGEST = 200  # characters of a leaf in which a telephone number is looked for by its digits
_TIMES = 3  # a text may be encoded, one way in the other
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))")
#: In both alphabets (RFC 4648, 4 and 5): a / may also be what stands before it in a link.
_BASE64 = re.compile(r"[A-Za-z0-9+/]{8,}"), re.compile(r"[A-Za-z0-9_-]{8,}")
_STANDARD = str.maketrans("-_", "+/")


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
        addresses = frozenset(form for address in told.get("addresses", ()) for form in _spelt(address))
        numbers = {digits[-_DIGITS:] for address in addresses if address[:1] == "+" and (digits := _digits(address))}
        return cls(frozenset(told.get("names", ())), addresses, frozenset(n for n in numbers if len(n) == _DIGITS))

    def are_in(self, item: str) -> bool:
        """Whether a text speaks of the customer; what is no JSON is read as it stands."""
        with suppress(ValueError, RecursionError):
            return any(self._is(key, leaf) for key, leaf in _leaves("", orjson.loads(item)))
        return self._in_text(item) or any(f'"{name}"' in form for form in _forms(item) for name in self.names)

    def are_in_letter(self, message_id: str | None, kept: Iterable[str | None]) -> bool:
        """Whether any text does that is kept of a dead letter."""
        return any(self.are_in(text) for text in kept if text) or (message_id is not None and self.are_in_id(message_id))

    def are_in_id(self, id_: str) -> bool:
        """Whether a message id tells who it is about."""
        low = id_.lower()
        return self._in_text(id_) or any(len(name) >= _TELLING and name.lower() in low for name in self.names)

    def _is(self, key: str, leaf: str) -> bool:
        named = key.replace("_", "").lower() in _NAMES or len(leaf) >= _UNMISTAKABLE
        return (named and unicodedata.normalize("NFC", leaf) in self.names) or self._in_text(leaf)

    def _in_text(self, text: str) -> bool:
        return any(self._in_form(form) for form in _forms(text))

    def _in_form(self, text: str) -> bool:
        low = _low(text)
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


def _forms(text: str) -> set[str]:
    """A text as it stands, and what it says when it is read as links, pages and programs write texts."""
    found, new = {text}, {text}
    for _ in range(_TIMES):
        new = {read for form in new for read in _read(form)} - found
        found |= new
    return found


def _read(text: str) -> Iterator[str]:
    if "%" in text:
        yield unquote(text)
    if "&" in text:
        yield html.unescape(text)
    if "\\" in text:
        units = _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)) if escape[1] else escape[2], text)
        yield units.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    for run in (run for alphabet in _BASE64 for run in alphabet.findall(text)):
        with suppress(ValueError):
            yield b64decode(run.translate(_STANDARD) + "=" * (-len(run) % 4)).decode()


def _spelt(address: str) -> set[str]:
    """An address as it is kept, and with its domain in letters; of a browser's subscription, where its messages go."""
    if address.startswith("{"):
        with suppress(ValueError, KeyError):
            return {_low(address), _low(orjson.loads(address)["endpoint"])}
    before, at, domain = _low(address).rpartition("@")
    labels = domain.split(".")
    with suppress(UnicodeError):
        labels = [each[4:].encode().decode("punycode") if each.startswith("xn--") else each for each in labels]
    return {f"{before}{at}{domain}", f"{before}{at}{_low('.'.join(labels))}"}


def _low(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())


def _digits(text: str) -> str:
    return "".join(str(unicodedata.decimal(character)) for character in text if character.isdecimal())
