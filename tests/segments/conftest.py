"""The shop of the segment tests."""

import pytest

from store import Database
from tests.segments.shop import T0, Shop


@pytest.fixture
async def shop(database: Database) -> Shop:
    weeks = "select ensure_event_week($1::timestamptz + n * interval '7 days') from generate_series(-8, 8) as n"
    await database.pool.execute(weeks, T0)
    return Shop(database)
