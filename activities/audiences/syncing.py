"""Telling a destination who came into an audience and whom to forget, and the chore that has it done: rows first, calls after.

Promise: what was to be told is told, whoever dies at whatever instant; saying it twice does no harm. Whom to forget is said
before anybody is added, and whoever is known by one of the same ids is added again after it. Histories and logs hold names of
the catalogue and counts.
"""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import httpx
import structlog
from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from activities.audiences import guard
from activities.audiences.destinations import Batch, CannotTell, Destination, Setting
from activities.audiences.files import BucketFiles
from activities.audiences.meta import MetaUsers
from activities.audiences.passing import LeftOut, ids_of
from activities.audiences.signed import SignedPosts
from activities.channels.suppression import suppression_digests
from activities.deliver.patience import alive
from activities.waking import woken
from journeys.audiences.audience import Audience, BucketDestination, HttpDestination
from journeys.clock import Clock
from journeys.contracts import AudienceTurn, Purpose
from store import Connection, Database, audiences
from store.audiences import Comparing, Entry, Found, Person, Told
from store.customers.topics import shareable
from store.deliveries import ledger

log = structlog.get_logger(__name__)

#: How often it is looked whether something is to be told (seconds).
EVERY = 1.0
#: How many are looked at in one transaction.
_SOME = 2_000
#: Batches that one turn of the activity tells, so that its workflow says how far it is.
_BATCHES = 50
#: The longest pause that a destination may ask for.
_LONGEST = timedelta(days=1)
_UNDECLARED = (
    "no worker has it in its catalogue any more: put it back, or `journeys audiences forget` it if its destination is gone"
)


@dataclass
class _Turn:
    """One turn as it goes on."""

    audience: Audience
    to: Destination
    added: int = 0
    removed: int = 0
    batches: int = 0

    @property
    def done(self) -> bool:
        return self.batches >= _BATCHES


@dataclass
class _Seen:
    """What a destination is to be told of those who were looked at, and how they stand."""

    go: list[int] = field(default_factory=list)
    leave: list[int] = field(default_factory=list)
    back: list[int] = field(default_factory=list)
    come: dict[UUID, list[str]] = field(default_factory=dict)
    survivors: list[UUID] = field(default_factory=list)
    members: int = 0
    left_out: Counter[str] = field(default_factory=Counter)

    def see(self, person: Person, ids: list[str] | LeftOut, told: Told | None) -> None:
        """Somebody, with what they may be told by, and what was told of them."""
        self.members += person.alive and person.member
        if not person.alive:
            self._absorbed(person, told)
        elif isinstance(ids, LeftOut):
            self.left_out.update([ids.value] if person.member else ())
            self.go.extend([told.id] if told else ())
        elif not person.member:
            self.leave.extend([told.id] if told and told.state != "leaving" else ())
        elif told is None:
            self.come[person.profile_id] = ids
        elif told.ids != ids:
            self.go.append(told.id)
            self.come[person.profile_id] = ids
        elif told.state == "leaving":
            self.back.append(told.id)

    def count(self, found: Found) -> None:
        """Add it to what a comparison has found."""
        out = sum(self.left_out.values())
        found.members, found.passed = found.members + self.members, found.passed + self.members - out
        found.differed += len(self.go) + len(self.leave) + len(self.back) + len(self.come)
        found.left_out = dict(Counter(found.left_out) + self.left_out)

    def _absorbed(self, person: Person, told: Told | None) -> None:
        """Whoever was merged goes, and who they are now is told again: the destination may have known both as one."""
        if told is not None:
            self.go.append(told.id)
            self.survivors.extend([person.survivor] if person.survivor not in (None, person.profile_id) else ())


@dataclass(frozen=True)
class Audiences:
    """The activities, the chore of the watch, and what they work with; `settings` gives what a setting holds."""

    database: Database
    client: Client
    clock: Clock
    declared: Mapping[str, Audience]
    settings: Setting
    http: httpx.AsyncClient
    graph: str
    secret: str = field(repr=False)
    former_secrets: Sequence[str] = field(default=(), repr=False)

    async def wake(self) -> None:
        """Have those told for whom something is to be done."""
        for name in await audiences.to_wake(self.database):
            if name not in self.declared:
                await audiences.fails(self.database, name, _UNDECLARED, self.clock.now())
                continue
            why = f"the destination of {name} is told who came and who left"
            await woken(self.client, "sync-audience", name, f"audience/{name}", why)

    async def declare(self) -> dict[str, timedelta]:
        """Write down which audiences the catalogue has; returns how often each is compared."""
        for each in self.declared.values():
            of = each.segment.name, each.to.kind, each.every, each.most_gone
            await audiences.declare(self.database, each.name, *of)
        return {each.name: each.every for each in self.declared.values()}

    @activity.defn(name="compare-audience")
    async def compare(self, name: str) -> None:
        """Have all of an audience compared."""
        await audiences.compare_again(self.database, name)

    @activity.defn(name="sync-audience")
    async def sync(self, name: str) -> AudienceTurn:
        """Tell a destination what there is to tell, or as much of it as one turn has room for.

        Raises:
            ApplicationError: it cannot be told; Temporal tries again, less and less often.
        """
        audience = self.declared.get(name)
        if audience is None:
            return AudienceTurn(added=0, removed=0, more=False)
        async with alive():
            try:
                return await self._turn(_Turn(audience, self._opened(audience)))
            except CannotTell as error:
                await audiences.fails(self.database, name, error.detail, self.clock.now())
                log.warning("the destination of an audience cannot be told", audience=name, why=error.detail)
                later = min(error.later, _LONGEST) if error.later else None
                raise ApplicationError(error.detail, type="CannotTell", next_retry_delay=later) from None

    def _opened(self, audience: Audience) -> Destination:
        to = audience.to
        if isinstance(to, HttpDestination):
            return SignedPosts.opened(to, self.settings, self.http)
        if isinstance(to, BucketDestination):
            return BucketFiles.opened(to, self.settings)
        return MetaUsers.opened(to, self.settings, self.http, self.graph)

    async def _turn(self, turn: _Turn) -> AudienceTurn:
        name = turn.audience.name
        more = True
        while more and not turn.done:
            noted = await self._look_at_due(turn)
            more = await self._tell(turn) or noted
        comparing = None if more else await audiences.begin(self.database, name)
        if comparing is not None:
            await self._compare(turn, comparing)
            more = True
        if not more:
            await audiences.rest(self.database, name)
        return AudienceTurn(added=turn.added, removed=turn.removed, more=more)

    async def _look_at_due(self, turn: _Turn) -> bool:
        """Look at some of those of whom something has changed; whether there were any."""
        name = turn.audience.name
        async with self.database.transaction() as connection:
            notes = await audiences.due(connection, name, _SOME)
            if notes:
                await self._look(connection, turn.audience, sorted({profile for _, profile in notes}))
                await audiences.looked(connection, [number for number, _ in notes])
        return bool(notes)

    async def _look(self, connection: Connection, audience: Audience, profiles: Sequence[UUID]) -> "_Seen":
        """Write down what the destination is to be told of these, by how they stand now."""
        now, name = self.clock.now(), audience.name
        people = await audiences.people(connection, audience.segment.name, audience.consent, profiles)
        people = await self._unsuppressed(connection, people, now)
        may_be_shared = await shareable(connection, [each.profile_id for each in people])
        told = await audiences.told(connection, name, profiles)
        seen = _Seen()
        for person in people:
            ids = ids_of(person, audience.to.by, shareable=person.profile_id in may_be_shared, in_clear=audience.to.in_clear)
            seen.see(person, ids, told.get(person.profile_id))
        for state, entries in (("removing", seen.go), ("leaving", seen.leave), ("adding", seen.back)):
            await audiences.turn(connection, entries, state, now)
        await audiences.put(connection, name, seen.come, now)
        await audiences.say_again(connection, name, seen.survivors, now)
        return seen

    async def _unsuppressed(self, connection: Connection, people: Sequence[Person], now: datetime) -> list[Person]:
        """The same, without addresses that must not be written to, such as those of a no that outlived an erasure."""
        of: dict[str, dict[bytes, str]] = {}
        for person in people:
            for channel, address in zip(person.channels, person.addresses, strict=True):
                digests = suppression_digests(self.secret, self.former_secrets, channel, address)
                of.setdefault(channel, {}).update(dict.fromkeys(digests, address))
        shut = set[tuple[str, str]]()
        for channel, digests_of in of.items():
            found = await ledger.suppressed(connection, channel, list(digests_of), Purpose.MARKETING.value, now)
            shut |= {(channel, digests_of[digest]) for digest in found}
        return [each.without(shut) for each in people]

    async def _tell(self, turn: _Turn) -> bool:
        """Tell one batch: first of those to be forgotten; whether there was one."""
        name, size = turn.audience.name, turn.audience.to.batch
        if entries := await audiences.batch(self.database, name, "removing", size):
            await self._remove(turn, entries)
            return True
        paused, leaving = await audiences.how(self.database, name)
        if paused:
            return False
        if leaving and await self._let_go(turn.audience):
            return True
        if entries := await audiences.batch(self.database, name, "adding", size):
            refused = await turn.to.add(await self._batch(name, entries))
            await audiences.added(self.database, [each.id for each in entries], self.clock.now())
            await audiences.took(self.database, name, self.clock.now(), refused)
            turn.added, turn.batches = turn.added + len(entries), turn.batches + 1
            return True
        return False

    async def _remove(self, turn: _Turn, entries: Sequence[Entry]) -> None:
        name = turn.audience.name
        await turn.to.remove(await self._batch(name, entries))
        if turn.to.whole and any(each.erased for each in entries):
            await turn.to.again(self._pages(turn.audience, 0))
        await audiences.removed(self.database, name, [each.id for each in entries], self.clock.now())
        await audiences.took(self.database, name, self.clock.now())
        turn.removed, turn.batches = turn.removed + len(entries), turn.batches + 1

    async def _let_go(self, audience: Audience) -> bool:
        """Let those go who have left, unless too many would at once; whether somebody went."""
        now, stand = self.clock.now(), await audiences.leaving(self.database, audience.name)
        since, known, before = guard.window(stand, now)
        until = stand.let_go_at
        if until is None and guard.may_go(stand, now, audience.most_gone):
            until = now
        if until is None:
            await audiences.hold(self.database, audience.name, now)
            log.warning(
                "too many would leave an audience at once", audience=audience.name, leaving=stand.leaving, of=stand.known
            )
            return False
        async with self.database.transaction() as connection:
            gone = await audiences.go(connection, audience.name, now, until)
            await audiences.gone(connection, audience.name, since, known, before + gone)
        return gone > 0

    async def _compare(self, turn: _Turn, comparing: Comparing) -> None:
        """Look at everybody, tell what differs, and tell again who is there; it goes on where it was."""
        audience, found, to = turn.audience, comparing.found, comparing.looked_to
        while True:
            async with self.database.transaction() as connection:
                some = await audiences.everybody(connection, audience.name, audience.segment.name, to, _SOME)
                if not some:
                    break
                seen = await self._look(connection, audience, some)
                seen.count(found)
                to = some[-1]
                await audiences.compared_to(connection, audience.name, to, found)
        while await self._tell(turn):
            pass
        refused = await turn.to.again(self._pages(audience, 0 if turn.to.whole else comparing.told_to))
        await audiences.took(self.database, audience.name, self.clock.now(), refused)
        await audiences.finish(self.database, audience.name, self.clock.now())
        log.info("an audience was compared", audience=audience.name, members=found.members, passed=found.passed)

    async def _pages(self, audience: Audience, after: int) -> AsyncIterator[Batch]:
        """Who is there, a batch at a time, also a first one of nobody; asking for the next says that one was told."""
        entries = await audiences.there(self.database, audience.name, after, audience.to.batch)
        yield await self._batch(audience.name, entries)
        while entries:
            await audiences.told_again(self.database, audience.name, entries[-1].id)
            entries = await audiences.there(self.database, audience.name, entries[-1].id, audience.to.batch)
            if entries:
                yield await self._batch(audience.name, entries)

    async def _batch(self, name: str, entries: Sequence[Entry]) -> Batch:
        return Batch(name, await audiences.number(self.database, name), self.clock.now(), entries)
