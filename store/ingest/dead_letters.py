"""Dead letters: what could not be taken is kept with its reason, bounded in size, so that nothing vanishes in silence.

Promise: an item is kept once, however often a client sends it; `times` counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from store.audit import note
from store.database import Connection, Pool, transaction
from store.named import queries

#: Characters of an item that are kept, and of what is needed to read it again.
ITEM_LIMIT = 64 * 1024
_SQL = queries("dead_letters")
_LAST = 2**63 - 1


class DeadLetter(NamedTuple):
    """One item that was not taken: its JSON text and the reason.

    `arrival` is a JSON text that helps to read it again (None: it is no item of ingest), `same` what two of it have in
    common (by default the item).
    """

    source: str
    received_at: datetime
    message_id: str | None
    reason: str
    item: str
    arrival: str | None = None
    same: str | None = None


@dataclass(frozen=True, slots=True)
class Buried:
    """A dead letter as it is kept."""

    id: int
    source: str
    received_at: datetime
    message_id: str | None
    reason: str
    item: str
    arrival: str | None
    times: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Counted:
    """Dead letters of a key with one reason, by its code: how many, how often they came, and when the last did."""

    source: str
    reason: str
    letters: int
    times: int
    last_at: datetime


class Which(NamedTuple):
    """Dead letters by id, source, the beginning of the reason, and when they came; None: any."""

    ids: Sequence[int] | None = None
    source: str | None = None
    reason: str | None = None
    since: datetime | None = None
    until: datetime | None = None


#: Every one there is.
ANY = Which()


async def bury(connection: "Connection | Pool", letters: Sequence[DeadLetter]) -> None:
    """Keep these items; safe for any text (NUL and lone surrogates are replaced by U+FFFD)."""
    rows: dict[bytes, list[Any]] = {}
    for letter in letters:
        row = rows.setdefault(_digest(letter), [*_bounded(letter), 0])
        row[-1] += 1
    if rows:
        columns = [list(column) for column in zip(*rows.values(), strict=True)]
        await connection.execute(_SQL["bury"], *columns[:5], list(rows), *columns[5:])


async def dead_letters(
    connection: "Connection | Pool", which: Which = ANY, *, before: int | None = None, limit: int = 50
) -> list[Buried]:
    """A page of dead letters, newest first; pass the last id as `before` for the next page."""
    rows = await connection.fetch(_SQL["chosen"], *which, before or _LAST, limit)
    return [Buried(**dict(row)) for row in rows]


async def by_reason(connection: "Connection | Pool", newest: int) -> list[Counted]:
    """How many of the newest dead letters there are by key and reason; nothing of what stands in them."""
    return [Counted(**dict(row)) for row in await connection.fetch(_SQL["by_reason"], newest)]


async def purge(connection: "Connection | Pool", which: Which, verb: str = "purge") -> int:
    """Forget these dead letters, or those that were taken now; returns how many they were."""
    async with transaction(connection) as own:
        purged = len(await own.fetch(_SQL["purge"], *which))
        if purged:
            became = {"letters": purged, "source": which.source, "reason": which.reason}
            await note(own, verb, "dead-letters", became=became)
    return purged


async def refused_again(connection: "Connection | Pool", reasons: Sequence[tuple[int, str]]) -> None:
    """Note why these cannot be taken today."""
    if reasons:
        await connection.execute(_SQL["refused_again"], *zip(*reasons, strict=True))


def _digest(letter: DeadLetter) -> bytes:
    same = letter.item if letter.same is None else letter.same
    return sha256(f"{letter.source}\0{same}".encode("utf-8", "surrogatepass")).digest()


def _bounded(letter: DeadLetter) -> tuple[Any, ...]:
    message_id = None if letter.message_id is None else _storable(letter.message_id[:100])
    arrival = letter.arrival if letter.arrival is not None and len(letter.arrival) <= ITEM_LIMIT else None
    whole = arrival if len(letter.item) <= ITEM_LIMIT else None
    return (
        letter.source,
        letter.received_at,
        message_id,
        _storable(letter.reason),
        _storable(letter.item[:ITEM_LIMIT]),
        None if whole is None else _storable(whole),
    )


def _storable(text: str) -> str:
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace").replace("\x00", "\ufffd")
