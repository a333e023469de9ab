"""Each report over a year of a million customers and ten million messages, made as the API makes it; and a day added up anew.

What reads how experiments stood is made without that at first, and then by what a night keeps.

Budget: 300 ms for whatever is made of the sums. Reports of the log (attribution, commerce and so on) are not among them. On a
busy machine time tells of others: beside it stands the processor's, of this process and of the one that answers in Postgres.
"""

import asyncio
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psutil

from activities.measuring.deciding import decide
from activities.measuring.folding import Folding
from api.reports.known import report
from benchmarks.ground import Ground
from benchmarks.measured.year import DAYS, EACH, ledger, rules, sums, today
from benchmarks.numbers import quantile
from benchmarks.past import past
from benchmarks.table import Row
from journeys.clock import Clock
from store import Database, connect
from store.reports.report import Asked

_ROUNDS, _FEWEST, _PATIENCE = 20, 3, 20_000  # of each report: fewer, where they take so many milliseconds together
_BUDGET, _OF_A_DAY = "<= 300 ms", "<= 60 s"
_LARGEST, _TRIED = "journey-001", "journey-005"
_YEAR = (today() - timedelta(days=DAYS)).date()
_BACK = 10  # days: a day of the ledger on which much was done, and whose news have all come


@dataclass(frozen=True, slots=True)
class _Case:
    name: str
    what: str
    asked: Mapping[str, Any] = field(default_factory=dict)


_CASES = (
    _Case("messages", "of 28 days"),
    _Case("messages", "of a year", {"since": _YEAR}),
    _Case("messages", "of 28 days, by day", {"by": ("day",)}),
    _Case("messages", "of a year, by day", {"since": _YEAR, "by": ("day",)}),
    _Case("messages", "of a year, by step and segment", {"since": _YEAR, "by": ("journey", "step", "segment")}),
    _Case("messages", "of a year, by day, of one journey", {"since": _YEAR, "by": ("day",), "journey": _LARGEST}),
    _Case("funnel", "of a year", {"since": _YEAR, "journey": _LARGEST}),
    _Case("deliverability", "of a year", {"since": _YEAR}),
    _Case("experiments", "of one journey, by version", {"journey": _TRIED, "by": ("version",)}),
    _Case("versions", "of one journey", {"journey": _LARGEST}),
)
#: What reads how experiments stood.
_STANDING = (
    _Case("experiments", "of one journey", {"journey": _TRIED}),
    _Case("experiments", "of all journeys"),
    _Case("ranking", "of all journeys"),
)


async def reports(ground: Ground) -> list[Row]:
    """What there is, a row for each report, and what a day takes that is added up anew."""
    dsn, customers = await ground.database("reports"), ground.sizes.customers
    await past(dsn, customers, ground.sizes.events_each * customers, ground.say)
    await rules(dsn, customers)
    messages = await ledger(dsn, customers, ground.say)
    many = await sums(dsn, customers, ground.say)
    ground.say("making each report, one after the other")
    database = await connect(dsn, max_size=1)
    try:
        rows = [await _row(database, case) for case in _CASES] + await _nightly(database)
        ground.say("adding a day up anew")
        rows += await _anew(database)
    finally:
        await database.close()
    note = f"{EACH * customers:,} messages in the sums, {messages:,} on the ledger, {customers:,} customers"
    return [Row("sums by day", f"{many:,} rows", "", note), *rows]


async def _nightly(database: Database) -> list[Row]:
    """Before anything is kept, what keeping it takes, and since."""
    before = [await _row(database, case, "from the first day on") for case in _STANDING]
    began = time.perf_counter()
    await decide(database, today().date(), today())
    first, began = time.perf_counter() - began, time.perf_counter()
    await decide(database, today().date(), today())
    many = await database.pool.fetchval("select count(*) from experiment_standing")
    note = f"{many:,} standings; a night that finds them takes {time.perf_counter() - began:.1f} s"
    await database.pool.execute("vacuum analyze experiment_standing")
    since = [await _row(database, case) for case in _STANDING]
    return [*before, Row("how experiments stood, kept for the first time", f"{first:.1f} s", "", note), *since]


async def _row(database: Database, case: _Case, how: str = "") -> Row:
    answering = psutil.Process(await database.pool.fetchval("select pg_backend_pid()"))
    asked = Asked(today() + timedelta(hours=12), **case.asked)
    await report(database, case.name, asked)
    taken, before = list[float](), _spent(answering)
    while len(taken) < _FEWEST or (len(taken) < _ROUNDS and sum(taken) < _PATIENCE):
        began = time.perf_counter()
        made = await report(database, case.name, asked)
        taken.append(1000 * (time.perf_counter() - began))
    spent = 1000 * (_spent(answering) - before) / len(taken)
    note = f"p50 {quantile(taken, 0.5):,.0f} ms, processor {spent:,.0f} ms; n = {len(taken)}, {len(made.table().rows)} rows"
    what = ", ".join(filter(None, (f"report {case.name}", case.what, how, "p95")))
    return Row(what, f"{quantile(taken, 0.95):,.0f} ms", "" if how else _BUDGET, note)


def _spent(answering: psutil.Process) -> float:
    """Seconds of the processor, here and in Postgres."""
    times = answering.cpu_times()
    return time.process_time() + times.user + times.system


async def _anew(database: Database) -> Sequence[Row]:
    """Twice: the sums of a generated year are not those of its ledger, so that at first much is mended."""
    day = today().date() - timedelta(days=_BACK)
    due = await database.pool.fetchval("select count(*) from delivery where (due_at at time zone 'UTC')::date = $1", day)
    rows = []
    for what in ("where all is different", "where nothing is"):
        began = time.perf_counter()
        found = await Folding(database, None, Clock()).recompute(day)
        note = f"{due:,} messages fell due on it; {len(found):,} sums were others"
        rows.append(Row(f"a day added up anew, {what}", f"{time.perf_counter() - began:.1f} s", _OF_A_DAY, note))
    return rows


async def main() -> None:
    """Of a database in which the year is written already: `python -m benchmarks.measured.reports DSN [REPORT …]`."""
    database = await connect(sys.argv[1] if len(sys.argv) > 1 else os.environ["JOURNEYS_DATABASE_URL"], max_size=1)
    for case in (*_CASES, *_STANDING):
        if case.name in (sys.argv[2:] or [case.name]):
            row = await _row(database, case)
            print(f"{row.what:60} {row.measured:>12} {row.budget:>10}  {row.note}", flush=True)
    await database.close()


if __name__ == "__main__":
    asyncio.run(main())
