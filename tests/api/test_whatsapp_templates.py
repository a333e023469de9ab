"""What Meta tells of templates by webhook, and what customers do besides writing: reactions, taps, new numbers."""

from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest

from api import ApiConfig
from store import Database
from store.deliveries.whatsapp import TemplateState, templates, told
from tests.api import test_webhooks as whatsapp
from tests.api.server import OPERATE_KEY, serving
from tests.api.test_webhooks import NOW, Shop, reply, signature
from tests.command_line import in_thread

shop = whatsapp.shop
SOON = NOW - timedelta(minutes=1)


async def tell(shop: Shop, *changes: tuple[str, dict[str, Any]], at: int = int(SOON.timestamp())) -> httpx.Response:
    told = [{"field": field, "value": value} for field, value in changes]
    body = orjson.dumps({"object": "whatsapp_business_account", "entry": [{"id": "1", "time": at, "changes": told}]})
    return await shop.http.post(whatsapp.URL, content=body, headers={"x-hub-signature-256": signature(body)})


def about(name: str = "cart_link", language: str = "en-US", **more: Any) -> dict[str, Any]:
    return {"message_template_id": 1, "message_template_name": name, "message_template_language": language, **more}


async def stands(shop: Shop) -> list[tuple[str, str, str | None, str | None]]:
    return [(each.name, each.language, each.status, each.category) for each in await templates(shop.database)]


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ("PAUSED", "PAUSED"),
        ("REJECTED", "REJECTED"),
        ("FLAGGED", "APPROVED"),
        ("REINSTATED", "APPROVED"),
        ("LOCKED", "APPROVED"),
    ],
)
async def test_how_a_template_stands_is_kept_as_meta_says_it(shop: Shop, event: str, status: str) -> None:
    answer = await tell(shop, ("message_template_status_update", about(event=event, message_template_category="MARKETING")))
    assert answer.status_code == 200
    assert await stands(shop) == [("cart_link", "en_US", status, "MARKETING")]


async def test_a_new_category_is_kept_and_one_that_is_only_announced_is_not(shop: Shop) -> None:
    await tell(shop, ("message_template_status_update", about(event="APPROVED", message_template_category="UTILITY")))
    await tell(shop, ("template_category_update", about(correct_category="MARKETING", new_category="UTILITY")))
    assert await stands(shop) == [("cart_link", "en_US", "APPROVED", "UTILITY")]
    await tell(shop, ("template_category_update", about(previous_category="UTILITY", new_category="MARKETING")))
    assert await stands(shop) == [("cart_link", "en_US", "APPROVED", "MARKETING")]


async def test_older_news_changes_nothing_and_nonsense_costs_nothing(shop: Shop) -> None:
    await tell(shop, ("message_template_status_update", about(event="PAUSED")))
    await tell(
        shop, ("message_template_status_update", about(event="APPROVED")), at=int((SOON - timedelta(hours=1)).timestamp())
    )
    nonsense: list[tuple[str, dict[str, Any]]] = [
        ("message_template_status_update", {"event": "PAUSED"}),
        ("message_template_status_update", about(event=7)),
        ("template_category_update", {}),
    ]
    assert (await tell(shop, *nonsense)).status_code == 200
    assert await stands(shop) == [("cart_link", "en_US", "PAUSED", None)]


async def test_nothing_of_templates_is_taken_without_metas_signature(shop: Shop) -> None:
    body = orjson.dumps({"entry": [{"changes": [{"field": "message_template_status_update", "value": about(event="PAUSED")}]}]})
    answer = await shop.http.post(whatsapp.URL, content=body, headers={"x-hub-signature-256": "sha256=" + "0" * 64})
    assert (answer.status_code, await stands(shop)) == (401, [])


async def test_a_reaction_is_no_reply_and_a_new_number_is_kept_for_people(shop: Shop) -> None:
    await shop.claim("sent", "wamid.1")
    react = reply("", type="reaction", reaction={"message_id": "wamid.1", "emoji": "👍"})
    moved = reply("", wamid="wamid.s", type="system", system={"body": "new number", "type": "user_changed_number"})
    answer = await shop.post(react, moved)
    assert answer.json() == {"taken": 0, "dead_letters": 1}
    assert await shop.events() == []


@pytest.mark.parametrize("kind", ["unsupported", "unknown", "audio", "location", "order"])
async def test_what_holds_no_words_is_a_reply_all_the_same(shop: Shop, kind: str) -> None:
    await shop.claim("sent", "wamid.1")
    await shop.post(reply("", type=kind, context={"id": "wamid.1"}, errors=[{"code": 131051}]))
    [(event, told)] = await shop.events()
    assert (event, told["kind"], told["text"]) == ("Message Replied", kind, "")
    assert "choice" not in told


@pytest.mark.parametrize(
    ("tapped", "choice", "text"),
    [
        ({"type": "button", "button": {"payload": "tell-me-more", "text": "Tell me more"}}, "tell-me-more", "Tell me more"),
        (
            {"type": "interactive", "interactive": {"type": "button_reply", "button_reply": {"id": "yes", "title": "Sí"}}},
            "yes",
            "Sí",
        ),
        (
            {"type": "interactive", "interactive": {"type": "list_reply", "list_reply": {"id": "s", "title": "Small"}}},
            "s",
            "Small",
        ),
        ({"type": "button", "button": {"payload": "Tell me more", "text": "Tell me more"}}, None, "Tell me more"),
    ],
)
async def test_what_is_tapped_is_known_by_the_name_that_we_gave_it(
    shop: Shop, tapped: dict[str, Any], choice: str | None, text: str
) -> None:
    await shop.claim("sent", "wamid.1")
    await shop.post(reply("", context={"id": "wamid.1"}, **tapped))
    [(_, told)] = await shop.events()
    assert (told.get("choice"), told["text"]) == (choice, text)


async def test_what_answers_a_message_of_ours_is_to_be_shown_as_read(shop: Shop) -> None:
    await shop.post(reply("out of the blue", wamid="wamid.blue"))
    await shop.claim("sent", "wamid.1")
    for _ in range(2):
        await shop.post(reply("yes", context={"id": "wamid.1"}))
    rows = await shop.database.pool.fetch("select channel, message_id, profile_id from unread_reply")
    assert [tuple(row) for row in rows] == [("whatsapp", "wamid.in", shop.profile)]


async def test_operators_see_how_templates_stand_and_nobody_else(dsn: str, keyed: Database) -> None:
    async with keyed.transaction() as connection:
        await told(connection, [TemplateState("cart_link", "en_US", "PAUSED", "MARKETING", NOW)])
    async with serving(ApiConfig(dsn=dsn, key_ttl=0.2)) as url, httpx.AsyncClient(base_url=url) as http:
        assert (await http.get("/v1/whatsapp/templates")).status_code == 401
        [seen] = (await http.get("/v1/whatsapp/templates", auth=(OPERATE_KEY, ""))).json()
    assert (seen["name"], seen["language"], seen["status"], seen["category"]) == ("cart_link", "en_US", "PAUSED", "MARKETING")
    answer = await in_thread("whatsapp-templates", database_url=dsn)
    assert "cart_link" in answer.stdout
    assert "PAUSED" in answer.stdout
