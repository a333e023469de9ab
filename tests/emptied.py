"""A database per worker that is emptied after each test, for rooms whose tests are quicker than a new database.

A conftest that imports these fixtures has it in place of a database per test, and one pool for all: a new connection reads the
schema and plans each statement again, which costs more than most tests.
"""

from collections.abc import AsyncIterator

import pytest

from store import Database, connect
from store.database import Connection
from workers.testing.servers import as_api

_TABLES = "select oid::regclass::text from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"


@pytest.fixture
async def dsn(shared_dsn: str, emptying: Database, untouched: set[str]) -> AsyncIterator[str]:
    """A migrated database; what a test writes into it is gone after the test."""
    yield shared_dsn
    await empty(emptying, untouched)


@pytest.fixture
async def database(dsn: str, pooled: Database) -> Database:
    """A pool on it."""
    return pooled


@pytest.fixture(scope="session")
async def pooled(shared_dsn: str) -> AsyncIterator[Database]:
    """The pool of one worker's tests."""
    database = await connect(shared_dsn)
    yield database
    await database.close()


@pytest.fixture(scope="session")
async def pooled_for_api(shared_dsn: str) -> AsyncIterator[Database]:
    """The pool of the API that one worker's tests call, in its role."""
    database = await connect(as_api(shared_dsn))
    yield database
    await database.close()


@pytest.fixture(scope="session")
async def emptying(shared_dsn: str) -> AsyncIterator[Database]:
    """A connection of its own, whatever a test did with the others."""
    database = await connect(shared_dsn, max_size=1)
    yield database
    await database.close()


@pytest.fixture(scope="session")
async def untouched(emptying: Database) -> set[str]:
    """The tables in which the migrations have written."""
    async with emptying.pool.acquire() as connection:
        return await filled(connection)


async def empty(database: Database, untouched: set[str]) -> None:
    """What was written since the migrations is gone."""
    async with database.pool.acquire() as connection:
        if names := ", ".join(sorted(await filled(connection) - untouched)):
            await connection.execute(f"truncate {names} restart identity cascade")


async def filled(connection: Connection) -> set[str]:
    """The tables with rows."""
    names = [row[0] for row in await connection.fetch(_TABLES)]
    asked = " union all ".join(f"select '{name}' where exists (select from {name})" for name in names)
    return {row[0] for row in await connection.fetch(asked)}
