"""Dead letters: what could not be taken is kept with its reason, bounded in size, so that nothing vanishes in silence."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from store.database import Connection, Pool
from store.named import queries

#: Characters of an item that are kept.
ITEM_LIMIT = 64 * 1024


class DeadLetter(NamedTuple):
    """One item that was not taken: its JSON text and the reason."""

    source: str
    received_at: datetime
    message_id: str | None
    reason: str
    item: str


@dataclass(frozen=True, slots=True)
class Buried:
    """A dead letter as it is kept."""

    id: int
    source: str
    received_at: datetime
    message_id: str | None
    reason: str
    item: str


async def bury(connection: "Connection | Pool", letters: Sequence[DeadLetter]) -> None:
    """Keep these items; safe for any text (NUL and lone surrogates are replaced by U+FFFD)."""
    if letters:
        columns = list(zip(*(_bounded(letter) for letter in letters), strict=True))
        await connection.execute(queries("dead_letters")["bury"], *columns)


async def dead_letters(
    connection: "Connection | Pool", *, before: int | None = None, source: str | None = None, limit: int = 50
) -> list[Buried]:
    """A page of dead letters, newest first; pass the last id as `before` for the next page."""
    rows = await connection.fetch(queries("dead_letters")["newest"], before or 2**63 - 1, source, limit)
    return [Buried(**dict(row)) for row in rows]


def _bounded(letter: DeadLetter) -> DeadLetter:
    message_id = None if letter.message_id is None else _storable(letter.message_id[:100])
    return letter._replace(message_id=message_id, reason=_storable(letter.reason), item=_storable(letter.item[:ITEM_LIMIT]))


def _storable(text: str) -> str:
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace").replace("\x00", "\ufffd")
