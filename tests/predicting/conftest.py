"""A shop with a prediction: customers who order at a pace of their own until they leave, and a trainer, for real."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from uuid_utils.compat import uuid7

from store import Database, predictions
from store.predictions import PredictionRow
from workers.testing.shop import Shop, open_shop
from workers.training.process import trainer
from workers.worker import serving

DAY = timedelta(days=1)
CATALOGUE, HELD = "predicting.churn_catalogue", "predicting.held_catalogue"
#: Values and clusters.
KINDS = "predicting.kinds_catalogue"
MONTH = 30 * 86_400
ORDERED: dict[str, Any] = {"did": "Order Completed"}
#: What product teams declare by JSON: who orders within a month.
BUYS: dict[str, Any] = {
    "of": ORDERED,
    "label": ORDERED | {"within": MONTH},
    "horizon": MONTH,
    "features": [
        {"name": "days_since_order", "days_since": ORDERED},
        {"name": "orders_90d", "count": True, "of": ORDERED | {"within": 3 * MONTH}},
    ],
    "never": ["age"],
    "owner": "crm",
}
_TELL = """
insert into event (profile_id, ts, type, kind, message_id, properties, source, received_at)
select who, at, 'Order Completed', 'track', gen_random_uuid()::text, jsonb_build_object('total', total), 'test', at
from unnest($1::uuid[], $2::timestamptz[], $3::float8[]) as given (who, at, total)
"""


@dataclass
class Planted:
    """A shop whose customers' days are written in advance, and told as they pass."""

    shop: Shop
    opened: datetime
    orders: list[tuple[datetime, UUID, float]] = field(default_factory=list)
    told: int = 0
    of: str = "churn"

    @property
    def database(self) -> Database:
        return self.shop.database

    async def people(self, count: int, *, seed: int = 1, leaving: float = 0.12, until: float = 150) -> list[UUID]:
        """Customers who came in the half year before, order every 4 to 25 days, and after each order leave by this chance."""
        dice = np.random.default_rng(seed)
        who = [UUID(str(uuid7())) for _ in range(count)]
        came = self.opened - 200 * DAY
        rows = [(each, came, came) for each in who]
        await self.database.pool.executemany("insert into profile (id, created_at, updated_at) values ($1, $2, $3)", rows)
        for each in who:
            at, pace = float(dice.uniform(-190, -20)), float(dice.uniform(4, 25))
            while at < until:
                self.orders.append((self.opened + at * DAY, each, round(float(dice.gamma(4, 10)), 2)))
                if dice.random() < leaving:
                    break
                at += float(dice.exponential(pace)) + 0.1
        self.orders.sort()
        return who

    async def pass_until(self, day: float) -> None:
        """Let days pass: what happened in them is there, and the clock is turned."""
        now = self.opened + day * DAY
        some = [each for each in self.orders[self.told :] if each[0] <= now]
        self.told += len(some)
        columns = [[who for _, who, _ in some], [at for at, *_ in some], [total for *_, total in some]]
        async with self.database.transaction() as connection:
            for week in {at - at.weekday() * DAY for at, *_ in some}:
                await connection.execute("select ensure_event_week($1)", week)
            await connection.execute(_TELL, *columns)
            await connection.execute("analyze event")
        self.shop.clock.set(max(now, self.shop.clock.now()))

    async def train(self) -> str:
        """As an operator asks for it, by the workflow."""
        return await self._do("train")

    async def score(self) -> str:
        """As an operator asks for it, by the workflow."""
        return await self._do("score")

    async def _do(self, what: str) -> str:
        ask = predictions.ask_training if what == "train" else predictions.ask_scoring
        assert await ask(self.database, self.of, self.shop.clock.now())
        await self.shop.parts.predicting.wake()
        handle = self.shop.parts.predicting.client.get_workflow_handle(f"predict/{self.of}/{what}/asked", result_type=str)
        return await handle.result()

    async def stands(self) -> PredictionRow:
        (row,) = await predictions.found(self.database, self.of)
        return row

    async def scores(self) -> dict[UUID, float]:
        rows = await self.database.pool.fetch("select profile_id, score from prediction_score where prediction = $1", self.of)
        return {row["profile_id"]: row["score"] for row in rows}

    async def over(self) -> set[UUID]:
        """Who is over a threshold, by the events that say so."""
        rows = await self.database.pool.fetch(
            "select distinct on (profile_id) profile_id, (properties ->> 'over')::boolean as over"
            " from event where type like $1 order by profile_id, ts desc",
            f"$crossed:{self.of}:%",
        )
        return {row["profile_id"] for row in rows if row["over"]}


@asynccontextmanager
async def opened(
    database: Database, dsn: str, temporal_address: str, folder: Path, *, serve: bool = True, catalogue: str = CATALOGUE
) -> AsyncIterator[Planted]:
    async with open_shop(database, dsn, temporal_address, folder, catalogue=catalogue, on_time=True, serve=serve) as shop:
        await shop.parts.predicting.declare()
        yield Planted(shop, shop.clock.now())


@asynccontextmanager
async def trained(database: Database, dsn: str, temporal_address: str, folder: Path, catalogue: str) -> AsyncIterator[Planted]:
    """A shop with a trainer beside it."""
    async with opened(database, dsn, temporal_address, folder, catalogue=catalogue) as found:
        shop = found.shop
        async with serving([trainer(shop.client, shop.database, shop.parts.catalogue, shop.clock)]):
            yield found


@pytest.fixture
async def held(database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> AsyncIterator[Planted]:
    """A shop whose prediction leaves two fifths alone, with a trainer beside it."""
    async with trained(database, dsn, temporal_address, tmp_path, HELD) as found:
        yield found


@pytest.fixture
async def planted(database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> AsyncIterator[Planted]:
    """The shop with a trainer beside it."""
    async with trained(database, dsn, temporal_address, tmp_path, CATALOGUE) as found:
        yield found


@pytest.fixture
async def kinds(database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> AsyncIterator[Planted]:
    """A shop that foretells what customers bring and sorts them, with a trainer beside it."""
    async with trained(database, dsn, temporal_address, tmp_path, KINDS) as found:
        yield found


async def console_page(shop: Shop, path: str) -> str:
    """A page of the console, as who operates sees it."""
    own = {"Origin": str(shop.api.base_url).rstrip("/")}
    signed = await shop.api.post("/console/login", data={"key": shop.operate_key}, headers=own)
    assert signed.status_code == 303, signed.text
    page = await shop.api.get(path)
    assert page.status_code == 200, page.text
    return page.text
