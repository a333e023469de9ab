"""A talk on WhatsApp from end to end: answered over the webhook, heard by the run as a class, a number or a name, no word."""

import hashlib
import hmac
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from journeys.contracts import Channel
from store import Database
from store.runs.calls import calls_of
from store.runs.views import Run
from tests import conversation_agents
from tests.journeys.test_pictured import told
from workers.sandbox.server import APP_SECRET
from workers.testing.people import address_of
from workers.testing.shop import Shop, open_shop

WORDS = "my parcel never came, call me on 600111222"


@pytest.fixture
async def shop(database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> AsyncIterator[Shop]:
    more = {"services": "{}"}  # so that functions are asked, and no sandbox
    async with open_shop(database, dsn, temporal_address, tmp_path, catalogue="conversation_catalogue", **more) as opened:
        yield opened


async def begun(shop: Shop, journey: str, user: str = "ana") -> Run:
    await shop.signs_up(user)
    answer = await shop.operate("POST", f"/v1/journeys/{journey}/runs", json={"customer": {"user_id": user}})
    assert answer.status_code == 201, answer.text
    await shop.look()
    run = await shop.run(journey)
    await shop.asleep(run)
    return run


async def answers(shop: Shop, text: str, user: str = "ana", **tapped: Any) -> None:
    """They answer their last message, as Meta tells it: by whole seconds, perhaps that in which the run began."""
    last = next(each for each in reversed(shop.sandbox.messages) if each.provider.value == "whatsapp")
    said = tapped or {"type": "text", "text": {"body": text}}
    inbound = {"from": address_of(user, Channel.WHATSAPP).lstrip("+"), "id": f"wamid.in-{len(shop.sandbox.messages)}", **said}
    inbound |= {"timestamp": str(int(shop.clock.now().timestamp())), "context": {"id": last.provider_id}}
    change = {"field": "messages", "value": {"messaging_product": "whatsapp", "messages": [inbound]}}
    body = orjson.dumps({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]})
    signature = "sha256=" + hmac.new(APP_SECRET.encode(), body, hashlib.sha256).hexdigest()
    answer = await shop.api.post("/v1/webhooks/whatsapp", content=body, headers={"x-hub-signature-256": signature})
    assert answer.json()["taken"] == 1, answer.text
    await shop.look()


async def test_free_words_reach_the_authors_function_and_only_a_class_the_history(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []

    async def topic(about: dict[str, Any]) -> str:
        heard.append(about["reply"]["text"])
        return "complaint"

    monkeypatch.setattr(conversation_agents, "topic", topic)
    run = await begun(shop, "care")
    await answers(shop, WORDS)
    await shop.asleep(run, timers=2)  # with the task for a person
    assert heard == [WORDS]
    [call] = await calls_of(shop.database, run.id)
    assert (call.service, call.reason, call.answer) == ("topics", None, {"topic": "complaint"})
    [task] = (await shop.operate("GET", "/v1/tasks")).json()["tasks"]
    assert (task["title"], task["assignee"], task["choices"]) == ("Answer the customer", "care", ["solved", "open"])
    history = await shop.workflow(run).fetch_history()
    written = history.to_json()
    assert "600111222" not in written
    assert "parcel" not in written
    kept = await shop.database.pool.fetchval("select properties ->> 'text' from event where type = 'Message Replied'")
    assert kept == WORDS, "the words stay in Postgres"


async def test_beyond_its_budget_the_function_is_not_asked_and_a_person_takes_over(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def topic(_: dict[str, Any]) -> str:
        raise AssertionError("nobody asks it")

    monkeypatch.setattr(conversation_agents, "topic", topic)
    run = await begun(shop, "care")
    await shop.database.pool.execute(
        "insert into service_call (run_id, number, service, event, asked_at, attempts)"
        " select $1, n + 1000, 'topics', 'topics', $2, 1 from generate_series(1, 100) as n", run.id, shop.clock.now(),
    )  # fmt: skip
    await answers(shop, WORDS)
    await shop.asleep(run, timers=2)
    first = (await calls_of(shop.database, run.id))[0]
    assert (first.number, first.reason) == (1, "budget spent")


async def test_words_of_ones_own_go_to_the_number_that_wrote(shop: Shop) -> None:
    """Meta opens a window for the number; another one of the same customer, though it is newer, is outside of it."""
    run = await begun(shop, "nps")
    await shop.database.pool.execute(
        "insert into endpoint (id, profile_id, channel, address, first_seen_at, last_seen_at)"
        " values (gen_random_uuid(), $1, 'whatsapp', '+34699999999', $2, $2)",
        run.profile_id, shop.clock.now() + timedelta(days=1),
    )  # fmt: skip
    await shop.database.pool.execute(
        "insert into consent (profile_id, channel, address, purpose, state, said_by, source, at, received_at)"
        " values ($1, 'whatsapp', '+34699999999', 'marketing', 'granted', 'customer', 'test', $2, $2)",
        run.profile_id, shop.clock.now() - timedelta(minutes=1),
    )  # fmt: skip
    await answers(shop, "9/10")
    await shop.over(run)
    wrote = address_of("ana", Channel.WHATSAPP)
    assert [each.to.lstrip("+") for each in shop.sandbox.messages] == [wrote.lstrip("+")] * 2


async def test_a_tapped_row_and_a_score_come_back_over_the_webhook(shop: Shop) -> None:
    run = await begun(shop, "nps")
    await answers(shop, "9/10")
    over = await shop.over(run)
    assert over.sent == 2
    assert "— what whatsapp how-likely was answered: 9\n" in await told(shop, run)
    kept = await shop.database.pool.fetchrow("select properties, source from event where type = 'NPS Answered'")
    assert kept is not None
    assert (kept["properties"], kept["source"]) == ({"score": 9, "channel": "whatsapp"}, "journeys")
    assert [each.body for each in shop.sandbox.messages][-1] == "Thank you!"
