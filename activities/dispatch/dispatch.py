"""The dispatcher: from rows to Temporal. Transitions become runs, runs become workflows, exits become signals.

Promise: every step is a row first and a call after, and every call may be repeated: a crash between the two costs a retry,
never a run, and never a second one. Who enters a transactional journey waits for nobody who enters another.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from uuid import UUID

import structlog
from opentelemetry import context as otel
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from temporalio.client import Client
from temporalio.common import (
    Priority,
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from activities.dispatch.admission import admit
from activities.dispatch.brakes import Brakes
from activities.dispatch.campaigning import Campaigner
from activities.dispatch.closing import Closer
from activities.dispatch.ending import Ender
from activities.dispatch.erasing import Eraser
from activities.dispatch.line import Line
from activities.dispatch.mending import Mender
from activities.dispatch.moving import Mover
from activities.dispatch.pace import Pace
from activities.dispatch.passing import kind_and_place, passes
from activities.dispatch.repeating import Repeater
from activities.dispatch.seldom import Seldom
from activities.dispatch.telling import tell
from activities.dispatch.undecided import Undecided
from activities.gate.goals import end, endings
from activities.metrics import ENTRY_LATENCY
from activities.together import Lane, together
from activities.versions import Served, UnknownVersion, Versions, nearest
from journeys.clock import Clock
from journeys.contracts import (
    WORKFLOW_QUEUE,
    JourneySpec,
    Plain,
    Purpose,
    Reason,
    RunStart,
    SearchBy,
    WatchShard,
)
from journeys.endings import ended_by_move
from journeys.entering import UnlikeDeclared, accepted
from journeys.errors import InvalidParams
from journeys.heard import AskAgain, Happened
from store import Connection, Database, versions
from store.runs import expectations, switches
from store.runs import rows as runs
from store.runs.expectations import Moved, ToTell
from store.runs.rows import OpenRun, OutboxRow, RunToStart
from store.runs.switches import PausedMessage

log = structlog.get_logger(__name__)


_BATCH = 500
#: Calls to Temporal in flight. More only queue there, where what is urgent waits behind them like everything else.
_AT_ONCE = 8
#: Rounds of such calls for campaigns, before it is looked again how many at once Temporal takes.
_ROUNDS = 2
_TRACE = TraceContextTextMapPropagator()


@dataclass(frozen=True)
class Dispatcher:
    """What it works with."""

    database: Database
    client: Client
    versions: Versions
    clock: Clock
    closer: Closer
    ender: Ender
    mender: Mender
    mover: Mover
    line: Line
    undecided: Undecided
    eraser: Eraser
    repeater: Repeater
    brakes: Brakes
    campaigner: Campaigner
    pace: Pace = field(default_factory=Pace)
    task_queue: str = WORKFLOW_QUEUE
    _seldom: Seldom = field(default_factory=Seldom)
    #: Starts of whoever is in no hurry.
    _starts: Lane = field(default_factory=partial(Lane, _AT_ONCE))
    #: Starts of campaigns: they stand before nobody else's.
    _crowds: Lane = field(default_factory=partial(Lane, _AT_ONCE))
    #: Whoever is in a hurry begins while nobody is told to end of whom Temporal may not have heard.
    _beginning: asyncio.Lock = field(default_factory=asyncio.Lock)
    #: The same of those whom campaigns start, so that neither waits for the other.
    _crowding: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def dispatch(self, shard: WatchShard) -> int:
        """Do all that waits to be done for a shard, but for ends of who has begun; returns how many things were done.

        A step that fails although Postgres and Temporal are there stops none of the others; then it is raised.
        """
        steps: list[Callable[[], Awaitable[int]]] = [
            partial(self._admit, shard),
            self.line.move,
            partial(self.ender.kill, shard),
            partial(self._start, shard),
            partial(self._end_unbegun, shard),
            partial(self._tell, shard),
        ]
        done, failed = 0, list[Exception]()
        once = [self._release, self.eraser.start, self.repeater.start, self.campaigner.start, self.brakes.look_now_and_then]
        for step in [*steps, *once] if shard.shard == 0 else steps:
            try:
                done += await step()
            except Exception as error:
                if passes(error):
                    raise
                failed.append(error)
        if failed:
            raise failed[0]
        return done

    async def hurry(self, shard: WatchShard) -> int:
        """Admit and start whoever enters transactional journeys, past all who enter others; returns how many things were done.

        Moves between segments are told in their order where a run ends by one of them.
        """
        specs = self.versions.own.specs.values()
        first = [spec for spec in specs if spec.purpose is Purpose.TRANSACTIONAL]
        ending = {segment for served in self.versions.held for segment, _ in served.moves}
        segments = sorted({spec.entered_by for spec in first if spec.entered_by is not None} - ending)
        admitted = await self._admit(shard, segments) if segments else 0
        async with self._beginning:
            return admitted + (await self._start(shard, [spec.name for spec in first]) if first else 0)

    async def crowd(self, shard: WatchShard) -> int:
        """Start a few of those who enter by campaigns, beside all the others; returns how many were started."""
        async with self._crowding:
            return await self._start(shard, few=_ROUNDS * self._crowds.width)

    async def _end_unbegun(self, shard: WatchShard) -> int:
        if not await self.ender.has_to_tell(shard, begun=False):  # nobody waits for those who are being started
            return 0
        async with self._beginning, self._crowding:
            return await self.ender.tell(shard, begun=False)

    async def _admit(self, shard: WatchShard, segments: Sequence[str] | None = None) -> int:
        served = await self.versions.handed_out()
        async with self.database.transaction() as connection:
            transitions = await runs.lock_transitions(connection, shard.shard, shard.shards, _BATCH, segments)
            if not transitions:
                return 0
            now = self.clock.now()
            await admit(connection, served, [t for t in transitions if t.kind != "left"], now, self.closer.look)
            for transition in transitions:
                if transition.kind != "repeated":
                    await self._end_by_moves(connection, transition)
            moves = [Moved(t.profile_id, t.segment, t.kind == "entered", t.at) for t in transitions if t.kind != "repeated"]
            await expectations.moved(connection, moves)
            await runs.mark_dispatched(connection, [t.id for t in transitions], now)
            return len(transitions)

    async def _end_by_moves(self, connection: Connection, transition: OutboxRow) -> None:
        """End the runs of whoever has entered or left a segment that ends them, if they were in before that."""
        move = transition.segment, transition.kind == "entered"
        if not any(move in served.moves for served in self.versions.held):
            return
        for run in await runs.open_runs_of(connection, [transition.profile_id]):
            ending = (await nearest(self.versions, run.version, connection)).moves.get(move, {}).get(run.journey)
            if ending is not None and ended_by_move(run.entered_at, transition.at, inside=move[1]):
                reason, which = ending
                await runs.request_exits(connection, [(run.id, reason.value, transition.at)], {run.id: which})

    async def _start(self, shard: WatchShard, only: Sequence[str] | None = None, few: int | None = None) -> int:
        """Start runs of all journeys or of some; only a few where campaigns start them."""
        own, of = await self.versions.handed_out(), (shard.shard, shard.shards)
        found = await runs.to_start(self.database, *of, few or _BATCH, list(own.specs), only, by_campaigns=few is not None)
        waiting = await self._with_versions(found, own) if found else []
        reached = await self._reached_already([run for run, _ in waiting]) if waiting else set()
        calls = (self._start_one(*each) for each in waiting if each[0].id not in reached)
        lane = self._starts if few is None else self._crowds
        started = await together(calls, _AT_ONCE if only else lane)
        await runs.mark_started(self.database, [s for s in started if s], self.clock.now())
        return sum(s is not None for s in started)

    async def _with_versions(self, found: Sequence[RunToStart], own: Served) -> list[tuple[RunToStart, Served]]:
        """Each with what it begins with: a row first, so that a start that is repeated is one with the same version."""
        if own.version is not None:
            given = await versions.give(self.database, [run.id for run in found if run.version is None], own.version)
            found = [replace(run, version=own.version) if run.id in given else run for run in found]
            found = [run for run in found if run.version is not None]  # another dispatcher was faster: next time
            found = await self._with_params(found, own, given)
        began: list[tuple[RunToStart, Served]] = []
        for run in found:
            try:
                began.append((run, await self.versions.of(run.version)))
            except UnknownVersion as unknown:
                if self._seldom.is_due(run.id, self.clock.now()):  # it is tried again at every tick
                    log.warning("a run cannot start", run=str(run.id), why=unknown.message)
        return began

    async def _with_params(self, found: Sequence[RunToStart], own: Served, given: set[UUID]) -> list[RunToStart]:
        """Those whose parameters are what their version takes; whoever asked for another one is over before they began."""
        fitting, unfit = [], []
        for run in found:
            if run.id not in given or run.segment is not None:
                fitting.append(run)
                continue
            try:
                fitting.append(replace(run, params=own.accept[run.journey](run.params)))
            except InvalidParams as error:
                unfit.append((run.id, Reason.PARAMS_UNLIKE.value, self.clock.now()))
                log.warning(
                    "a run cannot begin with this version", run=str(run.id), fields=[where for where, _ in error.problems]
                )
        if unfit:
            async with self.database.transaction() as connection:
                await runs.request_exits(connection, unfit)
        return fitting

    async def _reached_already(self, waiting: Sequence[RunToStart]) -> set[UUID]:
        """Runs whose goal or exit came between the entry and now: the watch may have looked before their row was there."""
        open_runs = [OpenRun(r.id, r.journey, r.profile_id, r.since, r.version) for r in waiting]
        async with self.database.transaction() as connection:
            return await end(connection, await endings(connection, self.versions, open_runs, self.clock.now()))

    async def _start_one(self, run: RunToStart, served: Served) -> tuple[UUID, timedelta] | None:
        try:
            start = self._argument(run, served)
        except Exception as error:  # noqa: BLE001 - whatever it is of one run, the others begin
            if self._seldom.is_due(run.id, self.clock.now()):
                log.error("a run cannot start", run=str(run.id), journey=run.journey, **kind_and_place(error))  # noqa: TRY400 - no text
            return None
        token = otel.attach(_TRACE.extract({"traceparent": run.traceparent})) if run.traceparent else None
        try:
            await self._start_workflow(run, start, served.specs[run.journey])
        except WorkflowAlreadyStartedError:
            pass  # an earlier attempt got through
        except RPCError as error:
            log.warning("temporal did not take a run; it is tried again", run=str(run.id), status=error.status.name)
            return None
        finally:
            if token is not None:
                otel.detach(token)
        ENTRY_LATENCY.observe(max(0.0, self.clock.duration(self.clock.now() - run.created_at).total_seconds()))
        return run.id, start.start_delay

    async def _start_workflow(self, run: RunToStart, start: RunStart, spec: JourneySpec) -> None:
        about, first = spec.about, spec.purpose is Purpose.TRANSACTIONAL
        await self.client.start_workflow(
            run.journey,
            start,
            id=run.workflow_id,
            task_queue=self.task_queue,
            start_delay=self.clock.duration(start.start_delay) or None,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            search_attributes=_attributes(run),
            static_summary=f"{run.journey}: entered {run.segment or 'by API'} {run.entered_at:%d %b %H:%M} UTC",
            static_details=f"{about}\n\nBegan with version {run.version} of the catalogue." if run.version else about,
            priority=Priority(priority_key=2 if first else 4 if run.campaign else 3, fairness_key=run.journey[:64]),
        )

    def _argument(self, run: RunToStart, served: Served) -> RunStart:
        start = RunStart(
            run_id=run.id,
            customer_id=run.profile_id,
            segment=run.segment,
            entered_at=run.entered_at,
            started_at=self.clock.now(),
            params=served.branchable[run.journey](run.params),
            entry=_entry(run, served.specs[run.journey]),
            clock=self.clock,
            version=run.version,
            changes=sorted(served.changes),
        )
        return start.model_copy(update={"start_delay": served.leading[run.journey](start)})

    async def _tell(self, shard: WatchShard) -> int:
        """Tell runs what has happened that they wait for."""
        waiting = await expectations.to_tell(self.database, shard.shard, shard.shards, _BATCH)
        heard = [h for h in await together(map(self._tell_one, waiting), _AT_ONCE) if h]
        await expectations.told(self.database.pool, heard, self.clock.now())
        return len(heard)

    async def _tell_one(self, news: ToTell) -> ToTell | None:
        happened = Happened(wait=news.wait, which=news.which, at=news.at, answer=news.answer)
        return None if await tell(self.client, news.workflow_id, happened) is None else news

    async def _release(self) -> int:
        """Wake the runs that wait with a message for a journey that lives again: those first that are soonest useless."""
        now = self.clock.now()
        turns = self.pace.turns(now, self.clock.speed)
        waiting = await switches.to_release(self.database, now, turns) if turns else []
        woken = [message for message in await together(map(self._release_one, waiting), _AT_ONCE) if message]
        if woken:
            self.pace.took(len(woken), now, self.clock.speed)
            await switches.released(self.database, woken, now)
        return len(woken)

    async def _release_one(self, message: PausedMessage) -> PausedMessage | None:
        return None if await tell(self.client, message.workflow_id, AskAgain()) is None else message


def _attributes(run: RunToStart) -> TypedSearchAttributes:
    pairs = [_keyword(SearchBy.JOURNEY, run.journey), _keyword(SearchBy.CUSTOMER, str(run.profile_id))]
    if run.segment:
        pairs.append(_keyword(SearchBy.SEGMENT, run.segment))
    return TypedSearchAttributes(pairs)


def _keyword(name: SearchBy, value: str) -> SearchAttributePair[str]:
    return SearchAttributePair(SearchAttributeKey.for_keyword(name.value), value)


def _entry(run: RunToStart, spec: JourneySpec) -> dict[str, Plain]:
    """What the journey may know of the entering event, or of what a start brought in its place; nothing if it does not fit."""
    if spec.entry_model is None:
        return {}
    try:
        return accepted(spec.entry_model, run.entry)
    except UnlikeDeclared as unlike:
        log.warning("an entering event is not as its journey declares", journey=run.journey, fields=unlike.fields)
        return {}
