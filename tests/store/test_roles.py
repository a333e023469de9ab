"""The API's role: what it may not write, whoever sits in the API's process; that it is made anew with another password."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from store import Database, connect
from store.roles import READ_ONLY, CannotMakeRole, let_api_in
from workers.testing.servers import as_api


@pytest.fixture
async def api(database: Database, dsn: str) -> AsyncIterator[Database]:
    """A pool in the API's role."""
    assert database.pool
    pool = await connect(as_api(dsn), max_size=1)
    yield pool
    await pool.close()


FORBIDDEN = (
    "insert into catalogue_version (id, package, archive, signature, journeys) values ('v', 'shop', '', '', '{}')",
    "update catalogue_version set archive = ''",
    "delete from catalogue_version",
    "truncate catalogue_version",
    "insert into api_key (id, name, role, digest) values (gen_random_uuid(), 'mine', 'operate', '')",
    "update migration set digest = ''",
    "drop table run",
    "alter table run disable trigger all",
    "create table mine (id int)",
    "create function mine() returns void language sql as ''",
    "set role journeys",
)


@pytest.mark.parametrize("statement", FORBIDDEN)
async def test_the_api_can_put_no_code_no_key_and_no_table_there(statement: str, api: Database) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await api.pool.execute(statement)


async def test_it_reads_everything_and_makes_the_weeks_that_events_need(api: Database) -> None:
    for table in READ_ONLY:
        await api.pool.fetchval(f"select count(*) from {table}")
    await api.pool.execute("select ensure_event_week('2031-05-05')")
    assert await api.pool.fetchval("select to_regclass('event_2031w19') is not null")


async def test_a_role_gets_the_password_that_its_address_names_now(empty_dsn: str) -> None:
    owner = await connect(empty_dsn, max_size=1)
    try:
        parts = urlsplit(empty_dsn)
        for password in ("first", "second"):
            dsn = urlunsplit(parts._replace(netloc=f"api_again:{password}@{parts.hostname}:{parts.port}"))
            await let_api_in(owner, dsn)
            api = await connect(dsn, max_size=1)
            assert await api.pool.fetchval("select current_user") == "api_again"
            await api.close()
    finally:
        await owner.pool.execute("drop owned by api_again; drop role api_again")
        await owner.close()


async def test_an_address_that_names_no_role_of_its_own_is_told(database: Database, dsn: str) -> None:
    with pytest.raises(CannotMakeRole, match="names journeys, who owns the database"):
        await let_api_in(database, dsn)
    with pytest.raises(CannotMakeRole, match="names no user with a password"):
        await let_api_in(database, "postgresql://host/database")
