"""Two shops in which journeys are tried: the reference catalogue's, and one whose journeys exercise a promise each."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from store import Database
from tests.emptied import database, dsn, emptying, pooled, untouched  # noqa: F401 - fixtures
from workers.testing.shop import Shop, open_shop


@pytest.fixture
async def shop(database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> AsyncIterator[Shop]:  # noqa: F811 - fixtures
    async with open_shop(database, dsn, temporal_address, tmp_path) as opened:
        yield opened


@pytest.fixture
async def trial(database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> AsyncIterator[Shop]:  # noqa: F811 - fixtures
    async with open_shop(database, dsn, temporal_address, tmp_path, catalogue="trial_catalogue") as opened:
        yield opened
