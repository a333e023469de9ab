"""One customer's story in one journey: what happened and why, where the run stands, and what comes next.

Promise: told from Postgres alone, so also while Temporal is away. Ids, instants, names and reasons; parameters and the
entering event only when they are asked for. What comes next needs the code of the run's own version, and says so where that is
not at hand.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field

from api.runs.standing import status_of
from journeys import JourneyDefinition
from journeys.contracts import Outcome, Reason, Receipt, RunStart, because_of
from journeys.deciding.drawing import in_words
from journeys.deciding.options import Choice
from journeys.entering import UnlikeDeclared, accepted
from journeys.heard import Happened
from journeys.spans import describe
from journeys.walk.retrace import Asked, Known, Standing, Told, Waited, retrace
from segments.language.events import MESSAGE_CLICKED, MESSAGE_FAILED, MESSAGE_REPLIED
from segments.time.zones import Whereabouts, whereabouts
from store import Database
from store.runs import rows
from store.runs.calls import CallRow, calls_of
from store.runs.story import CameBack, Records, holders_of, records_of
from store.runs.views import Message, Run, messages_of

#: The journeys of a version by name; None where its code is not at hand, or nobody who may deploy has signed it.
Codes = Callable[[Database, str | None], Awaitable[Mapping[str, JourneyDefinition] | None]]

_Lives = tuple[dict[str, Any], str | None, str | None]
_Span = tuple[datetime, datetime]

_CAME_BACK = {MESSAGE_CLICKED: "clicked", MESSAGE_REPLIED: "replied", MESSAGE_FAILED: "failed on its way"}
_FINAL = {"sent", "skipped", "withheld", "failed", "unconfirmed"}


class Moment(BaseModel):
    """One thing that happened."""

    at: datetime = Field(description="business time, UTC")
    local: datetime | None = Field(default=None, description="the same on the customer's wall clock, where their zone is known")
    kind: str = Field(
        description="entered, let in, started, version, gate, sent, came back, call, waits, happened, in vain, task, arm, "
        "hold, failing, over"
    )
    what: str
    detail: dict[str, Any] = Field(default_factory=dict, description="what decided: the gate's inputs, a task's outcome, …")


class Next(BaseModel):
    """Something that comes, or may come."""

    kind: str = Field(description="message, first (a wait for something), question, action, end")
    what: str
    earliest: datetime
    latest: datetime
    local: datetime | None = Field(default=None, description="the earliest on the customer's wall clock")
    local_latest: datetime | None = None
    sure: bool = Field(description="false: only on some of the ways that are open")


class At(BaseModel):
    """What the run is at."""

    kind: str
    what: str
    until: datetime | None
    local: datetime | None = None


class Story(BaseModel):
    """A run's story."""

    run: str
    workflow_id: str
    journey: str
    customer_id: str
    version: str | None
    zone: str = Field(description="where the customer's clock stands, or how many zones it may be in")
    zone_told_by: str = Field(description="timezone, device, phone, country, journey or nothing")
    status: str
    happened: list[Moment]
    at: list[At] = Field(description="where an open run stands; several, where what is on record allows that")
    ahead: list[Next]
    held_by: list[str] = Field(default_factory=list, description="journeys that keep its marketing back now")
    note: str | None = Field(default=None, description="why nothing is said of what comes next, where that is so")
    shown: dict[str, Any] | None = Field(default=None, description="parameters and entering event, when they were asked for")


async def nothing_at_hand(_: Database, __: str | None) -> None:
    """No version's code."""


async def story_of(database: Database, run: Run, codes: Codes, now: datetime, *, show: bool = False) -> Story:
    """The story of a run."""
    records = await records_of(database, run, sorted(_CAME_BACK))
    messages, calls = await messages_of(database, run.id), await calls_of(database, run.id)
    async with database.pool.acquire() as connection:
        lives = await rows.where_is(connection, run.id) or ({}, None, None)
    code = await codes(database, run.move_to or run.version)
    definition = code.get(run.journey) if code else None
    holders = await holders_of(database, run) if run.ended_at is None else []
    held = [await _lets_go(database, holder, codes, lives, now) for holder in holders]
    told = await asyncio.to_thread(tell, run, records, messages, calls, lives, definition, now, held=held, show=show)
    return told.model_copy(update={"held_by": sorted({holder.journey for holder in holders})})


async def _lets_go(database: Database, run: Run, codes: Codes, lives: _Lives, now: datetime) -> _Span | None:
    """When a run that keeps others back lets them go, at the earliest and at the latest, as far as its code tells."""
    records, messages = await records_of(database, run, ()), await messages_of(database, run.id)
    calls, code = await calls_of(database, run.id), await codes(database, run.version)
    if code is None or (definition := code.get(run.journey)) is None:
        return None
    known = _known(records, messages, calls, whereabouts(*lives, definition.spec.timezone), lives[0])
    standing = await asyncio.to_thread(retrace, definition, _start(run, definition), known, now)
    return standing.releases if standing else None


def tell(
    run: Run,
    records: Records,
    messages: list[Message],
    calls: Sequence[CallRow],
    lives: _Lives,
    definition: JourneyDefinition | None,
    now: datetime,
    *,
    held: Sequence[_Span | None] = (),
    show: bool = False,
) -> Story:
    """The story of a run from all that is on record; `lives`: traits, the last device's zone and the phone of its customer.

    `definition` is the code that it goes on with, `held` when those let it go that keep its marketing back.
    """
    where = whereabouts(*lives, definition.spec.timezone if definition else "UTC")
    told = _Told(where)
    moments = sorted([*_moments(run, records, messages, now), *map(_of_call, calls)], key=lambda moment: moment[0])
    standing = None
    if definition is not None and run.ended_at is None and run.exit_reason is None:
        known = replace(_known(records, messages, calls, where, lives[0]), held=_longest(held))
        standing = retrace(definition, _start(run, definition), known, now)
    return Story(
        run=str(run.id),
        workflow_id=run.workflow_id,
        journey=run.journey,
        customer_id=str(run.profile_id),
        version=run.version,
        zone=str(where),
        zone_told_by=where.told_by,
        status=status_of(run),
        happened=[told.moment(*each) for each in (*moments, *_ending(run))],
        at=told.stops(standing),
        ahead=told.ahead(standing),
        note=_note(run, definition, standing),
        shown={"params": run.params, "entry": run.entry} if show else None,
    )


def _longest(held: Sequence[_Span | None]) -> _Span | None:
    """Until when several keep it back; those of whom nothing is known are left out."""
    known = [each for each in held if each is not None]
    return (max(earliest for earliest, _ in known), max(latest for _, latest in known)) if known else None


class _Told:
    """Says instants on the customer's wall clock, too."""

    def __init__(self, where: Whereabouts) -> None:
        self._zone = ZoneInfo(where.zones[0]) if len(where.zones) == 1 else None

    def local(self, at: datetime | None) -> datetime | None:
        return at.astimezone(self._zone) if at and self._zone else None

    def moment(self, at: datetime, kind: str, what: str, detail: dict[str, Any]) -> Moment:
        return Moment(at=at, local=self.local(at), kind=kind, what=what, detail=detail)

    def stops(self, standing: Standing | None) -> list[At]:
        stops = standing.stops if standing else ()
        return [At(kind=each.kind, what=each.what, until=each.until, local=self.local(each.until)) for each in stops]

    def ahead(self, standing: Standing | None) -> list[Next]:
        found = standing.ahead if standing else ()
        return [
            Next(
                **{name: getattr(each, name) for name in each.__slots__},
                local=self.local(each.earliest),
                local_latest=self.local(each.latest),
            )
            for each in found
        ]


_Moment = tuple[datetime, str, str, dict[str, Any]]


def _moments(run: Run, records: Records, messages: list[Message], now: datetime) -> Iterator[_Moment]:
    yield run.entered_at, "entered", _entered(run), records.cause or {}
    if run.let_in_at is not None:
        yield run.let_in_at, "let in", "after those before them in the line", {}
    if run.started_at is not None:
        held_back = timedelta(seconds=round(run.start_delay.total_seconds()))
        later = {"held_back_for": describe(held_back)} if held_back else {}
        yield run.started_at, "started", f"by version {run.version}" if run.version else "without a version", later
    if run.mended_at is not None:
        yield run.mended_at, "version", f"goes on with version {run.version}", {}
    for message in messages:
        yield from _of_message(message)
    yield from _waits(records, run, now)
    for arm in records.arms:
        if arm.here:
            yield arm.exposed_at, "arm", f"{arm.arm} of {arm.experiment}", {}
    for each in records.choices:
        why = in_words(Choice.from_json(each.declared), each.option, each.why, each.cell, each.propensity) if each.why else []
        detail = {"why": why, "propensity": each.propensity, "allocation": each.allocation, "reward": each.reward}
        yield each.made_at, "choice", f"{each.name}: {each.option or 'nothing was allowed'}", detail
    for held in records.holds:
        yield held.since, "hold", "others of the customer's journeys are silent", {}
        if held.released_at is not None:
            yield held.released_at, "hold", "the others may speak again", {}
    yield from (_came_back(each) for each in records.came_back)


def _entered(run: Run) -> str:
    by = {"segment": f"entered segment {run.segment}", "api": "started over the API", "journey": "started by another journey"}
    return by.get(run.entered_by, run.entered_by) + (f", key {run.entry_key}" if run.entry_key else "")


def _of_message(message: Message) -> Iterator[_Moment]:
    name = f"{message.channel} {message.template}"
    for gate in message.gates:
        at, answer = datetime.fromisoformat(gate["at"]), gate["answer"]
        why = f": {because_of(gate['reason'], gate)}" if "reason" in gate else ""
        detail = {name: value for name, value in gate.items() if name not in ("at", "answer", "reason")}
        yield at, "gate", f"{name}: {answer}{why}", detail
    if message.state in ("sent", "failed", "unconfirmed") and message.settled_at and message.claimed_at:
        why = f" ({message.reason})" if message.reason else ""
        yield message.settled_at, "sent", f"{name}: {message.state}{why}", _sending(message)
    elif message.settled_at and message.state in ("skipped", "released") and _was_let_go(message):
        came_to = f"skipped ({message.reason})" if message.state == "skipped" else "not taken yet, and tried again"
        yield message.settled_at, "not sent", f"{name}: {came_to}", _sending(message)
    for back, what in ((message.delivered_at, "delivered"), (message.read_at, "opened")):
        if back is not None:
            yield back, "came back", f"{name}: {what}", {}


def _was_let_go(message: Message) -> bool:
    """Whether the gate's last word was go: what came of it then, it has not told."""
    return bool(message.gates) and message.gates[-1]["answer"] == "go"


def _of_call(call: CallRow) -> _Moment:
    asked = call.service if call.event == call.service else f"{call.service}, {call.event}"
    came_to = "no answer yet" if call.settled_at is None else call.reason or "answered"
    detail = {"asked_at": call.asked_at.isoformat(), "attempts": call.attempts, "status": call.status}
    return call.settled_at or call.asked_at, "call", f"{asked}: {came_to}", detail


def _sending(message: Message) -> dict[str, Any]:
    told = {"provider": message.provider, "attempts": message.attempts, "raced": message.raced or None} | message.detail
    return {name: value for name, value in told.items() if value is not None}


def _waits(records: Records, run: Run, now: datetime) -> Iterator[_Moment]:
    answered = {each.wait for each in records.waits if each.happened_at is not None}
    begun: set[int] = set()
    for each in records.waits:
        if each.wait not in begun:
            begun.add(each.wait)
            names = ", ".join(other.which for other in records.waits if other.wait == each.wait)
            yield each.begun_at, "waits", f"for {names}", {"until": each.until.isoformat()}
            if each.wait not in answered and each.until <= min(now, run.ended_at or now):
                yield each.until, "in vain", f"none of {names} in time", {}
        yield from _task(each.expected, each.begun_at, now)
        if each.happened_at is not None:
            yield each.happened_at, "happened", each.which, each.answer


def _task(expected: dict[str, Any], begun_at: datetime, now: datetime) -> Iterator[_Moment]:
    if expected.get("kind") != "people":
        return
    yield begun_at, "task", f"'{expected['title']}' for {expected['to']}", {}
    due = datetime.fromisoformat(expected["by"]) if expected.get("by") else None
    if due is not None and due <= now and expected.get("escalate"):
        yield due, "task", f"'{expected['title']}' went on to {expected['escalate']}", {}


def _came_back(found: CameBack) -> _Moment:
    return found.at, "came back", f"{(found.step or 'a message').replace(':', ' ', 1)}: {_CAME_BACK[found.type]}", {}


def _ending(run: Run) -> Iterator[_Moment]:
    if run.failing_since is not None:
        yield run.failing_since, "failing", run.failure or "its code cannot go on", {}
    if run.exit_at is not None and run.exit_reason is not None:
        yield run.exit_at, "over", f"is told to end: {run.exit_reason}", {}
    if run.ended_at is not None:
        yield run.ended_at, "over", run.outcome or run.exit_reason or "ended", {}


def _note(run: Run, definition: JourneyDefinition | None, standing: Standing | None) -> str | None:
    if run.ended_at is not None or run.exit_reason is not None:
        return None
    moves = f"it goes on with version {run.move_to} from its next wait" if run.move_to else None
    if standing is not None:
        return f"{moves}, whose code tells what comes next here" if moves else None
    if definition is None:
        version = run.move_to or run.version
        which = f"version {version}" if version else "its version"
        return f"what comes next needs the code of {which}, which is not at hand here, or not signed by who may deploy"
    return "what comes next is not known: its code cannot be walked with what is on record"


def _start(run: Run, definition: JourneyDefinition) -> RunStart:
    model = definition.spec.entry_model
    return RunStart(
        run_id=run.id,
        customer_id=run.profile_id,
        entered_at=run.let_in_at or run.entered_at,
        started_at=run.started_at or run.let_in_at or run.entered_at,
        params=definition.branchable(run.params),
        entry=_entry(model, run.entry) if model else {},
    )


def _entry(model: type[BaseModel], entry: dict[str, Any]) -> dict[str, Any]:
    try:
        return accepted(model, entry)
    except UnlikeDeclared:
        return {}


def _known(
    records: Records, messages: list[Message], calls: Sequence[CallRow], where: Whereabouts, traits: Mapping[str, Any]
) -> Known:
    waits: dict[int, Waited] = {}
    for each in records.waits:
        happened = None
        if each.happened_at is not None:
            happened = Happened(wait=each.wait, which=each.which, at=each.happened_at, answer=each.answer)
        earlier = waits.get(each.wait)
        waits[each.wait] = Waited(each.until, happened or (earlier.happened if earlier else None))
    told = {(message.step, message.occurrence): _told(message) for message in messages}
    arms = {arm.experiment: arm.arm for arm in records.arms}
    made = {each.asked: tuple(each.options) for each in records.choices}
    return Known(told, waits, arms, made, where.zones, traits, {each.number: _asked(each) for each in calls})


def _asked(call: CallRow) -> Asked:
    reason = Reason(call.reason) if call.reason else None
    return Asked(call.settled_at, call.retry_at, reason, call.status, call.answer)


def _told(message: Message) -> Told:
    if message.state not in _FINAL:
        return Told(None, message.due_at, message.retry_at)
    reason = Reason(message.reason) if message.reason in set(Reason) else None
    said = {name: message.detail.get(name) for name in ("segment", "product", "because")}
    return Told(Receipt(outcome=Outcome(message.state), reason=reason, **said), message.settled_at or message.due_at)
