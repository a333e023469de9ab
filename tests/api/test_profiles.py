"""A customer's profile over HTTP: what four sources said, each trait with where it comes from, and no address in full."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from segments import Segment, trait
from segments.watch.tick import load
from store.customers.profiles import hint
from store.keys import Role, put_key
from tests.api.server import OPERATE_KEY, Api
from tests.segments.shop import T0
from workers.sandbox.push.browsers import MadeUpBrowser

HOUR = timedelta(hours=1)


def said(hours: float, traits: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "identify", "timestamp": (T0 + hours * HOUR).isoformat(), "traits": traits} | more


async def look(api: Api, **name: Any) -> httpx.Response:
    return await api.http.get("/v1/profiles", params=name, auth=(OPERATE_KEY, ""))


async def test_one_profile_from_four_sources(ingest_api: Api) -> None:
    for source in ("crm", "app", "web"):
        await put_key(ingest_api.database.pool, source, Role.INGEST, f"key-{source}")
    ana = {"userId": "ana"}
    consent = {"messaging_subscriptions": [{"key": "Ana.Ruiz@shop.example", "type": "EMAIL", "status": "SUBSCRIBED"}]}
    calls = {
        "shop-web": said(0, {"plan": "free", "email": "Ana.Ruiz@shop.example"}, **ana, context=consent),
        "crm": said(2, {"plan": "pro", "phone": "+34600112233"}, **ana),
        "app": said(1, {"size": 38, "plan": "late"}, anonymousId="phone"),
        "web": said(3, {"plan": "pro", "likes": "boots"}, **ana, anonymousId="phone")
        | {"context": {"provenance": {"likes": {"source": "model-3", "confidence": 0.82}}}},
    }
    for source, call in calls.items():
        key = {} if source == "shop-web" else {"auth": (f"key-{source}", "")}
        assert (await ingest_api.post("batch", {"batch": [call]}, **key)).json()["accepted"] == 1
    await load(ingest_api.database, [Segment("pros", trait("plan") == "pro")], T0 + 4 * HOUR)
    found = (await look(ingest_api, user_id="ana")).json()
    traits = {each["trait"]: each for each in found["traits"]}
    assert {name: (each["value"], each["source"], each["confidence"]) for name, each in traits.items()} == {
        "email": ("Ana.Ruiz@shop.example", "shop-web", None),
        "likes": ("boots", "model-3", 0.82),
        "phone": ("+34600112233", "crm", None),
        "plan": ("pro", "web", None),
        "size": (38, "app", None),
    }
    assert (traits["plan"]["said_at"], traits["plan"]["since"]) == ("2026-11-16T15:00:00Z", "2026-11-16T14:00:00Z")
    assert [(each["channel"], each["hint"], each["valid"]) for each in found["endpoints"]] == [
        ("email", "a…@shop.example", True),
        ("sms", "…2233", True),
        ("whatsapp", "…2233", True),
    ]
    [consented] = found["consents"]
    assert (consented["channel"], consented["purpose"], consented["state"]) == ("email", "marketing", "granted")
    assert [each["segment"] for each in found["segments"]] == ["pros"]
    assert found["user_ids"] == ["ana"]
    for name in ({"email": "ana.ruiz@SHOP.example"}, {"anonymous_id": "phone"}, {"customer_id": found["customer_id"]}):
        assert (await look(ingest_api, **name)).json() == found, name


async def test_nobody_two_names_and_an_ingest_key(ingest_api: Api) -> None:
    assert (await look(ingest_api, user_id="nobody")).status_code == 404
    assert (await look(ingest_api, user_id="a", email="b")).status_code == 422
    assert (await look(ingest_api)).status_code == 422
    assert (await ingest_api.http.get("/v1/profiles", params={"user_id": "a"})).status_code == 403


async def test_an_operator_undoes_a_merge(ingest_api: Api) -> None:
    """B2: listed with what was absorbed, undone once, by whoever has the key."""
    await ingest_api.batch(*({"type": "track", "event": "x", "userId": name} for name in ("old", "new")))
    await ingest_api.post("alias", {"userId": "new", "previousId": "old"})
    customer = (await look(ingest_api, user_id="old")).json()["customer_id"]
    operator = {"auth": (OPERATE_KEY, "")}
    [merge] = (await ingest_api.http.get(f"/v1/profiles/{customer}/merges", **operator)).json()
    assert (merge["survivor"], merge["names"], merge["undone_at"]) == (customer, ["user_id old"], None)
    path = f"/v1/profiles/{customer}/merges/{merge['id']}/undo"
    assert (await ingest_api.http.post(path)).status_code == 403
    undone = (await ingest_api.http.post(path, **operator)).json()
    assert (undone["undone_by"], undone["id"]) == ("operator", merge["id"])
    assert (await look(ingest_api, user_id="old")).json()["customer_id"] == merge["absorbed"]
    again = await ingest_api.http.post(path, **operator)
    assert (again.status_code, again.json()["code"]) == (409, "cannot-undo")
    elsewhere = path.replace(f"merges/{merge['id']}", "merges/999")
    assert (await ingest_api.http.post(elsewhere, **operator)).status_code == 404


@pytest.mark.parametrize(
    ("channel", "address", "shown"),
    [
        ("email", "ana@shop.example", "a…@shop.example"),
        ("sms", "+34600112233", "…2233"),
        ("push", "short", "…"),
        ("email", "", "…"),
        ("web_push", MadeUpBrowser("ana").subscription("https://push.example"), "push.example"),
    ],
)
def test_an_address_is_shown_in_part(channel: str, address: str, shown: str) -> None:
    assert hint(channel, address) == shown
