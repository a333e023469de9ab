from collections.abc import AsyncIterator

import httpx
import pytest

from api import ApiConfig
from store import Database
from store.keys import Grant, Role, put_key
from tests.api.server import INGEST_KEY, OPERATE_KEY, Api, serving
from tests.emptied import database, dsn, emptying, pooled, pooled_for_api, untouched  # noqa: F401 - fixtures


@pytest.fixture
async def keyed(database: Database) -> Database:  # noqa: F811 - it asks for the fixture
    """A database that knows both keys."""
    await put_key(database.pool, "shop-web", Role.INGEST, INGEST_KEY)
    await put_key(database.pool, "operator", Grant(Role.OPERATE, personal=True), OPERATE_KEY)
    return database


@pytest.fixture
async def ingest_api(dsn: str, keyed: Database, pooled_for_api: Database) -> AsyncIterator[Api]:  # noqa: F811 - it asks for the fixture
    """A real API, and a client with the ingest key."""
    async with (
        serving(ApiConfig(dsn=dsn, key_ttl=0.2), pooled_for_api) as url,
        httpx.AsyncClient(base_url=url, auth=(INGEST_KEY, ""), timeout=30) as http,
    ):
        yield Api(url, keyed, http)
