"""What is held of a customer, told in full, and the proof of consent word by word."""

import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest

from api import ApiConfig
from store.customers.erasure import DEAD_LETTERS, EMPTIED, REMOVED, begin, purge
from store.named import queries
from tests.api.server import OPERATE_KEY, Api, serving
from tests.command_line import in_thread

SECRET = "nine ducks and five geese on a lake"
#: Tables that only say when to look at a customer again, or how far a load has come.
NOTHING_TO_TELL = {
    *(
        "dirty",
        "endpoint_lost",
        "segment_alarm",
        "unread_reply",
        "customer_touched",
        "source_row",
        "derived_due",
        "audience_due",
    ),
    *("segment_backfill_member", "segment_backfill_change", "segment_backfill_mark"),
}


def said(status: str, **more: str) -> dict[str, Any]:
    return {"messaging_subscriptions": [{"key": "ana@shop.example", "type": "EMAIL", "status": status, **more}]}


@pytest.fixture
async def customer(ingest_api: Api) -> UUID:
    """Somebody who said yes on a form, and no later."""
    await ingest_api.batch(
        {"type": "track", "anonymousId": "a-1", "event": "Product Viewed", "properties": {"name": "Boots"}},
        {
            "type": "identify", "userId": "ana", "anonymousId": "a-1", "messageId": "m-1",
            "traits": {"email": "ana@shop.example", "city": "Vigo"},
            "context": said("SUBSCRIBED", by="customer", text="newsletter-2026-03"),
        },
        {"type": "identify", "userId": "ana", "messageId": "m-2", "context": said("UNSUBSCRIBED", by="customer")},
        {"type": "track", "userId": "ana", "event": ""},
    )  # fmt: skip
    return UUID(str(await ingest_api.database.pool.fetchval("select id from profile where merged_into is null")))


@pytest.fixture
async def asked(ingest_api: Api, customer: UUID) -> Any:
    """The answer to GET below this customer."""
    config = ApiConfig(dsn=ingest_api.database.dsn, secret=SECRET)

    async def ask(path: str) -> httpx.Response:
        async with serving(config) as url, httpx.AsyncClient(base_url=url, auth=(OPERATE_KEY, "")) as http:
            return await http.get(f"/v1/profiles/{customer}/{path}")

    return ask


async def test_gov_01_all_that_is_held_is_told(asked: Any, ingest_api: Api) -> None:
    answer = await asked("export")
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert told["profile"]["traits"] == {"email": "ana@shop.example", "city": "Vigo"}
    assert {(name["kind"], name["name"]) for name in told["names"]} == {("user_id", "ana"), ("anonymous_id", "a-1")}
    assert [(each["channel"], each["address"], each["marketing"]) for each in told["addresses"]] == [
        ("email", "ana@shop.example", "withdrawn")
    ]
    assert [(word["state"], word["text_version"]) for word in told["consents"]] == [
        ("granted", "newsletter-2026-03"),
        ("withdrawn", None),
    ]
    assert [event["type"] for event in told["events"]].count("Product Viewed") == 1
    assert [each["reason"].partition(":")[0] for each in told["not_taken_in"]] == ["bad-event"]
    assert (await ingest_api.http.get(answer.url.path)).status_code == 403, "with a key that sends events"


async def test_what_the_context_of_a_batch_says_is_told_and_erased_too(asked: Any, ingest_api: Api) -> None:
    """It is kept beside each of its calls that could not be taken in; so is an address in a link."""
    ana = {"traits": {"email": "ana@shop.example", "firstName": "Zz"}}
    await ingest_api.batch({"type": "track", "event": "X"}, context=ana)
    link = {"url": "https://shop.example/?next=%2Fbye%3Femail%3DAna%2540shop.example"}
    await ingest_api.batch({"type": "page", "properties": link}, {"type": "track", "event": "Y"})
    told = (await asked("export")).json()["not_taken_in"]
    reasons = [each["reason"].partition(":")[0] for each in told]
    assert sorted(reasons) == ["bad-event", "no-identity", "no-identity"]
    assert [each["came_with"] for each in told if "Zz" in str(each["came_with"])] != []
    customer = UUID(str(await ingest_api.database.pool.fetchval("select id from profile where merged_into is null")))
    begun = await begin(ingest_api.database, customer, lambda *_: b"", at=datetime.now(UTC), by="test")
    assert begun is not None
    await purge(ingest_api.database, begun.id, datetime.now(UTC))
    kept = str(await ingest_api.database.pool.fetch("select t::text from dead_letter t"))
    assert ("Zz" in kept, "Ana" in kept, kept.count("no-identity")) == (False, False, 1), "what names nobody stays"


def test_what_an_erasure_takes_away_was_told_before() -> None:
    """A new table stands in the export, or says above that there is nothing to tell."""
    told = {table for sql in queries("held").values() for table in re.findall(r"\b(?:from|join) (\w+)", sql)}
    assert {*REMOVED, *EMPTIED, DEAD_LETTERS} - NOTHING_TO_TELL <= told


async def test_pro_14_the_proof_tells_who_said_what_where_and_with_which_text(asked: Any) -> None:
    told = (await asked("consent")).json()
    assert [(each["address"], each["purpose"], each["state"]) for each in told["holds"]] == [
        ("ana@shop.example", "marketing", "withdrawn"),
        ("ana@shop.example", "transactional", "unknown"),
    ]
    yes, no = told["words"]
    assert (yes["state"], yes["said_by"], yes["source"], yes["message_id"]) == ("granted", "customer", "shop-web", "m-1")
    assert (yes["text_version"], no["text_version"], no["state"]) == ("newsletter-2026-03", None, "withdrawn")
    assert yes["at"] <= yes["received_at"]
    page = await asked("consent/document")
    assert page.headers["content-type"].startswith("text/html")
    for cell in ("newsletter-2026-03", "ana@shop.example", "withdrawn", "m-2", "not said"):
        assert f">{cell}</td>" in page.text


async def test_a_text_that_is_none_is_refused(ingest_api: Api) -> None:
    for text in ("", " ", "x" * 101, 7):
        call = {"type": "identify", "userId": "bea", "context": said("SUBSCRIBED", text=text)}  # type: ignore[arg-type]
        await ingest_api.batch(call)
    assert {reason.partition(":")[0] for reason in await ingest_api.reasons()} == {"bad-subscription"}


async def test_on_the_command_line(ingest_api: Api, customer: UUID) -> None:
    given = {"database_url": ingest_api.database.dsn, "secret": SECRET}
    told = await in_thread("profiles", "export", "ana", **given)
    assert (told.returncode, '"city": "Vigo"' in told.stdout) == (0, True), told.stderr
    page = await in_thread("profiles", "consent", str(customer), "--by", "customer_id", "--html", **given)
    assert "<h1>Proof of consent</h1>" in page.stdout
    nobody = await in_thread("profiles", "consent", "nobody", **given)
    assert (nobody.returncode, nobody.stderr.strip()) == (1, "journeys: no such customer")


async def test_pro_14_a_word_is_brought_with_its_provenance_and_undoes_no_withdrawal(ingest_api: Api, customer: UUID) -> None:
    word = {"channel": "email", "address": " Ana@Shop.example", "state": "granted", "by": "sync", "source": "call centre"}
    async with (
        serving(ApiConfig(dsn=ingest_api.database.dsn, secret=SECRET)) as url,
        httpx.AsyncClient(base_url=url, auth=(OPERATE_KEY, "")) as http,
    ):
        path = f"/v1/profiles/{customer}/consent"
        told = await http.post(path, json=word | {"text_version": "phone-3"})
        assert (told.status_code, told.json()["holds"][0]["state"]) == (201, "withdrawn"), "the customer's no stands"
        assert [each["source"] for each in told.json()["words"]][-1] == "call centre"
        refused = {"channel": "email", "address": "ana@shop.example", "state": "expired", "by": "import"}
        assert (await http.post(path, json=refused)).status_code == 201
        for wrong in (
            {"address": "nobody"},
            {"address": None},
            {"channel": "in_app"},
            {"state": "maybe"},
            {"at": "2026-01-01"},
        ):
            assert (await http.post(path, json=word | wrong)).status_code == 422, wrong
        assert (await http.post(f"/v1/profiles/{UUID(int=3)}/consent", json=word)).status_code == 404
