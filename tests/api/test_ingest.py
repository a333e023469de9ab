"""The Segment spec over HTTP: what each call stores."""

import asyncio
import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from api import ApiConfig
from journeys.clock import Clock
from store import Database
from tests.api.server import INGEST_KEY, Api, serving

TRACK = {"type": "track", "userId": "42", "event": "Product Added", "properties": {"price": 59.9}}
STORED = {"success": True, "accepted": 1, "duplicates": 0, "dead_letters": 0}


def now() -> datetime:
    return datetime.now(UTC)


CALLS: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    ("track", {"event": "Order Completed", "properties": {"total": 3}}, "Order Completed", {"total": 3}),
    ("page", {"name": "Shoes", "properties": {"url": "/shoes"}}, "Page Viewed", {"name": "Shoes", "url": "/shoes"}),
    ("screen", {"name": "Cart", "category": "shop"}, "Screen Viewed", {"name": "Cart", "category": "shop"}),
    ("identify", {"traits": {"plan": "pro"}}, "$identify", {"plan": "pro"}),
    ("group", {"groupId": 7, "traits": {"size": 3}}, "$group", {"groupId": "7", "size": 3}),
    ("alias", {"previousId": "a-7"}, "$alias", {"previousId": "a-7"}),
]


@pytest.mark.parametrize(("path", "fields", "event_type", "properties"), CALLS)
async def test_each_call_of_the_spec_becomes_an_event(
    ingest_api: Api, path: str, fields: dict[str, Any], event_type: str, properties: dict[str, Any]
) -> None:
    answer = await ingest_api.post(path, {"userId": "42", "messageId": "m", **fields})
    assert (answer.status_code, answer.json()) == (200, STORED)
    [event] = await ingest_api.events()
    assert (event["type"], event["kind"], event["properties"]) == (event_type, path, properties)
    assert (event["source"], event["message_id"]) == ("shop-web", "m")


async def test_a_batch_takes_every_kind_of_call(ingest_api: Api) -> None:
    calls = [{"type": path, "anonymousId": "a", "userId": "u", **fields} for path, fields, _, _ in CALLS]
    assert (await ingest_api.batch(*calls))["accepted"] == 6
    assert len({event["profile_id"] for event in await ingest_api.events()}) == 1


async def test_a_repeated_message_is_stored_once(ingest_api: Api) -> None:
    twin = {**TRACK, "messageId": "m-1"}
    assert await ingest_api.batch(twin, twin) == {**STORED, "duplicates": 1}
    assert await ingest_api.batch(twin) == {**STORED, "accepted": 0, "duplicates": 1}
    assert len(await ingest_api.events()) == 1


async def test_the_same_batch_sent_many_times_at_once_is_stored_once(ingest_api: Api) -> None:
    calls = [{**TRACK, "messageId": f"m-{n}", "userId": f"u-{n % 7}", "anonymousId": f"a-{n % 5}"} for n in range(50)]
    answers = await asyncio.gather(*(ingest_api.batch(*calls) for _ in range(10)))
    assert sum(answer["accepted"] for answer in answers) == 50
    assert sum(answer["duplicates"] for answer in answers) == 450
    assert len(await ingest_api.events()) == 50


async def test_numbers_are_taken_as_ids(ingest_api: Api) -> None:
    await ingest_api.batch({**TRACK, "userId": 42}, {**TRACK, "userId": 42.0}, {**TRACK, "userId": "42"})
    assert len({event["profile_id"] for event in await ingest_api.events()}) == 1


async def test_a_batch_context_lies_under_each_call_context(ingest_api: Api) -> None:
    await ingest_api.batch({**TRACK, "context": {"locale": "es"}}, context={"locale": "en", "app": {"name": "shop"}})
    [event] = await ingest_api.events()
    assert event["context"] == {"locale": "es", "app": {"name": "shop"}}


async def test_a_call_of_its_own_keeps_its_context(ingest_api: Api) -> None:
    await ingest_api.post("track", {**TRACK, "context": {"locale": "es"}})
    [event] = await ingest_api.events()
    assert event["context"] == {"locale": "es"}


async def test_json_is_taken_whatever_its_label(ingest_api: Api) -> None:
    body = json.dumps({"batch": [TRACK]}).encode()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for headers, content in (
        (form, body),
        ({"Content-Type": "text/plain", "Content-Encoding": "gzip"}, gzip.compress(body)),
        (form, gzip.compress(body)),
        ({}, b"\xef\xbb\xbf" + body),
    ):
        answer = await ingest_api.http.post("/v1/batch", content=content, headers=headers)
        assert answer.status_code == 200, answer.text
    assert len(await ingest_api.events()) == 4


async def test_a_wrong_clock_is_corrected_by_sent_at(ingest_api: Api) -> None:
    """timestamp = receivedAt - (sentAt - originalTimestamp)."""
    wrong = datetime(1970, 1, 1, 12, tzinfo=UTC)
    call = {**TRACK, "timestamp": (wrong - timedelta(minutes=10)).isoformat()}
    await ingest_api.batch(call, sentAt=wrong.isoformat())
    [event] = await ingest_api.events()
    assert event["received_at"] - event["ts"] == timedelta(minutes=10)


async def test_original_timestamp_and_the_call_s_own_sent_at_go_first(ingest_api: Api) -> None:
    sent = now() - timedelta(hours=5)
    call = {
        **TRACK,
        "originalTimestamp": (sent - timedelta(minutes=1)).isoformat(),
        "sentAt": sent.isoformat(),
        "timestamp": "?",
    }
    await ingest_api.batch(call, sentAt="2001-01-01T00:00:00Z")
    [event] = await ingest_api.events()
    assert event["received_at"] - event["ts"] == timedelta(minutes=1)


@pytest.mark.parametrize("days", [2, None])
async def test_an_event_of_the_future_is_set_to_now_and_flagged(ingest_api: Api, days: int | None) -> None:
    ahead = (now() + timedelta(days=days)).isoformat() if days else "9999-12-31T23:59:59.999Z"
    await ingest_api.batch({**TRACK, "timestamp": ahead}, sentAt=now().isoformat())
    [event] = await ingest_api.events()
    assert (event["ts"], event["clamped"]) == (event["received_at"], True)


async def test_a_little_ahead_is_let_be(ingest_api: Api) -> None:
    ahead = now() + timedelta(minutes=4)
    await ingest_api.batch({**TRACK, "timestamp": ahead.isoformat()})
    [event] = await ingest_api.events()
    assert (event["ts"], event["clamped"]) == (ahead, False)


async def test_received_is_business_time(dsn: str, keyed: Database) -> None:
    business = datetime(2024, 2, 29, tzinfo=UTC)
    clock = Clock(real_origin=now(), business_origin=business, speed=3600)
    async with serving(ApiConfig(dsn=dsn, clock=clock)) as url, httpx.AsyncClient(auth=(INGEST_KEY, "")) as http:
        assert (await http.post(f"{url}/v1/track", json=TRACK)).status_code == 200
    received = await keyed.pool.fetchval("select received_at from event")
    assert business < received < business + timedelta(days=5)


async def test_addresses_and_consent_come_from_the_segment_spec(ingest_api: Api) -> None:
    subscriptions = [
        {"key": "Ana@Shop.example", "type": "EMAIL", "status": "SUBSCRIBED"},
        {"key": "+34 600 111 222", "type": "WHATSAPP", "status": "UNSUBSCRIBED"},
        {"key": "token-1", "type": "IOS_PUSH", "status": "DID_NOT_SUBSCRIBE"},
    ]
    traits = {"email": " ana@shop.example ", "phone": "600 111 222", "plan": "pro"}
    context = {"messaging_subscriptions": subscriptions, "device": {"token": "token-2", "type": "android"}}
    call = {"type": "identify", "userId": "42", "messageId": "m-1", "traits": traits, "context": context}
    assert await ingest_api.batch(call) == STORED
    rows = await ingest_api.database.pool.fetch("select channel, address, platform from endpoint order by 1, 2")
    assert [tuple(row) for row in rows] == [
        ("email", "ana@shop.example", None),
        ("push", "token-1", "ios"),
        ("push", "token-2", "android"),
        ("sms", "+34600111222", None),
        ("whatsapp", "+34600111222", None),
    ]
    rows = await ingest_api.database.pool.fetch(
        "select channel, address, state, said_by, source, message_id from consent order by 1"
    )
    assert [tuple(row) for row in rows] == [
        ("email", "ana@shop.example", "granted", "sync", "shop-web", "m-1"),
        ("push", "token-1", "refused", "sync", "shop-web", "m-1"),
        ("whatsapp", "+34600111222", "withdrawn", "sync", "shop-web", "m-1"),
    ]


async def test_a_device_token_on_any_call_is_an_address(ingest_api: Api) -> None:
    await ingest_api.batch({**TRACK, "context": {"device": {"token": "t-1", "type": "iOS"}}})
    row = await ingest_api.database.pool.fetchrow("select channel, address, platform from endpoint")
    assert row is not None
    assert tuple(row) == ("push", "t-1", "ios")


async def test_traits_in_the_context_of_identify_count_as_traits(ingest_api: Api) -> None:
    await ingest_api.batch({"type": "identify", "userId": "42", "context": {"traits": {"plan": "pro"}}})
    assert await ingest_api.database.pool.fetchval("select traits from profile") == {"plan": "pro"}


async def test_the_trace_goes_with_the_events_to_the_watch(ingest_api: Api) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await ingest_api.post("track", TRACK, headers={"traceparent": trace})
    kept = await ingest_api.database.pool.fetchval("select traceparent from dirty where types = '{\"Product Added\"}'")
    assert kept.split("-")[1] == trace.split("-")[1]


async def test_what_is_counted_can_be_scraped(ingest_api: Api) -> None:
    await ingest_api.batch({**TRACK, "messageId": "m"}, {**TRACK, "messageId": "m"}, {"type": "track"})
    text = (await ingest_api.http.get("/metrics")).text
    assert 'journeys_ingest_accepted_total{source="shop-web"}' in text
    assert 'journeys_ingest_duplicates_total{source="shop-web"}' in text
    assert 'journeys_ingest_dead_letters_total{reason="no-identity"}' in text


async def test_a_trait_comes_from_its_key_unless_the_call_says_where_from(ingest_api: Api) -> None:
    guessed = {"adventurous": {"source": "interest-model-3", "confidence": 0.82}, "plan": {"source": "crm"}}
    traits = {"adventurous": True, "plan": "pro", "city": "Vigo", "gone": None}
    call = {"userId": "42", "traits": traits, "timestamp": "2026-01-01T00:00:00Z"}
    await ingest_api.post("identify", {**call, "context": {"provenance": {**guessed, "gone": {"source": "crm"}}}})
    row = await ingest_api.database.pool.fetchrow("select traits_at, traits_from from profile")
    assert row is not None
    since = {"since": "2026-01-01T00:00:00.000000Z"}
    assert set(row["traits_at"].values()) == {since["since"]}
    assert row["traits_from"] == {
        "adventurous": guessed["adventurous"] | since,
        "plan": {"source": "crm"} | since,
        "city": {"source": "shop-web"} | since,
    }
    await ingest_api.post("identify", {"userId": "42", "traits": {"adventurous": False}, "timestamp": "2025-01-01T00:00:00Z"})
    traits_now = await ingest_api.database.pool.fetchval("select traits from profile")
    assert traits_now == {"adventurous": False, "plan": "pro", "city": "Vigo"}


async def test_a_batch_may_say_once_where_its_traits_come_from(ingest_api: Api) -> None:
    calls = [{"type": "identify", "userId": f"u-{n}", "traits": {"score": n}} for n in range(3)]
    other = {"type": "identify", "userId": "u-9", "traits": {"plan": "pro"}}
    context = {"provenance": {"score": {"source": "churn-2", "confidence": 1}}}
    answer = await ingest_api.batch(*calls, TRACK, other, context=context)
    assert (answer["accepted"], answer["dead_letters"]) == (4, 1)
    [reason] = await ingest_api.reasons()
    assert reason.startswith("bad-provenance: /context/provenance/score is not among the traits of this call; say where")
    rows = await ingest_api.database.pool.fetch("select traits_from -> 'score' ->> 'source' as source from profile")
    assert sorted(str(row["source"]) for row in rows) == ["None", "churn-2", "churn-2", "churn-2"]
