"""What the kit's fixtures open: `journeys.kit.plugin` declares them, and imports this when a test asks for one.

Promise: servers are started when they are first asked for, and stopped with the session.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from store import connect
from workers.testing.servers import Servers, fresh_database
from workers.testing.shop import Shop, open_shop

_SERVERS = pytest.StashKey[Servers]()


def servers_of(config: pytest.Config) -> Servers:
    """The session's servers; with pytest-xdist those of its controller."""
    if _SERVERS not in config.stash:
        servers = config.stash[_SERVERS] = Servers(getattr(config, "workerinput", {}).get("journeys"))
        config.add_cleanup(servers.close)
    return config.stash[_SERVERS]


@asynccontextmanager
async def opened(config: pytest.Config, catalogue: str, folder: Path) -> AsyncIterator[Shop]:
    """A shop on a database and a Temporal namespace of its own."""
    servers = servers_of(config)
    async with fresh_database(servers.postgres) as dsn:
        database = await connect(dsn)
        try:
            async with open_shop(database, dsn, servers.temporal, folder, catalogue=catalogue) as shop:
                yield shop
        finally:
            await database.close()
