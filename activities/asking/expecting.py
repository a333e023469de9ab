"""What runs wait for: written down when a wait begins, seen to come true when something changes.

Promise: nothing falls between. The rows are committed before it is asked what is so already, and the watch looks at every
change that is committed after that; whichever sees it first, the run hears one thing once.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from temporalio import activity

from activities.asking.questions import segment_of
from activities.gate.goals import reached_at, true_of
from activities.versions import Versions
from journeys.heard import Expect, Expected, Happened, OfCustomer, OfEvents, OfMessages, OfPeople, OfSegment
from segments import Predicate, Segment
from segments.language.moves import changed_by, event_types
from segments.language.wire import predicate_from_json
from segments.sql.statements import among
from store import Connection, Database
from store.runs import expectations
from store.runs.expectations import Expectation, Wanted

_EXPECTED: TypeAdapter[Expected] = TypeAdapter(Expected)
Found = list[tuple[Expectation, datetime]]
#: Since when a predicate has been true of customers, at the earliest since the instant that is given for each.
Since = Callable[[Predicate, Mapping[UUID, datetime]], Awaitable[Mapping[UUID, datetime]]]


@dataclass(frozen=True)
class Expecting:
    """The activity and what it works with."""

    database: Database
    versions: Versions

    @activity.defn(name=Expect.activity)
    async def expect(self, expect: Expect) -> Happened | None:
        """Write down what a wait waits for; the first of it that is so already is the answer."""
        wanted = [_wanted(name, each) for name, each in expect.expected.items()]
        segments = (await self.versions.of(expect.version)).segments
        async with self.database.transaction() as connection:
            await expectations.expect(connection, expect.run_id, expect.wait, wanted, at=expect.at, until=expect.until)
        async with self.database.transaction() as connection:
            waiting = await expectations.of_wait(connection, expect.run_id, expect.wait)
            if not any(each.happened_at for each in waiting):
                found = [
                    *await came_true(connection, waiting, expect.at),
                    *await _inside(connection, segments, waiting, expect.at),
                ]
                await expectations.happened(connection, found)
                waiting = await expectations.of_wait(connection, expect.run_id, expect.wait)
            first = next((each for each in waiting if each.happened_at), None)
            if first is None or first.happened_at is None:
                return None
            await expectations.told(connection, [first], expect.at)
            return Happened(wait=first.wait, which=first.which, at=first.happened_at, answer=first.answer)


async def _inside(
    connection: Connection, segments: Mapping[str, Segment], waiting: Sequence[Expectation], at: datetime
) -> Found:
    """Who is in a segment already, or out of it; later moves are told by the watch's log."""
    found: Found = []
    for each in waiting:
        expected = _EXPECTED.validate_python(each.expected)
        if isinstance(expected, OfSegment):
            segment = await segment_of(connection, segments, expected.segment)
            inside = await true_of(connection, segment.predicate, each.profile_id, at)
            found += [(each, at)] if inside is expected.inside else []
    return found


async def came_true(connection: Connection, waiting: Iterable[Expectation], at: datetime, since: Since | None = None) -> Found:
    """Which of these are so, and since when: events by their own time, what is true of the customer by what changed, or now."""
    kinds: dict[type[Any], list[tuple[Expectation, Any]]] = defaultdict(list)
    for each in waiting:
        expected = _EXPECTED.validate_python(each.expected)
        kinds[type(expected)].append((each, expected))
    return [
        *await _of_events(connection, kinds[OfEvents], at),
        *await _of_customers(connection, kinds[OfCustomer], at, since),
        *await _of_messages(connection, kinds[OfMessages]),
    ]


async def _of_events(connection: Connection, asked: Sequence[tuple[Expectation, OfEvents]], at: datetime) -> Found:
    by_goal: dict[Any, dict[UUID, Expectation]] = defaultdict(dict)
    for n, (each, expected) in enumerate(asked):
        by_goal[predicate_from_json(expected.predicate)][UUID(int=n)] = each
    found: Found = []
    for goal, group in by_goal.items():
        rows = [(n, each.profile_id, each.since or at) for n, each in group.items()]
        found += [(group[n], when) for n, when in (await reached_at(connection, goal, rows, at)).items()]
    return found


async def _of_customers(
    connection: Connection, asked: Sequence[tuple[Expectation, OfCustomer]], at: datetime, since: Since | None
) -> Found:
    by_predicate: dict[Any, list[Expectation]] = defaultdict(list)
    for each, expected in asked:
        by_predicate[predicate_from_json(expected.predicate)].append(each)
    found: Found = []
    for predicate, group in by_predicate.items():
        statement = among(predicate)
        ids = [each.profile_id for each in group]
        true = {row["id"] for row in await connection.fetch(statement.sql, *statement.args(at, ids=ids))}
        so = [each for each in group if each.profile_id in true]
        dated = await since(predicate, {each.profile_id: each.begun_at for each in so}) if since and so else {}
        found += [(each, dated.get(each.profile_id, at)) for each in so]
    return found


async def _of_messages(connection: Connection, asked: Sequence[tuple[Expectation, OfMessages]]) -> Found:
    rows = [(e.run_id, e.profile_id, of.event, of.step, of.occurrence, of.since) for e, of in asked]
    return [(asked[n][0], at) for n, at in (await expectations.of_messages(connection, rows)).items()]


def _wanted(name: str, expected: Expected) -> Wanted:
    plain = expected.model_dump(mode="json")
    match expected:
        case OfEvents():
            return Wanted(name, plain, event_types(predicate_from_json(expected.predicate)), expected.since)
        case OfCustomer():
            return Wanted(name, plain, changed_by(predicate_from_json(expected.predicate)))
        case OfMessages():
            return Wanted(name, plain, frozenset({expected.event}), expected.since)
        case OfSegment() | OfPeople():
            return Wanted(name, plain)
