"""What a test's assertion came to, told so that somebody who did not write it knows what happened, and why."""

from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from journeys.contracts import because
from workers.testing.seen import Message, Refusal, Run


class Verdict:
    """True or false, with its sentence: `assert ana.got("push:hello")` fails with what happened instead."""

    def __init__(self, so: bool, told: str) -> None:
        self._so = so
        self._told = told

    def __bool__(self) -> bool:
        return self._so

    def __repr__(self) -> str:
        return self._told


def clock(at: datetime, zone: tzinfo = UTC) -> str:
    """An instant as tests are thought of: the day of the week and the time; in another zone than UTC with its offset."""
    there = at.astimezone(zone)
    offset = "" if zone is UTC else f" {there.isoformat()[-6:]}"
    return f"{there:%a %d %b %H:%M:%S}{offset}" if at.second else f"{there:%a %d %b %H:%M}{offset}"


def zone_named(name: str) -> tzinfo:
    """The zone of a customer's clock; UTC where it is not one that is known."""
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (ValueError, ZoneInfoNotFoundError):
        return UTC


def fate(message: Message) -> str:
    """What became of a message."""
    why = f" ({because(message.reason, message.journeys)})" if message.reason else ""
    return f"{message.step} {message.state}{why}"


def standing(run: Run, zone: tzinfo = UTC) -> str:
    """Where a run is, or how it ended."""
    if run.outcome is not None:
        return f"{run.journey} is over: {run.outcome}{f' ({run.ended_by})' if run.ended_by else ''}"
    if run.waiting is None:
        return f"{run.journey} goes on"
    what, until = run.waiting
    if not run.let_in:
        return f"stands in line for {run.journey} until {clock(until, zone)}"
    return f"{run.journey} waits until {clock(until, zone)} ({what})"


def refused(refusals: Iterable[Refusal]) -> str:
    """Who did not let the customer in, and why."""
    told = dict.fromkeys(f"{each.journey} refused: {each.reason}" for each in refusals)
    return "; ".join(told)


def instead(name: str, runs: list[Run], refusals: list[Refusal], done: list[str]) -> str:
    """What happened to a customer, in a line."""
    got = [f"{fate(message)} {clock(message.at)}" for run in runs for message in run.messages]
    parts = [", ".join(got[-3:]), "; ".join(standing(run) for run in runs[-2:]), refused(refusals)]
    if not runs:
        parts.insert(0, f"{name} is in no journey" + ("" if refusals else f", having done {', '.join(done) or 'nothing'}"))
    return "; ".join(part for part in parts if part)
