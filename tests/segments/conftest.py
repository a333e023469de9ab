"""The shop of the segment tests, on a database that is emptied after each test; and what was compared, at the end."""

from collections import Counter

import pytest

from store import Database
from tests.emptied import database, dsn, emptying, pooled, untouched  # noqa: F401 - fixtures
from tests.segments.shop import T0, Shop

_WEEKS = "select ensure_event_week($1::timestamptz + n * interval '7 days') from generate_series(-8, 8) as n"


@pytest.fixture
async def shop(database: Database) -> Shop:  # noqa: F811 - it asks for the fixture
    await database.pool.execute(_WEEKS, T0)
    return Shop(database)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    compared: Counter[str] = Counter()
    for report in terminalreporter.getreports("passed"):
        compared.update(*(worth for name, worth in report.user_properties if name == "compared"))
    if compared:
        memberships, dated = (sum(compared[kind] for kind in kinds) for kinds in (("in", "out"), ("entered", "left")))
        terminalreporter.write_line(f"compared: {memberships:,} memberships ({compared['in']:,} in), {dated:,} transitions")
