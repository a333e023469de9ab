"""The shop of `goods_catalogue`, simulated and on servers."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from store import Database
from workers.testing.shop import Shop, open_shop


@pytest.fixture
def journeys_catalogue() -> str:
    return "products.goods_catalogue"


@pytest.fixture
async def served(database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """On a real Temporal server and a real Postgres, with the day in the test's hand."""
    async with open_shop(database, dsn, temporal_address, tmp_path, catalogue="products.goods_catalogue", on_time=True) as shop:
        await shop.parts.rounds.declare()
        yield shop
