"""The pytest plugin of the kit: `shop`, a whole shop on the catalogue that `journeys_catalogue` names.

Promise: nothing is imported, and no server started, before a test asks for it; the names of the fixtures leave room for yours.
"""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

try:
    import pytest_asyncio

    async_fixture = pytest_asyncio.fixture
except ModuleNotFoundError:  # pytest then says what a test that asks for `shop` needs
    async_fixture = pytest.fixture  # type: ignore[assignment]

if TYPE_CHECKING:
    from workers.testing.servers import Servers
    from workers.testing.shop import Shop

_SERVERS = pytest.StashKey["Servers"]()


def servers_of(config: pytest.Config) -> "Servers":
    """The session's servers; with pytest-xdist a controller may have started them and told where they are."""
    from workers.testing.servers import Servers

    if _SERVERS not in config.stash:
        config.stash[_SERVERS] = Servers(getattr(config, "workerinput", {}).get("servers", {}))
    return config.stash[_SERVERS]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the servers, where a test asked for them."""
    if _SERVERS in config.stash:
        config.stash[_SERVERS].close()


@pytest.fixture
def journeys_catalogue() -> str:
    """The catalogue that the shop runs (JOURNEYS_CATALOGUE); write a fixture of this name where it is another."""
    return os.environ.get("JOURNEYS_CATALOGUE", "definitions")


@async_fixture
async def shop(pytestconfig: pytest.Config, journeys_catalogue: str, tmp_path: Path) -> AsyncIterator["Shop"]:
    """A shop on a database and a Temporal namespace of this test's own."""
    from workers.place import stand_here

    stand_here()
    from store import connect
    from workers.testing.servers import fresh_database
    from workers.testing.shop import open_shop

    servers = servers_of(pytestconfig)
    async with fresh_database(servers.postgres) as dsn:
        database = await connect(dsn)
        try:
            async with open_shop(database, dsn, servers.temporal, tmp_path / "shop", catalogue=journeys_catalogue) as opened:
                yield opened
        finally:
            await database.close()
