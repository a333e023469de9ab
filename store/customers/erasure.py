"""Erasing a customer: at once nothing more is sent and nothing new is stored under them; then all that is held is purged.

Promise: `begin` is one transaction, after which no message of theirs is claimed and every name of theirs is free.
`purge` may be repeated and goes on where it was; what it dealt with is counted in the transaction that did it. The ledger's
rows and their sums stay, without the person; each no of theirs stays as a suppressed digest.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from store.audit import note
from store.customers.consent import forget
from store.customers.identity import NamesMoved, lock_values
from store.customers.traces import Traces
from store.database import Connection, Database, Record
from store.measuring.values import take_away
from store.named import queries

_SQL = queries("erasure")
_ATTEMPTS = 5
_PAGE = 500
#: How long after its claim a message may be at a provider, whatever became of the process that sent it.
_LONGEST = timedelta(minutes=10)

#: The tables whose rows of a customer go, and those whose rows stay without what is personal in them.
REMOVED = (
    *("identity", "endpoint", "endpoint_lost", "consent", "topic_choice", "merge", "event", "dirty", "segment_member"),
    *("segment_alarm", "segment_backfill_member", "segment_backfill_change", "segment_backfill_mark", "expectation"),
    *("inbox", "unread_reply", "wallet_device", "wallet_pass", "customer_touched", "customer_value", "campaign_row"),
    *("notification", "derived_due", "audience_due", "audience_member", "prediction_score", "product_due", "choice_made"),
)
EMPTIED = ("service_call", "segment_transition", "entry_refused", "run", "delivery", "audit", "source_row", "exposure")
#: Passes at Google: made to show nothing, and those of which Google would not have that.
IN_DEFINITIONS = "named_in_definitions"
AT_GOOGLE, KEPT_BY_GOOGLE = "google_wallet", "kept_by_google_wallet"
#: What of these is exported, by the name of its files; and as what files count that are written anew.
FILED = {"event": "events", "consent": "consents", "merge": "merges", "run": "runs", "delivery": "deliveries"}
FILES = "export_file"
#: Gone, too, where they speak of the customer: what could not be taken has no customer of its own.
DEAD_LETTERS = "dead_letter"


@dataclass(frozen=True, slots=True)
class Erasure:
    """One erasure as it stands; `in_flight` messages were at a provider when it began.

    `waits_for`: audiences whose destinations are still to forget the customer.
    """

    id: UUID
    profile_id: UUID
    requested_at: datetime
    requested_by: str
    counts: Mapping[str, int]
    in_flight: int
    started_at: datetime | None
    finished_at: datetime | None
    certificate: dict[str, Any] | None = field(repr=False)
    waits_for: list[str]

    @property
    def state(self) -> str:
        """Waiting for a worker, being purged, or finished."""
        return "finished" if self.finished_at else "purging" if self.started_at else "waiting"


class PassLeft(NamedTuple):
    """A pass that is gone here, and may stand at Google."""

    serial: UUID
    template: str
    style: str


@dataclass(frozen=True, slots=True)
class Left:
    """What a pass found: rows that it dealt with, and the workflows of runs that are not over yet."""

    rows: int
    busy: tuple[str, ...]


async def begin(
    database: Database, customer: UUID, digest: Callable[[str, str], bytes], *, at: datetime, by: str
) -> Erasure | None:
    """Erase a customer, or tell of the erasure that there is already; None where there is no such customer.

    `digest` is under what (channel, address) is suppressed.

    Raises:
        NamesMoved: others kept merging this customer; try again.
    """
    for attempt in range(_ATTEMPTS):
        try:
            async with database.transaction() as connection:
                return await _known(connection, customer) or await _begin(connection, customer, digest, at, by)
        except (NamesMoved, asyncpg.TransactionRollbackError, asyncpg.UniqueViolationError):
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("the last attempt raises")


async def erasure_of(database: Database, customer: UUID) -> Erasure | None:
    """The erasure of a customer, also by the id of a profile that was part of them."""
    async with database.pool.acquire() as connection:
        return await _known(connection, customer)


async def erasure(database: Database, id_: UUID) -> Erasure | None:
    """One erasure."""
    row = await database.pool.fetchrow(_SQL["by_id"], id_)
    return Erasure(**dict(row)) if row else None


async def erasures(database: Database, before: datetime, limit: int) -> list[Erasure]:
    """Erasures that were asked for before an instant, newest first."""
    return [Erasure(**dict(row)) for row in await database.pool.fetch(_SQL["newest"], before, limit)]


async def to_start(database: Database) -> list[UUID]:
    """Erasures that Temporal does not know yet."""
    return [row["id"] for row in await database.pool.fetch(_SQL["to_start"])]


async def mark_started(database: Database, id_: UUID, at: datetime) -> None:
    """Temporal has it."""
    await database.pool.execute(_SQL["mark_started"], id_, at)


async def purge(database: Database, id_: UUID, at: datetime) -> Left:
    """One pass over every table, each in a transaction of its own; with nothing to do once it is finished."""
    dealt, parts, traces = 0, list[UUID](), Traces.of(None)
    for table in (*REMOVED, *EMPTIED):
        async with database.transaction() as connection:
            asked = await connection.fetchrow(_SQL["to_purge"], id_)
            if asked is None:
                return Left(0, ())
            parts, traces = asked["profiles"], Traces.of(asked["subject"])
            if table == "event":
                dealt += await _events(connection, id_, parts, traces)
            elif table == "wallet_pass":
                dealt += await _passes(connection, id_, parts)
            elif table == "customer_value":
                dealt += await _count(connection, id_, table, await take_away(connection, parts))
            else:
                dealt += await _deal(connection, id_, table, parts)
            if table == "audit":
                spelt = [*traces.names, *traces.addresses]
                dealt += await _count(connection, id_, table, len(await connection.fetch(_SQL["purge_definitions"], spelt)))
    return await _rest(database, id_, parts, traces, dealt, at)


async def passes_left(database: Database, id_: UUID) -> list[PassLeft]:
    """The passes that may still show something of the customer at Google."""
    return [PassLeft(**row) for row in await database.pool.fetch(_SQL["passes_left"], id_)]


async def pass_settled(database: Database, id_: UUID, serial: UUID, became: str | None) -> None:
    """One of them is dealt with: `AT_GOOGLE` or `KEPT_BY_GOOGLE`; None where Google has none."""
    async with database.transaction() as connection:
        await connection.execute(_SQL["pass_settled"], id_, str(serial))
        await _count(connection, id_, became or AT_GOOGLE, 1 if became else 0)


async def finish(
    database: Database, id_: UUID, at: datetime, certified: Callable[[Erasure, Mapping[str, int]], dict[str, Any]]
) -> Erasure:
    """Write the certificate, made of the erasure and of what stays by table, and forget by what the customer was found."""
    async with database.transaction() as connection:
        row = await connection.fetchrow(_SQL["to_purge"], id_)
        if row is not None:
            kept = dict(await connection.fetchrow(_SQL["kept"], row["profiles"]) or {})
            kept[IN_DEFINITIONS] = await _named_in_definitions(connection, row["subject"])
            told = Erasure(**dict(await connection.fetchrow(_SQL["by_id"], id_) or {}))
            await connection.execute(_SQL["finish"], id_, at, certified(told, kept))
        return Erasure(**dict(await connection.fetchrow(_SQL["by_id"], id_) or {}))


async def _named_in_definitions(connection: Connection, subject: Mapping[str, Sequence[str]]) -> int:
    """How many definitions list an id of theirs, or spell a name or an address of theirs out."""
    traces = Traces.of(subject)
    rows = await connection.fetch(_SQL["definitions"], subject["names"])
    return sum(1 for row in rows if row["lists"] or traces.are_in(row["text"]))


async def _known(connection: Connection, customer: UUID) -> Erasure | None:
    row = await connection.fetchrow(_SQL["known"], customer)
    return Erasure(**dict(row)) if row else None


async def _begin(
    connection: Connection, customer: UUID, digest: Callable[[str, str], bytes], at: datetime, by: str
) -> Erasure | None:
    root = await connection.fetchval(_SQL["root"], customer)
    if root is None:
        return None
    parts = await _have_alone(connection, root)
    subject = await _subject(connection, parts)
    in_flight = await connection.fetchval(_SQL["in_flight"], parts)
    await connection.execute(_SQL["write"], id_ := UUID(str(uuid7())), root, parts, at, by, subject, in_flight)
    await note(connection, "erase", "customer", root, became={"erasure": str(id_)}, customer=root)
    await _count(connection, id_, "run_ended", len(await connection.fetch(_SQL["end_runs"], parts, at)))
    await _dealt(connection, id_, "consent", await forget(connection, root, digest, at))
    for table in ("identity", "endpoint", "merge"):
        await _deal(connection, id_, table, parts)
    await _count(connection, id_, "profile", len(await connection.fetch(_SQL["purge_profile"], parts, at)))
    return await _known(connection, root)


async def _have_alone(connection: Connection, root: UUID) -> list[UUID]:
    """The profiles that are this customer, locked together with their names: whoever stores something for them has finished."""
    names = (await _subject(connection, await _parts(connection, root)))["names"]
    await lock_values(connection, names)
    await connection.execute(queries("identity")["lock_profiles_to_merge"], parts := await _parts(connection, root))
    if not parts or parts != await _parts(connection, root) or (await _subject(connection, parts))["names"] != names:
        raise NamesMoved("this customer was merged meanwhile; try again")
    return parts


async def _parts(connection: Connection, root: UUID) -> list[UUID]:
    return [row["id"] for row in await connection.fetch(_SQL["parts"], root)]


async def _subject(connection: Connection, parts: Sequence[UUID]) -> dict[str, list[str]]:
    return dict(await connection.fetchrow(_SQL["subject"], parts) or {})


async def _deal(connection: Connection, id_: UUID, table: str, parts: Sequence[UUID]) -> int:
    return await _dealt(connection, id_, table, await connection.fetch(_SQL[f"purge_{table}"], parts))


async def _dealt(connection: Connection, id_: UUID, table: str, rows: Sequence[Record]) -> int:
    """Count these, and mark the files in the bucket that have them, too."""
    if rows and table in FILED:
        at = [row["filed_at"] for row in rows]
        await _count(connection, id_, FILES, await connection.fetchval(_SQL["outdate"], id_, FILED[table], at))
    return await _count(connection, id_, table, len(rows))


async def _events(connection: Connection, id_: UUID, parts: Sequence[UUID], traces: Traces) -> int:
    """An id in which a client wrote whom it is about is not kept, even if a retry then counts as new."""
    rows = await connection.fetch(_SQL["purge_event"], parts)
    if telling := [row["message_id"] for row in rows if traces.are_in_id(row["message_id"])]:
        await _count(connection, id_, "event_dedupe", len(await connection.fetch(_SQL["purge_message_ids"], telling)))
    return await _dealt(connection, id_, "event", rows)


async def _passes(connection: Connection, id_: UUID, parts: Sequence[UUID]) -> int:
    """What stands at Google is known by the serial alone, which is noted in the transaction that takes the pass."""
    rows = await connection.fetch(_SQL["purge_wallet_pass"], parts)
    if rows:
        await connection.execute(_SQL["note_passes"], id_, [{**row, "serial": str(row["serial"])} for row in rows])
    return await _count(connection, id_, "wallet_pass", len(rows))


async def _count(connection: Connection, id_: UUID, table: str, rows: int) -> int:
    if rows:
        await connection.execute(_SQL["count"], id_, table, rows)
    return rows


async def _rest(database: Database, id_: UUID, parts: Sequence[UUID], traces: Traces, dealt: int, at: datetime) -> Left:
    """Runs that began in the very moment end, too; dead letters have no customer, and are read."""
    async with database.transaction() as connection:
        dealt += await _count(connection, id_, "run_ended", len(await connection.fetch(_SQL["end_runs"], parts, at)))
    dealt += await _dead_letters(database, id_, traces)
    busy = await database.pool.fetch(_SQL["busy"], parts, at - _LONGEST)
    return Left(dealt, tuple(row["workflow_id"] for row in busy))


async def _dead_letters(database: Database, id_: UUID, traces: Traces) -> int:
    purged, last = 0, 0
    while rows := await database.pool.fetch(_SQL["dead_letters"], last, _PAGE):
        last = rows[-1]["id"]
        if about := [row["id"] for row in rows if traces.are_in_letter(row["message_id"], row["kept"])]:
            async with database.transaction() as connection:
                gone = await connection.fetch(_SQL["purge_dead_letters"], about)
                purged += await _count(connection, id_, DEAD_LETTERS, len(gone))
    return purged
