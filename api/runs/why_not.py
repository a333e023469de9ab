"""Why somebody did not enter a journey, or was not sent one of its messages: what stands in the way, and what is on record.

Promise: says what is so now and what was refused then; only reads. Ids, names, reasons and instants; what a condition saw of
the customer (traits, events) only when it is asked for.
"""

from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from journeys import JourneyDefinition
from journeys.campaigns.message import PREFIX
from journeys.contracts import Reason, because_of
from journeys.entry import (
    COOLING_DOWN,
    ENTERED_BEFORE,
    STARTED_TOO_OFTEN,
    TOO_LATE,
    UNLIKE_DECLARED,
    Past,
    is_held_out,
    left_alone,
    refusal,
)
from journeys.room import earliest
from segments import Segment
from segments.ask.ask import explain
from segments.ask.declared import leaves_alone
from segments.ask.overview import all_segments
from segments.ask.why import Finding
from segments.define.naming import without_names
from segments.predictions.declared import Declared
from store import Database, campaigns
from store.campaigns import Hindrance, Turn
from store.runs.lists import Wanted, list_runs
from store.runs.story import last_move, refusals_of
from store.runs.switches import EVERYTHING, LIVE, holding, switches
from store.runs.views import Run, has_runs, messages_of
from store.segments.rows import evaluated

_MANY = 20
_CAMPAIGNS = 3
_MEND = "mend the template at that place, look with `journeys check`, and deploy"
_NOT_SENT = {"skipped", "failed", "withheld", "deferred", "unconfirmed"}


class Because(BaseModel):
    """One reason: what stands in the way now, or what was refused then."""

    rule: str = Field(description="such as not-in-segment, refused, cooling-down, journey-killed, message-not-sent, entered")
    what: str
    at: datetime | None = None
    until: datetime | None = None
    remedy: str = ""
    run_id: UUID | None = Field(default=None, description="the run that it is about")


class Condition(BaseModel):
    """A part of the entry segment's definition, for this customer now."""

    text: str
    holds: bool
    saw: Any = Field(default=None, description="only when it was asked for")
    changes_at: datetime | None = None
    parts: list["Condition"] = Field(default_factory=list)


class WhyNot(BaseModel):
    """All of it, the most telling first."""

    journey: str
    customer_id: str
    because: list[Because]
    segment: str | None = None
    conditions: Condition | None = Field(default=None, description="the entry segment's definition, part by part")


class Asking:
    """What is asked of whom: a journey by name and, where the catalogue has it, what it declares."""

    def __init__(
        self,
        database: Database,
        name: str,
        journeys: Mapping[str, JourneyDefinition],
        segments: Mapping[str, Segment],
        now: datetime,
        own: Collection[str] = (),
        predictions: Mapping[str, Declared] = MappingProxyType({}),
    ) -> None:
        """`own`: what names people here, beside the usual (`segments.define.naming`); the others are the catalogue's."""
        self.database, self.name, self.now, self.own = database, name, now, own
        self.definition = journeys.get(name)
        self.segments, self.predictions = segments, predictions
        self.is_campaign = name.startswith(PREFIX)

    async def about(self, customer: UUID, *, show: bool = False) -> WhyNot:
        """Why this customer did not enter, or what became of it where they did."""
        runs = await list_runs(self.database, Wanted(journey=self.name, profile_id=customer), limit=_MANY)
        found = [each async for each in self._campaigns(customer)]
        found += [each async for each in self._journey()]
        found += list(self._runs(runs))
        found += [each async for each in self._messages(runs)]
        found += [each async for each in self._refused(customer)]
        found += list(self._rules(customer, runs))
        found += [each async for each in self._left_alone(customer)]
        conditions, in_segment = await self._segment(customer, show=show)
        entry = self.definition.spec.entered_by if self.definition else None
        told = WhyNot(
            journey=self.name,
            customer_id=str(customer),
            because=[*found, *in_segment],
            segment=entry,
            conditions=conditions,
        )
        if not told.because:
            nothing = "nothing stands in the way: whoever enters the segment now comes in"
            told.because.append(Because(rule="nothing", what=nothing))
        return told

    async def _journey(self) -> AsyncIterator[Because]:
        switch = holding(await switches(self.database), self.name)
        if self.definition is None and not self.is_campaign:
            yield Because(rule="not-in-catalogue", what="the catalogue here has no such journey", remedy="deploy it")
        if switch is None or switch.state == LIVE:
            return
        what = f"{'everything' if switch.journey == EVERYTHING else 'it'} is {switch.told}"
        means = "nobody comes in"
        if switch.state == "paused":
            means = "who enters comes in, and messages wait; nobody is started over the API"
        remedy = f"once that is mended: {switch.resumed_by}" if switch.why else switch.resumed_by
        yield Because(rule=f"journey-{switch.state}", what=f"{what}; {means}", at=switch.at, remedy=remedy)

    async def _campaigns(self, customer: UUID) -> AsyncIterator[Because]:
        """How far the newest campaigns of this name, or bulk starts of this journey, are with the customer."""
        found = await campaigns.turns(self.database, self.name, customer, _CAMPAIGNS)
        for turn in found:
            if turn.state is None and not self.is_campaign:
                continue  # a bulk start of others
            hindrance = await campaigns.hindrance_of(self.database, turn.campaign.id)
            yield _of_campaign(turn, hindrance, self.now)
        if self.is_campaign and not found:
            yield Because(rule="no-campaign", what="there is no campaign of this name", remedy="journeys starts lists them")

    def _runs(self, runs: list[Run]) -> Iterator[Because]:
        for run in runs:
            since = "is about to begin it" if run.started_at is None else "is in it"
            what = f"{since} (run {run.id})" if run.ended_at is None else f"was in it: {run.outcome} (run {run.id})"
            yield Because(rule="entered", what=what, at=run.entered_at, remedy=f"journeys explain {run.id}", run_id=run.id)
            if run.ended_at is None and run.waits_until is not None and run.let_in_at is None:
                what = "waits to be let in: the journey has limits, and those before come first"
                yield Because(rule="waits-in-line", what=what, at=run.waits_from, until=run.waits_until)
            elif run.started_at is None and run.ended_at is None:
                what = "Temporal does not know the run yet: no worker has dispatched it"
                yield Because(rule="not-started", what=what, remedy="see whether workers run")

    async def _messages(self, runs: list[Run]) -> AsyncIterator[Because]:
        for run in runs[:3]:
            for message in await messages_of(self.database, run.id):
                if message.state in _NOT_SENT:
                    why = because_of(message.reason or message.state, message.detail)
                    error = message.detail.get("error")
                    what = f"{message.channel} {message.template} was not sent: {why}{f': {error}' if error else ''}"
                    remedy = _MEND if message.reason == Reason.BROKEN_TEMPLATE else ""
                    when = {"at": message.settled_at, "until": message.retry_at, "run_id": run.id}
                    yield Because(rule="message-not-sent", what=what, remedy=remedy, **when)

    async def _refused(self, customer: UUID) -> AsyncIterator[Because]:
        for each in await refusals_of(self.database, self.name, customer):
            key = f" (key {each.entry_key})" if each.entry_key else ""
            what = f"was refused{key}: {each.reason}{self._unlike(each.detail.get('fields', {}))}"
            yield Because(rule="refused", what=what, at=each.at, remedy=self._remedy(each.reason))

    def _remedy(self, reason: str) -> str:
        return f"let it live again: journeys resume {self.name}" if reason == Reason.KILLED else _REMEDIES.get(reason, "")

    def _unlike(self, fields: Mapping[str, str]) -> str:
        """What was wrong with the entering event: each property, and what it is to be by the model of today."""
        model = self.definition.spec.entry_model if self.definition else None
        declared = model.model_json_schema().get("properties", {}) if model else {}
        return "".join(f"; {name} {_expected(declared.get(name, {}), kind)}" for name, kind in fields.items())

    def _rules(self, customer: UUID, runs: list[Run]) -> Iterator[Because]:
        """What the journey's own rules say of an entry at this moment."""
        if self.definition is None:
            return
        spec = self.definition.spec
        past = _past(runs)
        why = refusal(spec, "any", past, self.now, self.now)
        if why is not None and why.reason in (ENTERED_BEFORE, COOLING_DOWN) and not past.running:
            until, what = why.told.get("again_at"), f"may not enter again: {spec.reentry}"
            yield Because(rule=why.reason.replace(" ", "-"), what=what, until=until, remedy=_REMEDIES[why.reason])
        if isinstance(shut := earliest(spec, customer, self.now, self.now), str):
            yield Because(rule=shut.replace(" ", "-"), what=f"would not be let in now: {shut}")
        if is_held_out(spec, customer):
            what = f"is in the holdout ({spec.holdout:.0%}): enters, and is sent nothing"
            yield Because(rule="holdout", what=what)

    async def _left_alone(self, customer: UUID) -> AsyncIterator[Because]:
        """By which predictions whoever comes in by the entry segment is left alone."""
        entry = self.definition.spec.entered_by if self.definition else None
        known = (await all_segments(self.database, self.segments)).known.get(entry) if entry else None
        shares = await leaves_alone(self.database, self.predictions, known.segment if known else None)
        for name, lot in left_alone(shares, customer).items():
            if lot.held:
                what = f"is left alone by the prediction {name} ({lot.share:.0%}): enters, and is sent nothing"
                yield Because(rule="holdout", what=what)

    async def _segment(self, customer: UUID, *, show: bool) -> tuple[Condition | None, list[Because]]:
        name = self.definition.spec.entered_by if self.definition else None
        if name is None:
            told = [Because(rule="api-only", what="nobody enters by a segment: it is started over the API")]
            return None, told if self.definition else []
        known = (await all_segments(self.database, self.segments)).known.get(name)
        if known is None:
            return None, [Because(rule="no-segment", what=f"there is no segment '{name}'", remedy="define it, or deploy it")]
        words = None if show else without_names(known.segment.predicate, self.own)
        answer = await explain(self.database, known.segment, customer, self.now, words)
        if answer is None:
            return None, [Because(rule="no-customer", what="there is no such customer any more")]
        because = [
            each async for each in self._membership(customer, known.segment, inside=answer.member, so=answer.finding.holds)
        ]
        return _condition(answer.finding, show=show), because

    async def _membership(self, customer: UUID, segment: Segment, *, inside: bool, so: bool) -> AsyncIterator[Because]:
        name = segment.name
        if name not in await evaluated(self.database, {name: segment.version}):
            yield Because(
                rule="segment-not-live", what=f"segment {name} is not evaluated yet: it is being loaded, or no worker runs"
            )
        move = await last_move(self.database, customer, name)
        if not inside and not so:
            yield Because(
                rule="not-in-segment", what=f"is not in segment {name}: see which conditions fail", at=move.at if move else None
            )
        elif not inside:
            yield Because(rule="about-to-enter", what=f"is in segment {name} by its definition; the watch has not looked yet")
        elif move is None:
            what = f"was in segment {name} already when it was taken up: who is in then does not enter"
            yield Because(rule="in-before", what=what, remedy=f"journeys segments announce {name}")
        elif move.kind != "left" and not move.dispatched:
            yield Because(
                rule="not-dispatched", what=f"entered segment {name}, and no worker has dealt with it yet", at=move.at
            )
        elif move.kind != "left":
            what = f"entered segment {name} and is in it still; who is in it does not enter once more"
            yield Because(rule="in-segment", what=what, at=move.at)


async def is_known(database: Database, name: str, catalogue: Mapping[str, JourneyDefinition]) -> bool:
    """Whether there is, or was, a journey or a campaign (`campaign:NAME`) of this name."""
    if name in catalogue or await has_runs(database, name):
        return True
    return name.startswith(PREFIX) and bool(await campaigns.newest(database, name, None, 1))


def _of_campaign(turn: Turn, hindrance: Hindrance | None, now: datetime) -> Because:
    """What a campaign, or a bulk start, did for a customer, or will."""
    row = turn.campaign
    which = f"{'the campaign' if row.message is not None else 'the bulk start'} of {row.created_at:%Y-%m-%d %H:%M} UTC"
    show = f"journeys starts show {row.id}"
    state, stands = row.state(now), f": {hindrance.told}" if hindrance else ""
    if turn.state is None and row.prepared_at is None and row.cancelled_at is None:
        until = row.begins_at if row.begins_at > now else None
        what = f"{which} has not looked up its customers yet: it is {state}{stands}"
        return Because(rule="campaign-not-begun", what=what, until=until, remedy=show)
    if turn.state is None:
        whose = f"in segment {row.segment}" if row.segment else f"on list {row.list}"
        what = f"is not among the customers of {which}: was not {whose} as it began"
        return Because(rule="not-in-campaign", what=what, at=row.prepared_at or row.cancelled_at, remedy=show)
    if turn.state == "done":
        what = f"{which}: {turn.outcome}{f', {turn.reason}' if turn.reason else ''}"
        return Because(rule="campaign-done", what=what, at=row.prepared_at, remedy=show, run_id=turn.run_id)
    again = f", to be asked again: {turn.reason}" if turn.reason else ", and has not had a turn"
    what = f"is among the customers of {which}, which is {state}{stands}{again}"
    return Because(rule="campaign-waiting", what=what, until=turn.due_at, remedy=show, run_id=turn.run_id)


def _past(runs: list[Run]) -> Past:
    """The customer's earlier runs; where a journey enters per key, as if all had the same."""
    running = any(run.ended_at is None for run in runs)
    ended = max((run.ended_at for run in runs if run.ended_at is not None), default=None)
    return Past(running, len(runs), ended, max((run.entered_at for run in runs), default=None))


def _expected(declared: Mapping[str, Any], kind: str) -> str:
    """What a property is to be, in the words of a JSON schema; the kind of fault where that does not tell it."""
    told = {name: value for name, value in declared.items() if name in _RULES}
    rules = ", ".join(f"{name} {value}" for name, value in told.items())
    wrong = "is missing" if kind == "missing" else "is not as declared"
    return f"{wrong}: {rules or kind.replace('_', ' ')}"


#: What of a JSON schema says in a word what is expected.
_RULES = ("type", "format", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_REMEDIES = {
    UNLIKE_DECLARED: "send the property so, or declare it otherwise in the model of j.entry",
    TOO_LATE: "raise max_lateness=, or see why it was noticed so late",
    COOLING_DOWN: "shorten reentry=after(…)",
    STARTED_TOO_OFTEN: "look for journeys that start each other in a circle; it lasts a day",
    ENTERED_BEFORE: "declare reentry=after(…), if they shall enter again",
}


def _condition(found: Finding, *, show: bool) -> Condition:
    parts = [_condition(part, show=show) for part in found.parts]
    saw = found.saw if show else None
    return Condition(text=found.text, holds=found.holds, saw=saw, changes_at=found.changes_at, parts=parts)
