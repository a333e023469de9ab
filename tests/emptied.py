"""A database per worker that is emptied after each test, for rooms whose tests are quicker than a new database.

A conftest that imports the two fixtures has it in place of a database per test.
"""

from collections.abc import AsyncIterator

import asyncpg
import pytest

_TABLES = "select oid::regclass::text from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"


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
