"""What experiments have come to, written down once: that something was shown, or that the declared end came without it.

Promise: it is done each night, whether or not somebody looks, by whole days alone; what was written down once stays, whatever
becomes of the sums later. By the way it is kept how they stand, which does not stay (`activities.measuring.standing`).
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from math import isinf

from activities.measuring.looking import Looked, look_by
from activities.measuring.standing import keep
from journeys.experiments import Decision, Finding, Question, Result, decision
from store import Connection, Database
from store.measuring import experiments, sums
from store.measuring.experiments import Decided

_DAY = timedelta(days=1)
_ATTEMPTS = 120


async def decide(database: Database, today: date, at: datetime) -> list[Decided]:
    """Write down what all experiments have come to by the days before this one; returns what was not written down before.

    Raises:
        TimeoutError: somebody else had the sums for minutes.
    """

    async def work(connection: Connection) -> list[Looked]:
        looked = await look_by(connection, today, today)
        await keep(connection, looked, today)
        return looked

    looked = await sums.in_turn(database, work, _ATTEMPTS)
    if looked is None:
        raise TimeoutError("somebody else has been adding up sums for minutes; try again")
    return await experiments.decide(database, list(_decided(looked, at)), at)


def _decided(looked: Iterable[Looked], at: datetime) -> Iterator[Decided]:
    for each in looked:
        result = each.results.get(each.judged)
        for question in each.questions:
            found = each.finding(each.judged, question)
            if each.broken:
                yield _told(each, question, Decision.BROKEN, None, {"why": each.broken}, at)
            elif result is not None and found is not None:
                yield from _come_to(each, result, found, at)


def _come_to(looked: Looked, result: Result, found: Finding, at: datetime) -> Iterator[Decided]:
    """What a question has come to, as of the look on which it had; nothing while it is open."""
    match come_to := decision(result, found):
        case Decision.BROKEN:
            split = {"counts": dict(result.split.counts), "p": result.split.p}
            yield _told(looked, found.question, come_to, result.split.alarm_at, split, at)
        case Decision.HIGHER | Decision.LOWER if found.shown is not None:
            yield _told(looked, found.question, come_to, found.shown.look, figures(found.shown), at)
        case Decision.EARLY if result.over:
            yield _told(looked, found.question, come_to, result.looks, figures(found), at)
    if come_to is not Decision.BROKEN and found.at_end is not None and not _shown_by(found, found.at_end):
        yield _told(looked, found.question, Decision.NOT_SHOWN, found.at_end.look, figures(found.at_end), at)


def _shown_by(found: Finding, end: Finding) -> bool:
    """Whether it was shown at the declared end at the latest."""
    return found.shown is not None and found.shown.look <= end.look


def figures(found: Finding) -> dict[str, object]:
    """The figures of a finding, as JSON; a bound that is none is null."""
    told: dict[str, object] = {"people": [group.people for group in found.groups], "p": found.p}
    told |= {"difference": found.difference, "lift": found.lift}
    several = (("means", found.means), ("interval", found.interval), ("lift_interval", found.lift_interval))
    return told | {name: values and [None if isinf(each) else each for each in values] for name, values in several}


def _told(
    looked: Looked, question: Question, come_to: Decision, on: int | None, figures: dict[str, object], at: datetime
) -> Decided:
    return Decided(
        looked.name,
        question.name,
        question.against,
        looked.judged,
        str(come_to),
        looked.version,
        on,
        None if on is None else looked.begins + (on - 1) * _DAY,
        sum(map(looked.people, question.groups)),
        figures,
        at,
    )
