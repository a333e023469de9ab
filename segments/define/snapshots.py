"""Snapshots: who was in a segment at an instant, frozen as a list that other definitions use by `listed("…")`.

Promise: everybody is evaluated at one instant, in one statement; events count up to that instant by their own time. Traits,
consents, addresses and user ids are taken as they are now, because only their present state is kept: `taken_as_now` says
which a definition looks at. A snapshot that broke off is finished by asking for it again; a finished one never changes
(but when two profiles turn out to be one customer, it follows).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from segments.errors import SegmentError
from segments.language.events import CONSENT_CHANGED, ENDPOINT_CHANGED, LIST_EVENT, NAME_CHANGED
from segments.language.moves import trait_names
from segments.language.segment import Segment
from segments.leaves.listed import check_list_name
from segments.sql import statements as compiler
from segments.sql.plans import plan_for_everybody
from store import Connection, Database, queries
from store.lists import ListRow, lists, on_lists
from store.segments import snapshots as rows
from store.segments.snapshots import Snapshot, snapshot_of

#: The state of a snapshot that is complete.
FINISHED = "finished"
_MARKS = {CONSENT_CHANGED: "consents", ENDPOINT_CHANGED: "addresses", NAME_CHANGED: "user ids"}

#: Called after every transaction, to show progress.
Heard = Callable[[Snapshot], Awaitable[None]]


class CannotFreeze(SegmentError):
    """A snapshot that cannot be made under this name or for this instant; `code` names the reason in one word."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, slots=True)
class Kept:
    """A list with its size; that of a snapshot is as of its making."""

    row: ListRow
    members: int
    snapshot: Snapshot | None


async def kept_lists(database: Database) -> list[Kept]:
    """Every list by name; the members of snapshots, which may be everybody, are not counted again."""
    rows_ = await lists(database)
    frozen = await rows.snapshots_among(database, [row.name for row in rows_])
    counted = await on_lists(database, [LIST_EVENT + row.name for row in rows_ if row.name not in frozen])
    sizes = counted | {LIST_EVENT + name: snapshot.written for name, snapshot in frozen.items()}
    return [Kept(row, sizes.get(LIST_EVENT + row.name, 0), frozen.get(row.name)) for row in rows_]


def taken_as_now(snapshot: Snapshot) -> list[str]:
    """What its definition looks at that is known as of now only, whatever instant it is of."""
    predicate = Segment.from_json(snapshot.definition).predicate
    names = sorted(trait_names(predicate))
    marks = [what for mark, what in _MARKS.items() if mark in predicate.marks]
    return [f"traits ({', '.join(names)})", *marks] if names else marks


async def freeze(
    database: Database,
    segment: Segment,
    name: str,
    as_of: datetime | None,
    now: Callable[[], datetime],
    *,
    by: str,
    heard: Heard | None = None,
    at_once: int = 20_000,
) -> Snapshot:
    """Put who was in the segment at an instant (None: now) on a new list; the same again returns the list as it is.

    So many as `at_once` says are written in one transaction.

    Raises:
        DefinitionError: a list cannot have this name.
        CannotFreeze: the instant is in the future, the list exists, or the snapshot is being made right now.
        asyncpg.PostgresError, OSError: the store failed; asking again finishes it.
    """
    check_list_name(name)
    started_at = now()
    as_of = as_of or started_at
    if as_of > started_at:
        raise CannotFreeze("in-the-future", f"{as_of.isoformat()} is in the future; a snapshot is of now or earlier")
    async with rows.making(database, name) as connection:
        if connection is None:
            raise CannotFreeze("being-made", f"the list {name!r} is being made right now; `GET /v1/lists` shows how far it is")
        new = await rows.begin(connection, name, segment.version, segment.to_json(), as_of, by=by, at=started_at)
        row = await snapshot_of(connection, name)
        if row is None:
            raise CannotFreeze("list-exists", f"there is a list {name!r} already; choose another name")
        if not new:
            _check_same(row, segment, as_of)
        return row if row.state == FINISHED else await _make(connection, row, now, heard, at_once, new=new)


def _check_same(row: Snapshot, segment: Segment, as_of: datetime) -> None:
    """Refuse a list that is anything else than this very snapshot; one that broke off keeps the definition it had."""
    same = (row.segment, row.as_of) == (segment.name, as_of) and (row.state != FINISHED or row.version == segment.version)
    if not same:
        told = f"the list {row.list_name!r} is a snapshot of {row.segment!r} at {row.as_of.isoformat()} already"
        rest = ";" if row.state == FINISHED else ", which broke off; ask for that instant again to finish it, or"
        raise CannotFreeze("list-exists", f"{told}{rest} choose another name")


async def _make(
    connection: Connection, row: Snapshot, now: Callable[[], datetime], heard: Heard | None, at_once: int, *, new: bool
) -> Snapshot:
    """Evaluate once, then write in transactions of some thousands, all dated with one instant."""
    told_at, event, source = now(), LIST_EVENT + row.list_name, f"snapshot by {row.by}"
    predicate = Segment.from_json(row.definition).predicate
    await connection.execute(queries("ingest")["ensure_week"], told_at)
    async with connection.transaction():
        await plan_for_everybody(connection)
        full = compiler.everyone(predicate)
        members = await rows.choose(connection, full.sql, full.args(row.as_of, shard=0, shards=1))
    written = 0 if new else await rows.go_on(connection, event, source=source, at=told_at)
    for first in range(0, members, at_once):
        async with connection.transaction():
            written += await rows.write(connection, event, first, first + at_once, source=source, at=told_at)
            await rows.note(connection, row.list_name, "writing", members, written, now())
        if heard:
            await heard(await _of(connection, row.list_name))
    await rows.note(connection, row.list_name, FINISHED, members, written, now())
    return await _of(connection, row.list_name)


async def _of(connection: Connection, name: str) -> Snapshot:
    row = await snapshot_of(connection, name)
    assert row is not None, "nobody deletes a list"
    return row
