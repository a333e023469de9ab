"""How far one tick may go: after a downtime the watch catches up hour by hour, and leaps over hours in which nothing is due.

Promise: a tick's work is bounded by what an hour holds, and who entered and left during a downtime has both lines in the log.
While no segment is further behind than that, this costs nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from segments.language.spans import earlier
from segments.leaves.clocks import PeriodEnd, TraitClock
from segments.leaves.held import Settled
from segments.leaves.top import Renewal, rankings
from segments.time.calendar import period_end
from segments.watch.interest import Live, interest
from store import Connection, queries

#: What one tick looks at.
STEP: Final = timedelta(hours=1)
_PERIODS = timedelta(hours=20)  # shorter than any day
_SQL = queries("segments")
_INSTANT = timedelta(microseconds=1)
_LAST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Reach:
    """Up to when a tick goes, and with which segments.

    With `marks_until`, only marks that were written by then are its business; with `marks` false, none is, because other
    segments are ahead of these.
    """

    at: datetime
    live: list[Live]
    marks_until: datetime | None = None
    marks: bool = True

    @property
    def steps(self) -> bool:
        """Whether there is more to catch up with."""
        return self.marks_until is not None

    def within(self, last: datetime | None) -> datetime:
        """Where to stop when there were more marks than one tick takes, the last of them written then."""
        if last is None or not self.steps:
            return self.at
        return min(self.at, max([last, *(each.evaluated_to for each in self.live)]))


async def reach(connection: Connection, live: list[Live], at: datetime, shard: int, shards: int) -> Reach:
    """To `at`, or an hour beyond the first instant at which something is due for who is furthest behind.

    Where only calendar periods end, it may be most of a day: nobody's second period ends in that time.
    """
    at = max([at, *(each.evaluated_to for each in live)])
    oldest = min((each.evaluated_to for each in live), default=at)
    if at - oldest <= STEP:
        return Reach(at, live)
    due = await _due(connection, live, at, shard, shards)
    ends = await _periods(connection, live, at) if due > oldest else ()
    until = min([max(oldest, due) + STEP, *(max(oldest, end) + _PERIODS for end in ends)])
    if until >= at:
        return Reach(at, live)
    behind = [each for each in live if each.evaluated_to <= until]
    return Reach(until, behind, until, len(behind) == len(live))


async def _due(connection: Connection, live: Sequence[Live], at: datetime, shard: int, shards: int) -> datetime:
    """The first instant at which anything can change by an event, an alarm, a renewal or a mark."""
    if any(not isinstance(clock, PeriodEnd | TraitClock | Renewal) for each in live for clock in _clocks(each)):
        return min(each.evaluated_to for each in live)
    found = [*_renewals(live), *await _edges(connection, live, at), *await _settled(connection, live, at)]
    versions = [(each.segment.name, each.segment.version) for each in live]
    found += [row["at"] for row in await connection.fetch(_SQL["first_due"], *zip(*versions, strict=True), shard, shards)]
    return min([at - STEP, *found])


def _clocks(live: Live) -> frozenset[object]:
    return frozenset(interest(live.segment).clocks)


def _renewals(live: Sequence[Live]) -> Iterator[datetime]:
    for each in live:
        for leaf in rankings(each.segment.predicate).values():
            yield leaf.renewed_at(each.evaluated_to) + leaf.every


async def _edges(connection: Connection, live: Sequence[Live], at: datetime) -> list[datetime]:
    """When the first event passes each edge."""
    wanted = [(edge, each.evaluated_to) for each in live for edge in interest(each.segment).edges]
    asked = [(edge.type, earlier(since, edge.window), earlier(at, edge.window)) for edge, since in wanted]
    found = await _first(connection, asked)
    return [ts + wanted[n][0].window for n, ts in found if _LAST - ts > wanted[n][0].window]


async def _periods(connection: Connection, live: Sequence[Live], at: datetime) -> list[datetime]:
    """When the first event falls out of each calendar period."""
    clocks = {(clock, each.evaluated_to) for each in live for clock in _clocks(each) if isinstance(clock, PeriodEnd)}
    turned = [(clock, *span) for clock, since in clocks for span in clock.period.turned(since, at)]
    asked = [(clock.type, low - _INSTANT, high - _INSTANT) for clock, low, high, _ in turned]
    ends = []
    for n, ts in await _first(connection, asked):
        clock, _, _, zones = turned[n]
        homes = zones or (clock.period.zone or str(clock.period.otherwise),)
        ends += [end for end in (period_end(clock.period.unit, ts, home) for home in homes) if end is not None]
    return ends


async def _settled(connection: Connection, live: Sequence[Live], at: datetime) -> list[datetime]:
    """When the first customer has been known for as long as each state must have lasted."""
    asked = [(each.evaluated_to, clock.span) for each in live for clock in _clocks(each) if isinstance(clock, Settled)]
    spans = [(earlier(since, span), earlier(at, span)) for since, span in asked]
    rows = await connection.fetch(_SQL["first_created"], *zip(*spans, strict=True)) if spans else ()
    return [row["at"] + asked[row["n"] - 1][1] for row in rows]


async def _first(connection: Connection, asked: Sequence[tuple[str, datetime, datetime]]) -> list[tuple[int, datetime]]:
    rows = await connection.fetch(_SQL["first_events"], *zip(*asked, strict=True)) if asked else ()
    return [(row["n"] - 1, row["ts"]) for row in rows]
