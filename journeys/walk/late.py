"""Delays beyond a deadline: what is due when nobody waits for it any more, or is held back for longer than it is of use.

Promise: says only what is so whatever a customer does.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from journeys.authoring import JourneyDefinition
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
            yield from ((effect, fault) for fault in (*_due_when_over(effect), *_shut_for_longer(definition, effect)))


def _held_for_longer(definition: JourneyDefinition) -> Iterator[Fault]:
    quiet, useful = definition.spec.quiet_hours, definition.spec.useless_after
    if quiet is not None:
        yield from _dropped("quiet hours hold", _span(quiet.start, quiet.end), useful, "shorten quiet_hours")


def _shut_for_longer(definition: JourneyDefinition, effect: Effect) -> Iterator[Fault]:
    """A window is shut every night; where it has weekdays, for longer."""
    if effect.request is None:
        return
    window = effect.request.window or definition.spec.window
    if window is not None:
        useful = effect.request.useless_after - effect.request.due_at
        yield from _dropped(
            f"its window ({window}) holds", _span(window.end, window.start), useful, "open the window for longer"
        )


def _dropped(what: str, held: timedelta, useful: timedelta, instead: str) -> Iterator[Fault]:
    if useful < held:
        told = f"{what} a message back for up to {describe(held)}, and after {describe(useful)} it is dropped"
        yield Fault(told, f"raise useless_after, or {instead}", Rule.LATE)


def _span(start: str, end: str) -> timedelta:
    first, last = (datetime.strptime(each, "%H:%M") for each in (start, end))  # noqa: DTZ007 - a time of day
    return (last - first) % _DAY


def _due_when_over(effect: Effect) -> Iterator[Fault]:
    """A task is due, and goes to somebody else, while it is waited for."""
    over = ANY_DAY + effect.at + effect.lasts
    for expected in effect.expected:
        if isinstance(expected, OfPeople) and expected.by is not None and expected.by >= over:
            due = describe(expected.by - ANY_DAY - effect.at)
            told = f"the task '{expected.title}' is due after {due}, when nobody waits for it any more"
            goes = f", and never goes to {expected.escalate}" if expected.escalate else ""
            yield Fault(f"{told} ({describe(effect.lasts)}){goes}", "wait longer than by=, or let it be due earlier", Rule.LATE)
