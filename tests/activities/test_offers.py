"""Messages that are only for a segment, or carry a product: what the gate asks, what a retry keeps (SEG-09, SEG-32)."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from temporalio.exceptions import ApplicationError

from journeys import Outcome, Reason
from journeys.catalogue import load
from journeys.contracts import Channel, DeliverRequest, Purpose, Receipt
from journeys.gate.decide import No, Question, decide
from segments.time.zones import Whereabouts
from store import Database
from store.runs.views import Message, Run
from tests.activities.test_deliver import claimed
from workers.testing.shop import Shop, open_shop

BOOTS: dict[str, Any] = {"id": "boots", "name": "Boots", "price": 90, "currency": "EUR", "complementary": ["spray", "socks"]}
SPRAY, SOCKS = ({"id": each, "name": each.capitalize(), "price": 9, "currency": "EUR"} for each in ("spray", "socks"))


@pytest.fixture
async def shop(database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """Nobody serves here: the tests make the attempts themselves."""
    async with open_shop(database, dsn, temporal_address, tmp_path, catalogue="segment_catalogue", serve=False) as opened:
        yield opened


async def buyer(shop: Shop) -> Run:
    """Ana has bought boots, and the journey with its products has begun."""
    await tell(shop, BOOTS, SPRAY, SOCKS)
    await shop.signs_up("ana", ("push",))
    await buys(shop, "boots")
    await shop.look()
    return await shop.run("next_product")


async def tell(shop: Shop, *products: dict[str, Any]) -> None:
    answer = await shop.operate("PUT", "/v1/products", json=products)
    assert (answer.status_code, answer.json()["bad"]) == (200, 0), answer.text


async def buys(shop: Shop, product: str) -> None:
    await shop.does("ana", "Order Completed", products=[{"product_id": product, "price": 1}])


def request(run: Run, **changes: Any) -> DeliverRequest:
    return DeliverRequest.model_validate(
        {
            "run_id": run.id,
            "journey": run.journey,
            "step": "push:goes-with",
            "occurrence": 1,
            "channel": Channel.PUSH,
            "template": "goes-with",
            "purpose": Purpose.MARKETING,
            "due_at": run.entered_at,
            "useless_after": run.entered_at + timedelta(hours=12),
        }
        | changes
    )


async def deliver(shop: Shop, asked: DeliverRequest) -> Receipt:
    return await shop.parts.delivery.deliver(asked)


async def message(shop: Shop, run: Run) -> Message:
    (found,) = await shop.messages(run)
    return found


async def test_a_retry_carries_the_same_product_though_a_better_one_came_meanwhile(shop: Shop) -> None:
    run = await buyer(shop)
    shop.sandbox.faults.tell("fcm", "429", times=1)
    with pytest.raises(ApplicationError):
        await deliver(shop, request(run))
    released = await message(shop, run)
    assert (released.state, released.detail["product"]) == ("released", "spray")
    await tell(shop, BOOTS | {"complementary": ["socks", "spray"]})
    receipt = await deliver(shop, request(run))
    assert (receipt.outcome, receipt.product) == (Outcome.SENT, "spray")
    assert (await message(shop, run)).detail == {"product": "spray", "bought": "boots"}
    assert (await deliver(shop, request(run))).product == "spray"  # a repeated call hears the same
    assert [m.title for m in shop.sandbox.messages] == ["Spray for your Boots"]


async def test_a_product_that_was_bought_before_the_retry_gives_way_to_the_next(shop: Shop) -> None:
    run = await buyer(shop)
    shop.sandbox.faults.tell("fcm", "429", times=1)
    with pytest.raises(ApplicationError):
        await deliver(shop, request(run))
    await buys(shop, "spray")
    await tell(shop, SPRAY | {"complementary": ["socks"]})
    assert (await deliver(shop, request(run))).product == "socks"


async def test_a_message_in_doubt_goes_out_again_with_the_product_that_the_customer_may_have_seen(shop: Shop) -> None:
    run = await buyer(shop)
    asked = request(run, purpose=Purpose.TRANSACTIONAL)
    await claimed(shop.parts.delivery, asked, run.entered_at)  # its worker dies right after
    await buys(shop, "spray")
    with pytest.raises(ApplicationError, match="the worker stopped"):  # in doubt, which is waited for once
        await deliver(shop, asked)
    assert (await deliver(shop, asked)).product == "spray"


async def test_in_doubt_a_marketing_message_is_not_repeated_and_the_ledger_keeps_its_product(shop: Shop) -> None:
    run = await buyer(shop)
    await claimed(shop.parts.delivery, request(run), run.entered_at)
    receipt = await deliver(shop, request(run))
    assert (receipt.outcome, receipt.reason, receipt.product) == (Outcome.UNCONFIRMED, Reason.AMBIGUOUS, "spray")
    lost = "the worker stopped before an answer came"
    assert (await message(shop, run)).detail == {"product": "spray", "bought": "boots", "error": lost}


async def test_a_segment_is_asked_anew_at_every_attempt(shop: Shop) -> None:
    run = await buyer(shop)
    await shop.does("ana", "Weather Reported", temperature=3)
    asked = request(run, only="climate", due_at=run.entered_at + timedelta(hours=1))
    shop.sandbox.faults.tell("fcm", "429", times=1)
    with pytest.raises(ApplicationError):
        await deliver(shop, asked)
    await shop.does("ana", "Weather Reported", temperature=26)
    later = asked.model_copy(update={"due_at": asked.due_at + timedelta(minutes=1)})
    refused = await deliver(shop, later)
    assert (refused.outcome, refused.reason, refused.segment) == (Outcome.SKIPPED, Reason.NOT_IN_SEGMENT, "climate")
    assert await deliver(shop, later) == refused


async def test_a_segment_that_this_worker_does_not_have_waits_for_the_one_that_has_it(shop: Shop) -> None:
    run = await buyer(shop)
    with pytest.raises(ApplicationError, match="no segment 'nobody' in this worker's catalogue; deploy"):
        await deliver(shop, request(run, only="nobody"))
    assert await shop.messages(run) == []
    late = request(run, only="nobody", due_at=run.entered_at + timedelta(hours=12))
    assert (await deliver(shop, late)).reason == Reason.EXPIRED


NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
UTC_HERE = Whereabouts(("UTC",), "timezone")
HELD_OUT: dict[str, Any] = {"opt_in": True, "consent": "granted", "addresses": 1, "unsuppressed": 1, "holdout": True}
ASKED = DeliverRequest(
    run_id=UUID(int=3), journey="shop_event", step="push:say", occurrence=1, channel=Channel.PUSH, template="say",
    purpose=Purpose.MARKETING, due_at=NOON, useless_after=NOON + timedelta(hours=1), only="climate",
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "outcome", "detail"),
    [
        ({"in_segment": False}, Outcome.SKIPPED, {"segment": "climate"}),
        ({"relation": "better"}, Outcome.SKIPPED, {"relation": "better"}),
        ({}, Outcome.WITHHELD, {"fraction": 0.5}),
    ],
)
def test_whom_a_message_does_not_suit_is_no_part_of_its_holdout(
    changes: dict[str, Any], outcome: Outcome, detail: dict[str, Any]
) -> None:
    spec = replace(load("segment_catalogue").journey("shop_event").spec, holdout=0.5)
    answer = decide(Question(request=ASKED, spec=spec, now=NOON, where=UTC_HERE, **HELD_OUT, **changes))
    assert isinstance(answer, No)
    assert (answer.outcome, answer.detail) == (outcome, detail)
