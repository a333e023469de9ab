"""How long a text message is: in which alphabet it goes, and in how many parts, which is what carriers bill.

Promise: pure. One character outside the GSM alphabet turns the whole text into UCS-2, with less than half the room; no part
ends between the two halves of a character.
Source: 3GPP TS 23.038, 6.2.1 (the alphabet and its extension), TS 23.040, 9.2.3.24.1 (the header of joined parts: 6 octets).
"""

from collections.abc import Iterable
from dataclasses import dataclass

#: What both providers take in one message, and no telephone shows in one piece.
MOST_CHARACTERS = 1_600

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")  # an escape and a character
_ROOM = {"GSM-7": (160, 153), "UCS-2": (70, 67)}  # units in a message of one part, and in each of several
_BEYOND_PLANE = 0xFFFF


@dataclass(frozen=True, slots=True)
class Size:
    """What a text comes to: units are septets, or 16-bit words."""

    alphabet: str
    units: int
    parts: int

    def __str__(self) -> str:
        return f"{self.parts} part{'' if self.parts == 1 else 's'} ({self.units} units of {self.alphabet})"


def size_of(text: str) -> Size:
    """The alphabet, length and parts of a text; an empty one has one part."""
    alphabet = "UCS-2" if foreign(text) else "GSM-7"
    widths = [_width(character, alphabet) for character in text]
    alone, joined = _ROOM[alphabet]
    return Size(alphabet, sum(widths), 1 if sum(widths) <= alone else _filled(widths, joined))


def foreign(text: str) -> list[str]:
    """The characters that the GSM alphabet lacks, in their order, each once."""
    return list(dict.fromkeys(each for each in text if each not in _BASIC and each not in _EXTENDED))


def _width(character: str, alphabet: str) -> int:
    if alphabet == "UCS-2":
        return 2 if ord(character) > _BEYOND_PLANE else 1
    return 2 if character in _EXTENDED else 1


def _filled(widths: Iterable[int], room: int) -> int:
    """How many parts are filled one after the other."""
    parts, left = 1, room
    for width in widths:
        if width > left:
            parts, left = parts + 1, room
        left -= width
    return parts
