"""A message to a browser from the gate to the click: what is sent is read there, and what became of it comes back."""

import httpx

from journeys.contracts import Channel, DeliverRequest
from store.runs.views import Run
from tests.activities.test_deliver import request, start
from workers.testing.shop import Shop


def to_browsers(run: Run, occurrence: int = 1) -> DeliverRequest:
    return request(run, channel=Channel.WEB_PUSH, step="web_push:note", occurrence=occurrence)


async def test_what_a_browser_is_sent_comes_back_as_events_of_its_run(trial: Shop) -> None:
    """CH-02."""
    await trial.signs_up("ana", channels=("web_push",))
    run = await start(trial, "while_vip")
    assert (await trial.parts.delivery.deliver(to_browsers(run))).sent
    [message] = trial.sandbox.messages
    assert (message.provider, message.to, message.title, message.link) == (
        "web-push", "browser-ana", "Hello", "https://shop.example/note"
    )  # fmt: skip
    told = httpx.URL(message.raw["payload"]["told"]).path
    for what in ("delivered", "clicked", "clicked"):
        assert (await trial.api.post(f"{told}/{what}")).status_code == 204
    asked = "select type from event where properties ->> 'run_id' = $1 order by type"
    types = [row["type"] for row in await trial.database.pool.fetch(asked, str(run.id))]
    assert types == ["Message Clicked", "Message Delivered", "Message Read", "Message Sent"]


async def test_a_subscription_that_is_gone_is_put_away_until_a_page_tells_it_again(trial: Shop) -> None:
    await trial.signs_up("ana", channels=("web_push",))
    run = await start(trial, "while_vip")
    trial.sandbox.faults.tell("web-push", "410", times=1)
    receipt = await trial.parts.delivery.deliver(to_browsers(run))
    assert (receipt.outcome.value, receipt.reason) == ("skipped", "no reachable endpoint")
    receipt = await trial.parts.delivery.deliver(to_browsers(run, 2))
    assert (receipt.outcome.value, receipt.reason) == ("skipped", "no reachable endpoint")
    assert trial.sandbox.messages == []
    await trial.signs_up("ana", channels=("web_push",))
    assert (await trial.parts.delivery.deliver(to_browsers(run, 3))).sent
