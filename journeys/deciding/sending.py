"""What of a choice could not be sent when it would be: each channel at each hour, asked of the gate before it is drawn.

Promise: pure, and no rule of its own: what is asked is the gate's question of a message, as if it were due then. What is
decided may go at its own instant; where nothing may, whatever may go later before it is useless, as any message waits.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import product
from uuid import UUID

from journeys.contracts import Channel, DeliverRequest, JourneySpec, Outcome, because_of
from journeys.deciding.options import CHANNEL, HOUR, Choice
from journeys.gate.decide import No, Question, foreseen
from journeys.gate.moment import Moment, next_of

#: By which channel (None: it is not decided) and at which hour of the customer's day (None: at once).
Pair = tuple[str | None, str | None]


def asks(choice: Choice, left_out: Mapping[str, str]) -> list[str | None]:
    """The channels of which the gate is to be asked: those that are not left out; None where only hours are decided."""
    if CHANNEL in choice.dimensions:
        return list(_left(choice, CHANNEL, left_out))
    return [None] if HOUR in choice.dimensions else []


def would_be(spec: JourneySpec, run_id: UUID, channel: str | None, now: datetime) -> DeliverRequest:
    """The message of which the gate is asked; where no channel is decided, on one that needs no address."""
    return DeliverRequest(
        run_id=run_id,
        journey=spec.name,
        step="decided",
        occurrence=1,
        channel=Channel(channel or Channel.IN_APP),
        template="",
        purpose=spec.purpose,
        due_at=now,
        useless_after=now + spec.useless_after,
    )


def unsendable(choice: Choice, questions: Mapping[str | None, Question], left_out: Mapping[str, str]) -> dict[str, str]:
    """The options that could not go, or two of them together, each with why: by the questions of the channels (`asks`)."""
    hours: list[str | None] = list(_left(choice, HOUR, left_out)) if HOUR in choice.dimensions else [None]
    pairs = list(product(questions, hours))
    shut = {(channel, hour): no for channel, hour in pairs if (no := _asked(questions[channel], channel, hour))}
    if len(shut) == len(pairs):
        shut = {pair: no for pair, no in shut.items() if no.outcome is not Outcome.DEFERRED}
    return dict(_named(choice, pairs, {pair: _told(no) for pair, no in shut.items()}))


def _left(choice: Choice, of: str, left_out: Mapping[str, str]) -> Iterator[str]:
    return (name for name in choice.dimensions[of] if f"{of}: {name}" not in left_out)


def _asked(question: Question, channel: str | None, hour: str | None) -> No | None:
    if channel is None:
        caps = tuple(cap for cap in question.spec.caps if cap.channel is None)
        question = replace(question, spec=replace(question.spec, caps=caps))
    at = None if hour is None else next_of(Moment(clock=hour), question.where.zones, question.now)
    return foreseen(question if at is None else _at(question, at), reached=channel is not None)


def _at(question: Question, at: datetime) -> Question:
    """The same of a message that is due then."""
    request = question.request
    useless_after = at + (request.useless_after - request.due_at)
    return replace(question, now=at, request=request.model_copy(update={"due_at": at, "useless_after": useless_after}))


def _told(no: No) -> str:
    why = because_of(no.reason, no.detail)
    return f"{why} in {no.detail['zone']}" if "zone" in no.detail else why


def _named(choice: Choice, pairs: list[Pair], why: Mapping[Pair, str]) -> Iterator[tuple[str, str]]:
    """What is left out: a channel or an hour as a whole where that is so of all that it could go with, else both together."""
    whole = set[str | None]()
    for at, of in ((0, CHANNEL), (1, HOUR)):
        for name in dict.fromkeys(pair[at] for pair in pairs):
            told = dict.fromkeys(why.get(pair) for pair in pairs if pair[at] == name and whole.isdisjoint(pair))
            if name is not None and told and None not in told:
                whole.add(name)
                yield f"{of}: {name}", "; ".join(filter(None, told))
    for channel, hour in why:
        if whole.isdisjoint((channel, hour)):
            said = {CHANNEL: channel, HOUR: hour}
            yield " with ".join(f"{of}: {said[of]}" for of in choice.dimensions if said.get(of)), why[channel, hour]
