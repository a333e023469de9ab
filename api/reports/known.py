"""The reports that there are: one mapping, read by the API, by the command line, and by the page that tells of them.

Promise: what makes a report here makes it everywhere; nobody who prints one adds to it.
"""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from types import MappingProxyType

from activities.channels.kinds import silent_providers
from api.reports.experiments import experiments
from api.reports.ranking import ranking
from api.reports.versions import versions
from store import Database, queries
from store.errors import NoReport
from store.reports import attribution, commerce, drivers
from store.reports.counting import LABELS
from store.reports.deliverability import deliverability
from store.reports.funnel import funnel
from store.reports.messages import messages
from store.reports.report import Argument, Asked, Named, Report

_SILENT = silent_providers()
_ALL = (
    Named(
        "messages",
        "Messages",
        "What became of messages: sent, delivered, opened, clicked, complained of, and what they cost.",
        partial(messages, silent=_SILENT),
        frozenset({Argument.JOURNEY, Argument.FROM, Argument.BY}),
        by=tuple(LABELS),
    ),
    Named(
        "funnel",
        "Funnel",
        "A journey step by step: due, sent, delivered, opened, clicked; why others were not sent; who is where now.",
        partial(funnel, silent=_SILENT),
        frozenset({Argument.FROM}),
        frozenset({Argument.JOURNEY}),
    ),
    Named(
        "deliverability",
        "Deliverability",
        "How messages arrive by channel and provider, with a warning and a stop for complaints.",
        partial(deliverability, silent=_SILENT),
        frozenset({Argument.JOURNEY, Argument.FROM}),
    ),
    Named(
        "experiments",
        "Experiments",
        "What may be concluded of each experiment and holdout, what it brought, and what that cost.",
        experiments,
        frozenset({Argument.JOURNEY, Argument.BY, Argument.EXPERIMENT}),
        by=("version", "segment"),
    ),
    Named(
        "versions",
        "Versions",
        "Two versions of a journey side by side.",
        partial(versions, silent=_SILENT),
        frozenset({Argument.VERSIONS}),
        frozenset({Argument.JOURNEY}),
    ),
    Named("ranking", "Ranking", "Journeys by what they bring for what they cost.", ranking),
    attribution.REPORT,
    attribution.PATHS,
    commerce.REPORT,
    drivers.REPORT,
)
#: Each by its name, in the order in which they are listed.
REPORTS = MappingProxyType({named.name: named for named in _ALL})


def named(name: str) -> Named:
    """A report by its name.

    Raises:
        NoReport: there is none.
    """
    if name not in REPORTS:
        raise NoReport(f"there is no report {name}; there are {', '.join(REPORTS)}")
    return REPORTS[name]


async def report(database: Database, name: str, asked: Asked) -> Report:
    """Make a report.

    Raises:
        NoReport: there is none of that name, or it cannot answer this; the message says what can be asked.
    """
    found = named(name)
    found.check(asked)
    if asked.journey is not None:
        await _insist_on(database, asked.journey)
    return await _with_other_days(database, asked, await found.make(database, asked))


async def _with_other_days(database: Database, asked: Asked, made: Report) -> Report:
    """With the days on which there are messages, where there is nothing on those asked for."""
    cells = (cell for table in made.tables for row in table.rows for cell in row)
    if made.since is None or any(isinstance(cell, int | float | Decimal) and cell for cell in cells):
        return made
    row = await database.pool.fetchrow(queries("reports")["other_days"], asked.journey)
    assert row is not None, "an aggregate always answers"
    if row["first"] is None or (row["first"] < made.until and row["last"] >= made.since):
        return made
    days = f"--from {row['first']} --to {row['last'] + timedelta(days=1)}"
    said = f"There is nothing on these days; there are messages from {row['first']} to {row['last']}: {days}."
    return replace(made, notes=(said, *made.notes))


async def _insist_on(database: Database, journey: str) -> None:
    known = [row["journey"] for row in await database.pool.fetch(queries("reports")["journeys"])]
    if journey not in known:
        if asking := await _asking_about(database, journey):
            raise NoReport(asking)
        raise NoReport(f"of a journey {journey} nothing was ever counted; there are {', '.join(known) or 'none yet'}")


async def _asking_about(database: Database, name: str) -> str:
    """What to write instead, where the name is an experiment's; else nothing."""
    rows = await database.pool.fetch(queries("reports")["asked_by"], name)
    if rows:
        asks = rows[0]["journey"]
        return f"{name} is an experiment of the journey {asks}; write `journeys report experiments {asks}`"
    if await database.pool.fetchval(queries("reports")["is_declared"], name):
        return f"{name} is an experiment in which nobody is yet; write `journeys report experiments`, which lists it"
    return ""
