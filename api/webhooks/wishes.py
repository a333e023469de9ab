"""STOP and START as people write them: whether a reply asks us to stop, or takes that back.

Promise: what is left of the text without courtesies is nothing but such words, in the languages that the shop declares; a
sentence that merely contains one ("STOP by my house", "don't stop") stays a reply. With both kinds of words, STOP wins.
"""

import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from enum import Enum
from functools import cache
from pathlib import Path

_WORDS = tomllib.loads((Path(__file__).parent / "wishes.toml").read_text(encoding="utf-8"))
LANGUAGES = tuple(_WORDS)
_SIGN = "\N{OCTAGONAL SIGN}"
_LONGEST = 5  # words of a phrase


class Wish(Enum):
    """What a reply asks for."""

    STOP = "stop"
    START = "start"


def wish_of(text: str, languages: Iterable[str]) -> Wish | None:
    """What a text asks for in these languages, or None where it is an ordinary reply.

    A first line that asks us to stop is enough: below it stands what phones and mail programs sign with.
    """
    known = _phrases(tuple(languages))
    first = next(filter(None, map(str.strip, text.splitlines())), "")
    return _wish(text, known) or (Wish.STOP if _wish(first, known) is Wish.STOP else None)


def _wish(text: str, known: Mapping[tuple[str, ...], Wish | None]) -> Wish | None:
    words, said, place = _words(text), set[Wish | None](), 0
    while place < len(words):
        length = next((n for n in range(min(_LONGEST, len(words) - place), 0, -1) if words[place : place + n] in known), 0)
        if not length:
            return None
        said.add(known[words[place : place + length]])
        place += length
    return Wish.STOP if Wish.STOP in said else Wish.START if Wish.START in said else None


@cache
def _phrases(languages: tuple[str, ...]) -> dict[tuple[str, ...], Wish | None]:
    """Every phrase, as its words; what asks for something goes before what does not."""
    found: dict[tuple[str, ...], Wish | None] = {}
    for kind, meaning in (("around", None), ("start", Wish.START), ("stop", Wish.STOP)):
        found |= {_words(phrase): meaning for language in languages for phrase in _WORDS[language][kind]}
    return found | {("stop",): Wish.STOP}


def _words(text: str) -> tuple[str, ...]:
    """Words without case, width, accents, and everything that is not a letter or a figure; S.T.O.P is one word.

    Characters that only format (a soft hyphen, one of no width) part no word.
    """
    plain = unicodedata.normalize("NFKD", text.replace(_SIGN, " stop ")).casefold()
    plain = "".join(each for each in plain if not unicodedata.combining(each) and unicodedata.category(each) != "Cf")
    words = "".join(each if each.isalnum() else " " for each in plain).split()
    return ("".join(words),) if len(words) > 1 and all(len(word) == 1 for word in words) else tuple(words)
