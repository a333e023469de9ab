"""The shop of the segment tests, on a database per worker that is emptied after each test; and what was compared, at the end.

A new database for each of these tests would take longer than the tests themselves.
"""

from collections import Counter
from collections.abc import AsyncIterator

import asyncpg
import pytest

from store import Database
from tests.segments.shop import T0, Shop

_TABLES = "select oid::regclass::text from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
_WEEKS = "select ensure_event_week($1::timestamptz + n * interval '7 days') from generate_series(-8, 8) as n"


@pytest.fixture
async def dsn(shared_dsn: str, untouched: set[str]) -> AsyncIterator[str]:
    """A migrated database; what a test writes into it is gone after the test."""
    yield shared_dsn
    connection = await asyncpg.connect(shared_dsn)
    if names := ", ".join(sorted(await filled(connection) - untouched)):
        await connection.execute(f"truncate {names} restart identity cascade")
    await connection.close()


@pytest.fixture(scope="session")
async def untouched(shared_dsn: str) -> set[str]:
    """The tables in which the migrations have written."""
    connection = await asyncpg.connect(shared_dsn)
    names = await filled(connection)
    await connection.close()
    return names


async def filled(connection: "asyncpg.Connection[asyncpg.Record]") -> set[str]:
    """The tables with rows."""
    names = [row[0] for row in await connection.fetch(_TABLES)]
    asked = " union all ".join(f"select '{name}' where exists (select from {name})" for name in names)
    return {row[0] for row in await connection.fetch(asked)}


@pytest.fixture
async def shop(database: Database) -> Shop:
    await database.pool.execute(_WEEKS, T0)
    return Shop(database)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    compared: Counter[str] = Counter()
    for report in terminalreporter.getreports("passed"):
        compared.update(*(worth for name, worth in report.user_properties if name == "compared"))
    if compared:
        memberships, dated = (sum(compared[kind] for kind in kinds) for kinds in (("in", "out"), ("entered", "left")))
        terminalreporter.write_line(f"compared: {memberships:,} memberships ({compared['in']:,} in), {dated:,} transitions")
