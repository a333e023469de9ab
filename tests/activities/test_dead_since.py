"""A token that Apple calls dead since a time is put away only if the app has not registered it again since (SEMANTICS 8)."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from activities.channels.carriers import Carriers
from activities.channels.push.apns import Apns
from activities.deliver.deliver import Delivery
from journeys.contracts import Channel
from tests.activities.channels.test_apns import DEVICE, settings
from tests.activities.test_deliver import request, start
from workers.testing.shop import Shop


@pytest.fixture
async def by_apns(trial: Shop) -> AsyncIterator[Delivery]:
    apns = Apns.configured(settings(trial.sandbox))
    assert apns is not None
    yield replace(trial.parts.delivery, carriers={Channel.PUSH: Carriers(apns)})
    await apns.close()


@pytest.mark.parametrize(("fault", "buried"), [("unregistered", True), ("unregistered_long_ago", False)])
async def test_a_token_that_was_registered_since_stays(trial: Shop, by_apns: Delivery, fault: str, buried: bool) -> None:
    await trial.signs_up("ana", channels=())
    said = {"key": DEVICE, "type": "IOS_PUSH", "status": "SUBSCRIBED"}
    at = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
    context = {"device": {"token": DEVICE, "type": "ios"}, "messaging_subscriptions": [said]}
    await trial.send("identify", userId="ana", context=context, timestamp=at)
    run = await start(trial, "while_vip")
    trial.sandbox.faults.tell("apns", fault, times=1)
    receipt = await by_apns.deliver(request(run))
    assert (receipt.outcome.value, receipt.reason) == ("skipped", "no reachable endpoint")
    invalid_at = await trial.database.pool.fetchval("select invalid_at from endpoint where address = $1", DEVICE)
    assert (invalid_at is not None) is buried
    again = await by_apns.deliver(request(run, occurrence=2))
    assert again.sent is not buried
    if buried:
        await trial.send("identify", userId="ana", context=context)
        assert (await by_apns.deliver(request(run, occurrence=3))).sent
    provider = "select distinct provider from delivery where state = 'sent'"
    assert [row["provider"] for row in await trial.database.pool.fetch(provider)] == ["apns"]
