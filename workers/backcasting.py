"""What Postgres has recorded of a period, through a catalogue as it is here: what `journeys simulate` plays without a file.

Promise: nothing is sent or written. A page of customers is in memory at a time, in each of several processes that see the same
snapshot, unless a journey lets in only so many or has a budget, for which all of them compete; what comes of it is the same
whatever their number. An event is heard when it happened, and traits are what `identify` calls said.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import itemgetter
from uuid import UUID

from journeys.catalogue import Catalogue, load
from journeys.contracts import Channel, Purpose
from journeys.deciding.learning import Allocation
from journeys.deciding.options import Choice, State
from journeys.endings import by_events
from journeys.simulate import Backcast, Call, Customer, Tally, tally
from journeys.simulate.choices import Standing
from journeys.simulate.customers import Earlier, Sent
from journeys.simulate.products import Product
from segments import Segment
from segments.define.define import alive
from segments.language.comparing import as_instant
from segments.language.events import TRAITS_CHANGED
from segments.language.moves import event_types
from segments.language.names import resolved
from store import Connection, Database, connect
from store.database import Record
from store.recorded import Recorded, recorded
from store.runs import choices
from store.segments.rows import stored
from workers.apart import processes_of
from workers.memory import undisturbed
from workers.wishes import asks_of_carts, wishes_of

#: How many customers a process has in memory at a time.
PAGE = 2_500
_ORDERED = "Order Completed"
_BEGINNING = datetime.min.replace(tzinfo=UTC)
_INSTANT = timedelta(microseconds=1)
_CHANNELS = {channel.value for channel in Channel}


@dataclass(frozen=True, slots=True)
class Period:
    """From when to when, and how long what waits then may go on."""

    since: datetime
    until: datetime
    then: timedelta


#: What came of a page, of how many customers, the types of events that had to be read for it, and if options were rationed.
_Page = tuple[Tally, int, frozenset[str], bool]


async def backcast(
    database: Database,
    catalogue: Catalogue,
    period: Period,
    told: Callable[[int, int], None],
    *,
    page: int = PAGE,
    processes: int = 1,
) -> Tally:
    """Play a period; `told` hears how many of how many customers are through."""
    async with recorded(database, period.since, period.until) as past:
        everybody = await past.how_many()
        if not _compete(catalogue):
            begins, course = await past.pages(page), _Course(everybody, told)
            if (at_once := min(processes, len(begins))) > 1:
                there = _There(database.dsn, await past.snapshot(), catalogue.module, period, page)
                pages = enumerate(begins)
                with processes_of(at_once, catalogue.module) as pool:
                    await asyncio.gather(*(course.take(pages, partial(_elsewhere, pool, there)) for _ in range(at_once)))
            else:
                await course.take(enumerate(begins), partial(_page, await _stage(catalogue, period, past), past, page))
            if len(begins) <= 1 or not course.rationed:
                return course.sum
        all_ = _Course(everybody, told)
        stage = await _stage(catalogue, period, past)
        await all_.take(enumerate(await past.pages(everybody + 1)), partial(_page, stage, past, everybody + 1))
    return all_.sum


def _compete(catalogue: Catalogue) -> bool:
    """Whether what becomes of one customer depends on others. That an option of a choice is rationed shows when it is asked."""
    return any(each.spec.limits is not None or each.spec.budget is not None for each in catalogue.journeys.values())


@dataclass(slots=True)
class _Course:
    """How far it is, and what came of each page."""

    everybody: int
    told: Callable[[int, int], None]
    pages: dict[int, Tally] = field(default_factory=dict)
    through: int = 0
    types: frozenset[str] = frozenset()
    rationed: bool = False

    async def take(self, pages: Iterator[tuple[int, UUID]], play: Callable[[UUID, frozenset[str]], Awaitable[_Page]]) -> None:
        """Play one page after the other of those that nobody else has taken; none any more once its customers would compete."""
        for n, after in pages:
            if self.rationed:
                return
            self.pages[n], customers, types, rationed = await play(after, self.types)
            self.types |= types
            self.rationed |= rationed
            self.through += customers
            self.told(self.through, self.everybody)

    @property
    def sum(self) -> Tally:
        """What came of it all, in the order of the pages, whoever was first."""
        sum_ = Tally()
        for n in sorted(self.pages):
            sum_.add(self.pages[n])
        return sum_


@dataclass(frozen=True, slots=True)
class _There:
    """What another process has to know to play pages of what this one sees."""

    dsn: str = field(repr=False)
    snapshot: str
    module: str
    period: Period
    size: int


async def _elsewhere(pool: Executor, there: _There, after: UUID, types: frozenset[str]) -> _Page:
    return await asyncio.get_running_loop().run_in_executor(pool, _played_there, there, after, types)


def _played_there(there: _There, after: UUID, types: frozenset[str]) -> _Page:
    return asyncio.run(_page_there(there, after, types))


async def _page_there(there: _There, after: UUID, types: frozenset[str]) -> _Page:
    database, period = await connect(there.dsn, max_size=1), there.period
    try:
        async with recorded(database, period.since, period.until, there.snapshot) as past:
            if there not in _STAGES:
                _STAGES[there] = await _stage(load(there.module), period, past)
            return await _page(_STAGES[there], past, there.size, after, types)
    finally:
        await database.close()


async def _page(stage: "_Stage", past: Recorded, size: int, after: UUID, types: frozenset[str]) -> _Page:
    rows = await past.customers(after, size)
    stage.types.update(types)
    with undisturbed():
        played, rationed = await stage.play(past, rows)
    return played, len(rows), frozenset(stage.types), rationed


async def _stage(catalogue: Catalogue, period: Period, past: Recorded) -> "_Stage":
    written = {row.name: row.definition for row in alive(await stored(past.connection))}
    known = resolved(catalogue.segments, written).segments
    specs = (definition.spec for definition in catalogue.journeys.values())
    ends = (predicate for spec in specs for _, _, predicate in by_events(spec))
    looked_at = (*(segment.predicate for segment in known.values()), *ends)
    types = {_ORDERED, TRAITS_CHANGED}.union(*map(event_types, looked_at))
    if asks_of_carts(catalogue.module):
        types |= {"Product Added", "Product Removed"}
    others = [segment for name, segment in known.items() if name not in catalogue.segments]
    products = [Product(id_, available, relations) for id_, available, relations in await past.products()]
    return _Stage(catalogue, period, others, products, await _stands(past.connection), types)


async def _stands(connection: Connection) -> dict[tuple[str, str], Standing]:
    """The switch and the last shares of each choice."""
    found = {}
    for row in await choices.declared(connection):
        version = (await choices.newest(connection, row.name, row.number)).version
        learned = await choices.learned(connection, row.name, row.number, version)
        digest = Choice.from_json(row.declared).digest
        found[row.name, digest] = Standing(State(row.state), Allocation.from_json(version, learned))
    return found


@dataclass(frozen=True, slots=True)
class _Stage:
    """All but the customers, the same for every page: read once."""

    catalogue: Catalogue
    period: Period
    others: Sequence[Segment]
    products: Sequence[Product]
    stands: Mapping[tuple[str, str], Standing]
    types: set[str]

    async def play(self, past: Recorded, rows: Sequence[Record]) -> tuple[Tally, bool]:
        """What would have come of these customers; again, where a run asks about events that nobody has asked about yet."""
        while True:
            played = await self._played(past, rows)
            if played.world.wanted <= self.types:
                return tally(played.world), played.world.choices.rationed
            self.types.update(played.world.wanted)

    async def _played(self, past: Recorded, rows: Sequence[Record]) -> Backcast:
        since = self.period.since
        cast = Backcast(self.catalogue, since, segments=self.others, wishes=wishes_of(self.catalogue.module))
        cast.ids = {str(row["id"]): row["drawn_as"] for row in rows}
        cast.world.choices.stands = self.stands
        for product in self.products:
            cast.world.shelf.put(product)
        known = [row for row in rows if row["created_at"] < since]
        for row in known:
            _introduce(cast.meet(str(row["id"])), row, since)
        lives = deque(sorted((call for row in rows for call in _life(row)), key=lambda call: call.at))
        begun = False
        async for event in past.events(list(map(itemgetter("id"), rows)), sorted(self.types), _BEGINNING):
            if not begun and event["ts"] >= since:
                begun = _begin(cast, lives, known, since)
            _hear(cast, lives, event["ts"], begun=begun)
            (cast.take if begun else cast.knew)(_call(event))
        _ = begun or _begin(cast, lives, known, since)
        _hear(cast, lives, self.period.until, begun=True)
        cast.finish(self.period.until + self.period.then - cast.world.now)
        return cast


#: In a process of its own: the stage of the snapshot whose pages it plays.
_STAGES: dict[_There, _Stage] = {}


def _begin(cast: Backcast, lives: "deque[Call]", known: Iterable[Record], since: datetime) -> bool:
    """Everybody is where they were, with the traits that they had by then."""
    _hear(cast, lives, since - _INSTANT, begun=False)
    for row in known:
        who = cast.meet(str(row["id"]))
        for name, at in row["traits_at"].items():
            if (said := as_instant(at)) is not None and said < since:
                who.learned({name: row["traits"].get(name)}, said)
    cast.settle()
    return True


def _hear(cast: Backcast, lives: "deque[Call]", until: datetime, *, begun: bool) -> None:
    """What was told of customers besides their events, up to an instant."""
    while lives and lives[0].at <= until:
        (cast.take if begun else cast.knew)(lives.popleft())


def _introduce(who: Customer, row: Record, since: datetime) -> None:
    """Somebody who was there before: since when, what they got, and the runs that they have been in."""
    who.created_at = row["created_at"]
    who.past += [Sent(at, Channel(c), Purpose(p), journey) for at, c, p, journey in row["messages"] if c in _CHANNELS]
    who.earlier += [Earlier(*run) for run in row["runs"] if run[2] < since]


def _life(row: Record) -> Iterator[Call]:
    """A customer's beginning, the coming and going of their addresses, and what they said of marketing."""
    user, born = str(row["id"]), row["created_at"]
    yield Call(born, born, TRAITS_CHANGED, user)
    for channel, address, since, gone in row["addresses"]:
        if channel in _CHANNELS:
            known = ((Channel(channel), address),)
            yield Call(max(born, since), max(born, since), TRAITS_CHANGED, user, addresses=known)
            if gone is not None:
                yield Call(max(born, gone), max(born, gone), TRAITS_CHANGED, user, gone=known)
    for channel, address, state, at in _that_count(row["words"]):
        if channel in _CHANNELS:
            yield Call(max(born, at), max(born, at), TRAITS_CHANGED, user, choices=((Channel(channel), address, state),))


def _that_count(words: Iterable[tuple[str, str | None, str, datetime, int]]) -> Iterator[tuple[str, str | None, str, datetime]]:
    """Words of consent in their order, without a yes of less weight than the no before it."""
    noes: dict[tuple[str, str | None], int] = {}
    for channel, address, state, at, weight in words:
        if state != "granted":
            noes[channel, address] = weight
        elif weight < max(noes.get((channel, address), 0), noes.get((channel, None), 0)):
            continue
        else:
            noes.pop((channel, address), None)
        yield channel, address, state, at


def _call(event: Record) -> Call:
    told = {"traits": event["properties"]} if event["type"] == TRAITS_CHANGED else {"properties": event["properties"]}
    return Call(event["ts"], event["ts"], event["type"], str(event["profile_id"]), message_id=event["message_id"], **told)
