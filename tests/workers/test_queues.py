"""A process makes the workers of the queues that it serves, and nothing of the others."""

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from journeys.campaigns.contracts import CAMPAIGN_QUEUE
from journeys.contracts import CALLS_QUEUE, WATCH_QUEUE, WORKFLOW_QUEUE, Channel, delivery_queue
from store import Database
from workers.testing.shop import Shop, open_shop
from workers.worker import workers

PUSH = delivery_queue(Channel.PUSH)
#: The parts that each queue's worker serves; none of another's is looked at.
OWN = {
    WORKFLOW_QUEUE: ("questions", "expecting", "fitting", "acting"),
    WATCH_QUEUE: ("erasing", "retaining"),
    PUSH: ("delivery",),
    CAMPAIGN_QUEUE: ("campaigns",),
}


def without(shop: Shop, *names: str) -> Any:
    """The shop's parts but for these."""
    return replace(shop.parts, **dict.fromkeys(names, cast("Any", None)))


@pytest.mark.parametrize(
    "asked", [(WORKFLOW_QUEUE,), (WATCH_QUEUE,), (PUSH,), (CALLS_QUEUE,), (CALLS_QUEUE, PUSH), (CAMPAIGN_QUEUE,)]
)
async def test_only_the_workers_of_the_queues_that_are_asked_for_are_made(
    database: Database, dsn: str, temporal_address: str, tmp_path: Path, asked: tuple[str, ...]
) -> None:
    async with open_shop(database, dsn, temporal_address, tmp_path, catalogue="trial_catalogue", serve=False) as shop:
        others = [name for queue, names in OWN.items() if queue not in asked for name in names]
        made = workers(shop.client, without(shop, *others), asked)
        assert sorted(each.task_queue for each in made) == sorted(asked)


async def test_who_names_no_queue_serves_all(database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> None:
    async with open_shop(database, dsn, temporal_address, tmp_path, catalogue="trial_catalogue", serve=False) as shop:
        made = {each.task_queue for each in workers(shop.client, shop.parts)}
        assert made == {WORKFLOW_QUEUE, CALLS_QUEUE, WATCH_QUEUE, CAMPAIGN_QUEUE, *map(delivery_queue, shop.parts.carriers)}
