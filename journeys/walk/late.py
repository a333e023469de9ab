"""Delays beyond a deadline: what is due when nobody waits for it any more, or is held back for longer than it is of use.

Promise: says only what is so whatever a customer does.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from journeys.authoring import JourneyDefinition
from journeys.contracts import QuietHours
from journeys.errors import Fault
from journeys.heard import OfPeople
from journeys.rules import Rule
from journeys.spans import describe
from journeys.walk.explore import ANY_DAY, Effect, Explored

_DAY = timedelta(days=1)


def late(definition: JourneyDefinition, explored: Explored) -> Iterator[tuple[Effect | None, Fault]]:
    """Each with the effect that it is about, or of the declaration."""
    yield from ((None, fault) for fault in _held_for_longer(definition))
    for path in explored.paths:
        for effect in path.effects:
            yield from ((effect, fault) for fault in _due_when_over(effect))


def _held_for_longer(definition: JourneyDefinition) -> Iterator[Fault]:
    quiet, useful = definition.spec.quiet_hours, definition.spec.useless_after
    if quiet is not None and useful < (held := _length(quiet)):
        told = f"quiet hours hold a message back for up to {describe(held)}, and after {describe(useful)} it is dropped"
        yield Fault(told, "raise useless_after, or shorten quiet_hours", Rule.LATE)


def _length(quiet: QuietHours) -> timedelta:
    start, end = (datetime.strptime(each, "%H:%M") for each in (quiet.start, quiet.end))  # noqa: DTZ007 - a time of day
    return (end - start) % _DAY


def _due_when_over(effect: Effect) -> Iterator[Fault]:
    """A task is due, and goes to somebody else, while it is waited for."""
    over = ANY_DAY + effect.at + effect.lasts
    for expected in effect.expected:
        if isinstance(expected, OfPeople) and expected.by is not None and expected.by >= over:
            due = describe(expected.by - ANY_DAY - effect.at)
            told = f"the task '{expected.title}' is due after {due}, when nobody waits for it any more"
            goes = f", and never goes to {expected.escalate}" if expected.escalate else ""
            yield Fault(f"{told} ({describe(effect.lasts)}){goes}", "wait longer than by=, or let it be due earlier", Rule.LATE)
