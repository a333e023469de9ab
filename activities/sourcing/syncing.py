"""Reading a source to its end: what has changed is taken in, who is gone loses what came from there; and how that went.

Promise: a reading that was cut short is begun again under the same instant, by which what it had taken in counts once. Keys are
kept as keyed hashes; whoever was erased does not come back while the source still has them.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from activities.channels.keyed import keyed_digest
from activities.deliver.patience import alive
from activities.sourcing.reading import CannotRead, Rows, read
from activities.sourcing.rows import DIGEST, Entry, entry_of, named_by
from activities.waking import woken
from journeys.clock import Clock
from journeys.contracts import SourceReading
from journeys.sources.source import Becomes, Source
from segments.language.events import AHEAD, LIST_EVENT
from segments.leaves.listed import check_list_name
from store import Connection, Database, lists, sources
from store.ids import message_id
from store.sources import Counts, Gone, Kept, Result

log = structlog.get_logger(__name__)

#: How often it is looked whether somebody wants a source read now (seconds).
EVERY = 2.0
#: Calls of the Segment spec, when, and from which source: taken in; for each why it cannot be, or nothing.
Take = Callable[[Sequence[dict[str, Any]], datetime, str], Awaitable[list[str | None]]]
_PROBLEMS = 20
_LABEL = "sources"


class _Row(NamedTuple):
    """A row of which is known whom it is about."""

    number: int
    user_id: str
    key: bytes
    cells: Mapping[str, Any]


@dataclass
class _Reading(Result):
    """One reading as it goes on."""

    source: Source = field(kw_only=True)
    at: datetime = field(kw_only=True)

    def count(self, **more: int) -> None:
        self.counts = replace(self.counts, **{name: getattr(self.counts, name) + by for name, by in more.items()})

    def bad(self, number: int, problem: str) -> None:
        self.count(bad=1)
        self.tell(number, problem)

    def tell(self, number: int, problem: str) -> None:
        if len(self.problems) < _PROBLEMS:
            self.problems.append({"row": number, "problem": problem})

    def dated(self, entries: Sequence[Entry]) -> None:
        """How far it has come; a row ahead of now takes nothing away from those that are still to come."""
        for each in entries:
            if each.at is not None:
                self.newest = max(min(each.at, self.at), self.newest or min(each.at, self.at))
                if each.at > self.at + AHEAD:
                    self.tell(each.number, f"{self.source.at} is in the future; it counts as of now")


@dataclass(frozen=True)
class Sourcing:
    """The activity, the chore of the watch, and what they work with; `addresses` gives what a setting holds."""

    database: Database
    client: Client
    clock: Clock
    declared: Mapping[str, Source]
    addresses: Callable[[str], str | None]
    take: Take
    secret: str = field(repr=False)

    async def wake(self) -> None:
        """Have those read that somebody wants read now."""
        for name in await sources.asked(self.database):
            if name in self.declared:
                why = f"source {name} is read, because somebody asked for it"
                await woken(self.client, "read-source", name, f"source/{name}/asked", why)

    async def declare(self) -> dict[str, timedelta]:
        """Write down which sources the catalogue has; returns how often each is read."""
        for each in self.declared.values():
            await sources.declare(self.database, each.name, each.every, each.becomes.value)
        return {each.name: each.every for each in self.declared.values()}

    @activity.defn(name="read-source")
    async def read(self, reading: SourceReading) -> str:
        """Read a source to its end; what came of it, in words.

        Raises:
            ApplicationError: it cannot be read now; Temporal tries again for a while.
        """
        source = self.declared.get(reading.source)
        if source is None:
            return f"{reading.source} is not in this worker's catalogue"
        async with alive():
            try:
                return await self._read(source, self.clock.business(reading.at))
            except CannotRead as error:
                await sources.fail(self.database, source.name, self.clock.now(), str(error))
                log.warning("a source cannot be read", source=source.name, why=str(error))
                raise ApplicationError(str(error), type="CannotRead") from None

    async def _read(self, source: Source, at: datetime) -> str:
        address = self.addresses(source.connect)
        if not address:
            raise CannotRead(f"{source.connect} is not set where this worker runs")
        await sources.declare(self.database, source.name, source.every, source.becomes.value)
        begins = await sources.begin(self.database, source.name, at)
        so_far = _Reading(source=source, at=at)
        async with self._session(source) as session:
            async for some in _batches(read(source, address, begins and min(begins, at))):
                await self._some(session, so_far, some)
            if source.whole:
                await self._take_from_gone(session, so_far)
        await sources.finish(self.database, source.name, at, so_far)
        return _in_words(so_far.counts)

    @asynccontextmanager
    async def _session(self, source: Source) -> "AsyncIterator[Connection | None]":
        """Where the keys of a reading stand until it has come to its end; of events each may have many."""
        if source.becomes is Becomes.EVENTS:
            yield None
            return
        async with self.database.pool.acquire() as connection:
            await sources.begin_seen(connection)
            try:
                yield connection
            finally:
                await connection.execute("drop table if exists source_seen")

    async def _some(self, session: "Connection | None", so_far: _Reading, some: Rows) -> None:
        source = so_far.source
        try:
            named = source.named(some.columns)
        except KeyError as missing:
            raise CannotRead(
                f"its rows have no column {missing.args[0]!r}, which is declared; they have: {', '.join(some.columns)}"
            ) from None
        so_far.gives |= {source.event} if source.event is not None else set(named.values()) if source.to_list is None else set()
        rows = list(self._named(so_far, some.rows))
        so_far.count(rows=len(some.rows))
        if session is not None:  # whoever is there is not gone, also where the rest of the row cannot be used
            rows = _first(so_far, rows, await sources.seen(session, [each.key for each in rows]))
        entries = list(_entries(so_far, rows, named))
        so_far.dated(entries)
        if source.becomes is Becomes.EVENTS:
            await self._take_events(so_far, entries)
        else:
            await self._take_changed(so_far, entries)

    def _named(self, so_far: _Reading, rows: Sequence[Mapping[str, Any]]) -> Iterator[_Row]:
        for number, row in enumerate(rows, so_far.counts.rows + 1):
            try:
                user_id = named_by(so_far.source, row)
            except ValueError as wrong:
                so_far.bad(number, str(wrong))
            else:
                yield _Row(number, user_id, self._hash(so_far.source.name, user_id), row)

    async def _take_events(self, so_far: _Reading, entries: Sequence[Entry]) -> None:
        source = so_far.source
        async with self.database.pool.acquire() as connection:
            known = await sources.known(connection, source.name, [each.key for each in entries])
        alive_ = [each for each in entries if each.key not in known]  # a key without a digest is somebody who was erased
        so_far.count(erased=len(entries) - len(alive_))
        calls = [
            {
                "type": "track",
                "event": source.event,
                "userId": each.user_id,
                "messageId": message_id(f"{source.name}/{each.id}"),
                "timestamp": each.at.isoformat() if each.at else None,
                "properties": each.said,
            }
            for each in alive_
        ]
        await self._taken(so_far, alive_, calls)

    async def _take_changed(self, so_far: _Reading, entries: Sequence[Entry]) -> None:
        source = so_far.source
        async with self.database.pool.acquire() as connection:
            known = await sources.known(connection, source.name, [each.key for each in entries])
        erased = [each for each in entries if each.key in known and known[each.key] is None]
        changed = [each for each in entries if each not in erased and known.get(each.key) != each.digest]
        so_far.count(erased=len(erased))
        if not changed:
            return
        taken = await self._identified(so_far, changed) if source.becomes is Becomes.TRAITS else changed
        async with self.database.transaction() as connection:
            who = await lists.resolve(connection, [("user_id", each.user_id) for each in taken])
            if source.becomes is Becomes.LIST:
                there = [each for each in zip(taken, who, strict=True) if each[1] is not None]
                for each, nobody in zip(taken, who, strict=True):
                    if nobody is None:
                        so_far.bad(each.number, f"{source.key} names nobody whom we know")
                taken, who = [each for each, _ in there], [found for _, found in there]
                await self._on_list(connection, source, [found for found in who if found is not None], on=True, at=so_far.at)
                so_far.count(changed=len(taken))
            await sources.keep(
                connection, source.name, [Kept(each.key, each.digest, found) for each, found in zip(taken, who, strict=True)]
            )

    async def _identified(self, so_far: _Reading, changed: Sequence[Entry]) -> list[Entry]:
        calls = [_identify(so_far, each.user_id, each.key + each.digest, each.said, each.at) for each in changed]
        return await self._taken(so_far, changed, calls)

    async def _taken(self, so_far: _Reading, entries: Sequence[Entry], calls: Sequence[dict[str, Any]]) -> list[Entry]:
        """Those that could be taken in."""
        reasons = await self.take(calls, so_far.at, so_far.source.name)
        taken = [each for each, reason in zip(entries, reasons, strict=True) if reason is None]
        for each, reason in zip(entries, reasons, strict=True):
            if reason is not None:
                so_far.bad(each.number, reason)
        so_far.count(changed=len(taken))
        return taken

    async def _take_from_gone(self, session: "Connection | None", so_far: _Reading) -> None:
        """Whoever is not there any more loses what came from here; not, where that would be too many at once."""
        assert session is not None
        source = so_far.source
        gone, known = await sources.count_gone(session, source.name)
        if gone > max(source.most_gone * known, 1):
            raise CannotRead(
                f"{gone:,} of {known:,} customers are not in it any more, more than most_gone={source.most_gone:g} lets go"
                " at once; nothing was taken from anybody. If that is right, raise most_gone for one reading"
            )
        while some := await sources.gone(session, source.name, 500):
            await self._let_go(so_far, some)
            so_far.count(gone=len(some))

    async def _let_go(self, so_far: _Reading, some: Sequence[Gone]) -> None:
        source = so_far.source
        if source.becomes is Becomes.TRAITS:
            calls = [
                _identify(so_far, each.user_id, each.key + b"gone", dict.fromkeys(each.traits), None)
                for each in some
                if each.user_id is not None and each.traits
            ]
            await self.take(calls, so_far.at, source.name)
        async with self.database.transaction() as connection:
            if source.becomes is Becomes.LIST:
                left = [each.profile_id for each in some if each.profile_id is not None]
                await self._on_list(connection, source, left, on=False, at=so_far.at)
            await sources.forget(connection, source.name, [each.key for each in some])

    async def _on_list(self, connection: Connection, source: Source, who: Sequence[UUID], *, on: bool, at: datetime) -> None:
        name = check_list_name(source.to_list)
        await lists.change(connection, name, f"{LIST_EVENT}{name}", who, on=on, by=f"source {source.name}", at=at)

    def _hash(self, source: str, key: str) -> bytes:
        return keyed_digest(self.secret, _LABEL, f"{source}\0{key}".encode())[:DIGEST]


def _first(so_far: _Reading, rows: Sequence[_Row], fresh: set[bytes]) -> list[_Row]:
    """Those that name somebody for the first time in this reading."""
    first, left = list[_Row](), set(fresh)
    for each in rows:
        if each.key in left:
            left.discard(each.key)
            first.append(each)
        else:
            so_far.bad(each.number, f"{so_far.source.key} names somebody for the second time; the first row counts")
    return first


def _entries(so_far: _Reading, rows: Sequence[_Row], named: Mapping[str, str]) -> Iterator[Entry]:
    for each in rows:
        try:
            yield entry_of(so_far.source, each.number, each.user_id, each.key, each.cells, named)
        except ValueError as wrong:
            so_far.bad(each.number, str(wrong))


def _identify(
    so_far: _Reading, user_id: str | None, about: bytes, traits: dict[str, Any], at: datetime | None
) -> dict[str, Any]:
    """The call that says what a row does; its id is the same when a reading that broke off is begun again."""
    id_ = blake2b(about + so_far.at.isoformat().encode(), digest_size=DIGEST, person=b"source").hexdigest()
    when = min(at or so_far.at, so_far.at)
    return {
        "type": "identify",
        "userId": user_id,
        "messageId": f"{so_far.source.name}/{id_}",
        "timestamp": when.isoformat(),
        "traits": traits,
    }


async def _batches(rows: Generator[Rows, None, None]) -> AsyncIterator[Rows]:
    """Read in a thread, since drivers wait."""
    try:
        while (some := await asyncio.to_thread(next, rows, None)) is not None:
            yield some
    finally:
        await asyncio.to_thread(rows.close)


def _in_words(counts: Counts) -> str:
    told = [f"{counts.rows:,} rows", f"{counts.changed:,} changed", f"{counts.gone:,} gone", f"{counts.bad:,} bad"]
    return ", ".join(told) + (f", {counts.erased:,} of people who were erased" if counts.erased else "")
