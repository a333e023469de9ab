"""Faults that are planted in the simulator, one at a time: each as what stands where, in words what it does wrong."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from journeys.actions import Called
from journeys.gate.decide import decide
from journeys.handle.branch import Branch
from journeys.heard import Expect, OfPeople
from journeys.simulate import (
    admission,
    answers,
    customers,
    delivery,
    hearing,
    messages,
    providers,
    run,
    services,
    strand,
    world,
)
from journeys.simulate.providers import Answer, Kind
from journeys.simulate.services import Again

HOUR, DONE = timedelta(hours=1), Called(status=200, values={"balance": 10})
Fault = tuple[Any, str, Any]


def without(owner: Any, name: str, told: Any = None) -> Fault:
    """It does nothing, or always says the same."""
    return owner, name, lambda *_, **__: told


def around(owner: Any, name: str, change: Callable[[Any], Any]) -> Fault:
    """What it says is changed."""
    was = getattr(owner, name)
    return owner, name, lambda *given, **more: change(was(*given, **more))


def before(owner: Any, name: str, change: Callable[..., tuple[Any, ...]]) -> Fault:
    """It is given something else."""
    was = getattr(owner, name)
    return owner, name, lambda *given, **more: was(*change(*given), **more)


def gate(**changed: Any) -> Fault:
    """The gate is asked with something else."""
    return delivery, "decide", lambda question: decide(replace(question, **changed))


def says(kind: Kind, instead: Kind) -> Fault:
    """A provider's answer is taken for another."""
    return around(providers.Providers, "answer", lambda answer: Answer(instead) if answer.kind is kind else answer)


def later(expect: Expect) -> Expect:
    return expect.model_copy(update={"until": expect.until + HOUR})


FAULTS: dict[str, Fault] = {
    "a goal ends no run": without(hearing.Hearing, "endings", {}),
    "what is so already is not seen": without(hearing.Hearing, "already"),
    "what happens is not heard": without(hearing.Hearing, "news", []),
    "nothing comes back of messages": without(hearing, "_came_back"),
    "moves between segments are not heard": without(hearing, "_moved"),
    "what is so already is so only by events": (hearing, "goal_reached", lambda *_: None),
    "waits last an hour longer": before(run.Run, "listen", lambda it, expect, told: (it, later(expect), told)),
    "timers last an hour longer": before(run.Run, "sleep_until", lambda it, at, told: (it, at + HOUR, told)),
    "a deferred message waits an hour longer": before(run.Run, "hold", lambda it, at, told: (it, at + HOUR, told)),
    "a late event counts as of now": before(world.World, "happened", lambda it, who, type_, told, *_: (it, who, type_, told)),
    "what people say is lost": around(OfPeople, "told", lambda _: {}),
    "the entering event is not known": around(admission, "accepted", lambda known: dict.fromkeys(known, 0)),
    "the clock is an hour late": around(answers, "next_of", lambda at: at and at + HOUR),
    "windows are always open": (answers, "next_open", lambda _, __, at: at),
    "everybody is in Greenwich": around(customers.Customer, "where", lambda where: replace(where, zones=("UTC",))),
    "everybody is in the first arm": (answers, "lot", lambda _, __, shares: next(iter(shares))),
    "another journey is not started": without(answers.Answers, "_started", told=False),
    "events before the entry count": (answers, "_is_so", lambda asked, it: asked.holds(it.customer.facts, it.now())),
    "traits are not set": without(answers.Answers, "_learns", told=True),
    "the end of one branch is that of no other": without(strand.Fork, "_unwind"),
    "no exits": (run, "_endings", lambda _: ([], {})),
    "who has left is still in": without(world.World, "_moving", {}),
    "a budget is never spent": gate(spent=None),
    "nobody waits to be let in": without(admission, "in_line"),
    "a new entry ends no run": without(admission.Admission, "_earlier", []),
    "a message outlives its run": without(messages.Message, "left"),
    "another journey does not end": without(answers.Answers, "_ended", told=False),
    "nobody takes a no": before(customers.Customer, "said", lambda it, channel, _, *more: (it, channel, "granted", *more)),
    "an address never dies": without(customers.Customer, "died"),
    "a refusal is a yes": says(Kind.REFUSED, Kind.ACCEPTED),
    "a busy provider refuses": says(Kind.LATER, Kind.REFUSED),
    "silence is a yes": says(Kind.SILENT, Kind.ACCEPTED),
    "a doubt is not tried again": (delivery, "COPIES", 1),
    "a service's silence is an answer": around(services.Services, "attempt", lambda it: DONE if isinstance(it, Again) else it),
    "a service's refusal is an answer": around(services.Services, "attempt", lambda came: came or DONE),
    "no caps": without(delivery.Delivery, "_past", []),
    "nobody is held out": gate(holdout=False, held_out_of_all=False),
    "nobody holds others": gate(held_by=()),
    "everybody is in the segment": gate(in_segment=True),
    "no ceiling": gate(asked=0),
    "consent is not asked": gate(consent="granted", addresses=1, unsuppressed=1),
    "branches number as one": around(Branch, "next", lambda number: number % 10_000),
    "what a branch returns is lost": before(strand.Fork, "_over", lambda it, which, _, raised: (it, which, None, raised)),
}
