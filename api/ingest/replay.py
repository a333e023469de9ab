"""Dead letters read again, after a fix of ours or of a key's settings: by the same path as when they came, each once.

Promise: what can be taken now is stored under its own time and leaves the dead letters; what cannot says why today. A letter
without a message id gets one from its number, so that a replay that broke off can be repeated.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Any

from api.body import parse
from api.ingest.arrival import Arrival, Rejected
from api.ingest.clients import as_claimed
from api.ingest.signed import Signatures, unsigned
from api.ingest.spec import read_item
from api.problems import Problem
from segments.language.readings import Reading
from store import Database
from store.ingest.batch import Memory, store_apart
from store.ingest.dead_letters import Buried, Which, dead_letters, purge, refused_again
from store.ingest.items import Item

Readings = Mapping[str, Reading]
_AS_SENT: Readings = MappingProxyType({})
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many were stored, had been stored before, cannot be taken today either, or are no items of ingest."""

    stored: int = 0
    duplicates: int = 0
    refused: int = 0
    skipped: int = 0

    def __add__(self, other: "Replayed") -> "Replayed":
        return Replayed(
            self.stored + other.stored,
            self.duplicates + other.duplicates,
            self.refused + other.refused,
            self.skipped + other.skipped,
        )


async def replay(database: Database, which: Which, now: datetime, region: str, readings: Readings = _AS_SENT) -> Replayed:
    """Read these dead letters again, and store what can be taken; numbers without a country code are of this region."""
    total, before = Replayed(), None
    while letters := await dead_letters(database.pool, which, before=before, limit=_AT_ONCE):
        total += await _replay(database, letters, now, partial(_read, region=region, readings=readings))
        before = letters[-1].id
    return total


async def _replay(database: Database, letters: Sequence[Buried], now: datetime, read: Callable[[Buried], Item]) -> Replayed:
    items: dict[tuple[str, str], Item] = {}
    mine: dict[tuple[str, str], list[int]] = {}
    reasons: list[tuple[int, str]] = []
    whole = [letter for letter in letters if letter.arrival is not None]
    for letter in whole:
        try:
            item = read(letter)._replace(received_at=now)
        except Rejected as verdict:
            reasons.append((letter.id, verdict.reason))
            continue
        items.setdefault((item.source, item.message_id), item)
        mine.setdefault((item.source, item.message_id), []).append(letter.id)
    outcome = dict(zip(items, await store_apart(database, list(items.values()), Memory()), strict=True))
    for key, kept in outcome.items():
        if isinstance(kept, Exception):
            reasons += [(id_, f"not-storable: {kept}") for id_ in mine[key]]
    await refused_again(database.pool, reasons)
    done = [id_ for key, kept in outcome.items() if not isinstance(kept, Exception) for id_ in mine[key]]
    await purge(database.pool, Which(ids=done), "replay")
    stored = sum(kept is True for kept in outcome.values())
    return Replayed(stored, len(done) - stored, len(reasons), len(letters) - len(whole))


def remembered(arrival: Arrival, kind: str | None) -> dict[str, Any]:
    """What of an arrival is needed to read one of its items again; what came by a client's key is never believed more."""
    told = {"kind": kind, "skew": arrival.skew.total_seconds(), "context": unsigned(arrival.context)}
    return told if arrival.client is None else told | {"client": True}


def _read(letter: Buried, *, region: str, readings: Readings) -> Item:
    assert letter.arrival is not None, "only items of ingest are read again"
    try:
        body = parse(letter.item.encode())
    except Problem as error:
        raise Rejected("not-json", error.detail) from error
    came = json.loads(letter.arrival)
    arrival = Arrival(
        letter.source,
        letter.received_at,
        region,
        clean=body.clean,
        skew=timedelta(seconds=came["skew"]),
        context=came["context"],
        request_key=f"dead-letter/{letter.id}",
        readings=readings,
    )
    if "client" in came:  # signatures are not kept
        arrival = replace(arrival, by="customer", client=Signatures((), letter.source))
    item, withheld = as_claimed(read_item(body.value, arrival, came["kind"]))
    if withheld:
        raise withheld
    return item
