"""Traits by event time: what was said last holds, with who said it, how sure that was, and since when it is what it is.

Promise: in whatever order the same words arrive (late, together, or with another profile in a merge), the same value holds.
A word with a confidence is inferred and never replaces a declared value; `write_traits` in the SQL is the rule.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import NamedTuple
from uuid import UUID

from store.database import Connection
from store.named import queries

_SQL, _DERIVED = queries("traits"), queries("derived")


class Word(NamedTuple):
    """What a source said of one trait at a time; null takes it away. Value and confidence (0 to 1) are JSON texts."""

    profile_id: UUID
    trait: str
    value: str
    at: datetime
    source: str | None
    confidence: str | None = None


async def write_words(connection: Connection, words: Iterable[Word], *, ties: bool = True) -> None:
    """Write these words into profiles that this transaction has locked; `ties`: at the same instant, these win."""
    for step in _steps(words):
        await connection.execute(_SQL["write_traits"], *zip(*step, strict=True), ties)


async def move_words(connection: Connection, survivor: UUID, absorbed: UUID) -> None:
    """What is known of the absorbed profile's traits is said of the survivor, and forgotten there; ties stay."""
    rows = await connection.fetch(_SQL["words"], absorbed)
    await write_words(connection, [Word(survivor, *row) for row in rows], ties=False)
    await connection.execute(_SQL["forget_traits"], absorbed)
    await connection.execute(_DERIVED["again"], [survivor])


async def retell(connection: Connection, profiles: Sequence[UUID]) -> None:
    """What these profiles know, told anew from their events; for when events went from one to another."""
    words = [Word(*row) for row in await connection.fetch(_SQL["told"], profiles)]
    for profile in profiles:
        await connection.execute(_SQL["forget_traits"], profile)
    await write_words(connection, words)
    await connection.execute(_DERIVED["again"], profiles)


def _steps(words: Iterable[Word]) -> list[list[Word]]:
    """The words in rounds that have each trait once, the declared ones first; most often that is one round."""
    said: dict[tuple[UUID, str, bool], list[Word]] = {}
    for word in sorted(words, key=lambda word: word.at):
        said.setdefault((word.profile_id, word.trait, word.confidence is not None), []).append(word)
    chains: dict[tuple[UUID, str], list[Word]] = {}
    for (profile, trait, _), found in sorted(said.items(), key=lambda each: each[0][2]):
        chains.setdefault((profile, trait), []).extend(_telling(found))
    return [[word for word in rank if word is not None] for rank in zip_longest(*chains.values())]


def _telling(words: Sequence[Word]) -> list[Word]:
    """Of the words on one trait by their time, those that decide the value and since when it holds.

    They are the last and the first of the run of equal ones at the end, and the different one before these.
    """
    start = len(words) - 1
    while start and words[start - 1].value == words[-1].value:
        start -= 1
    return list(words[max(start - 1, 0) : start + 1]) + list(words[max(start + 1, len(words) - 1) :])
