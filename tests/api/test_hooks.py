"""Webhooks of other systems as sources: signed as each publishes it, by code of the test's own, and taken in once."""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest

from api import ApiConfig
from journeys import CatalogueError, Signed, Takes, WebhookSource, shopify, stripe
from store import Database
from tests.api.server import serving

SHOPIFY, STRIPE, DESK, STANDARD = (
    "shpss_1f3a",
    "whsec_5WbX5kEWLlfzsGNjH64I8lOOqUB6e8FH",
    "a desk's secret",
    b64encode(b"k" * 32),
)
DESK_SOURCE = WebhookSource(
    "desk", Signed.HMAC, "DESK_SECRET", header="X-Desk-Signature", type_at="event", id_at="id",
    takes={"ticket.created": Takes("Ticket Opened", "requester.external_id", {"category": "ticket.category"})},
)  # fmt: skip
ANY = WebhookSource("bus", Signed.STANDARD, "BUS_SECRET", takes={"*": Takes("Bus", "data.user", traits={"seat": "data.seat"})})
ORDER = {
    "id": 820982911946154508,
    "email": "jon@shop.example",
    "created_at": "2026-11-20T16:05:26-05:00",
    "currency": "EUR",
    "total_price": "388.00",
    "total_discounts": "20.00",
    "total_tax": "0.00",
    "discount_codes": [{"code": "WINTER"}],
    "customer": {"id": 115310627314723954, "email": "john@shop.example"},
    "line_items": [
        {"product_id": 788032119674292922, "sku": "SKU2006-001", "title": "Shoes", "price": "199.00", "quantity": 1},
        {"product_id": None, "title": "Gift", "price": "189.00", "quantity": 1},
    ],
}  # fmt: skip
SESSION = {
    "id": "evt_1NG8Du2eZvKYlo2CUI79vXWy",
    "object": "event",
    "created": 1763800000,
    "type": "checkout.session.completed",
    "data": {
        "object": {
            "id": "cs_test_a1", "client_reference_id": "u-7", "amount_total": 1999, "currency": "eur", "payment_intent": "pi_3"
        }
    },
}  # fmt: skip


@dataclass
class There:
    """An API that takes webhooks of four systems."""

    http: httpx.AsyncClient
    database: Database

    async def send(self, name: str, body: bytes, **headers: str) -> httpx.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.post(f"/v1/hooks/{name}", content=body, headers={"content-type": "application/json"} | sent)

    async def events(self) -> list[tuple[str, str | None, dict[str, Any]]]:
        rows = await self.database.pool.fetch(
            "select type, user_id, properties from event where kind = 'track' order by ts, type"
        )
        return [(row["type"], row["user_id"], row["properties"]) for row in rows]


@pytest.fixture
async def there(database: Database, dsn: str) -> AsyncIterator[There]:
    settings = {
        "SHOPIFY_WEBHOOK_SECRET": SHOPIFY,
        "STRIPE_WEBHOOK_SECRET": f"whsec_before, {STRIPE}",
        "DESK_SECRET": DESK,
        "BUS_SECRET": f"whsec_{STANDARD.decode()}",
        "EMPTY": "whsec_",
    }
    hooks = {
        each.name: each
        for each in (
            shopify(),
            stripe(),
            DESK_SOURCE,
            ANY,
            replace(ANY, name="unset", secret="UNSET"),
            replace(ANY, name="empty", secret="EMPTY"),
        )
    }
    config = ApiConfig(dsn=dsn, hooks=hooks, setting=settings.get)
    async with serving(config) as url, httpx.AsyncClient(base_url=url) as http:
        yield There(http, database)


def mac(secret: str | bytes, message: bytes) -> bytes:
    return hmac.new(secret if isinstance(secret, bytes) else secret.encode(), message, hashlib.sha256).digest()


def by_stripe(body: bytes, at: datetime | None = None, secret: str = STRIPE) -> str:
    t = int((at or datetime.now(UTC)).timestamp())
    return f"t={t},v1={mac(secret, f'{t}.'.encode() + body).hex()},v0={'6f' * 32}"


def by_shopify(body: bytes, topic: str = "orders/create") -> dict[str, str]:
    signature = b64encode(mac(SHOPIFY, body)).decode()
    return {"x_shopify_hmac_sha256": signature, "x_shopify_topic": topic, "x_shopify_event_id": "98880550"}


async def test_pro_08_an_order_of_shopifys_is_an_event_once(there: There) -> None:
    body = orjson.dumps(ORDER)
    first = await there.send("shopify", body, **by_shopify(body))
    assert first.json() == {"type": "orders/create", "accepted": 1, "duplicates": 0, "dead_letters": 0}
    again = await there.send("shopify", body, **by_shopify(body))
    assert again.json() == {"type": "orders/create", "accepted": 0, "duplicates": 1, "dead_letters": 0}
    ((type_, user, told),) = await there.events()
    assert (type_, user) == ("Order Completed", "115310627314723954")
    assert (told["order_id"], told["revenue"], told["currency"], told["coupon"]) == (ORDER["id"], 388, "EUR", "WINTER")
    assert (told["discount"], told["tax"], [each["price"] for each in told["products"]]) == (20, 0, [199, 189])
    worth = "select (properties ->> 'revenue')::numeric = 388 and jsonb_typeof(properties -> 'revenue') = 'number' from event"
    assert await there.database.pool.fetchval(worth)
    assert [each.get("sku") for each in told["products"]] == ["SKU2006-001", None]
    at = await there.database.pool.fetchval("select ts from event")
    assert at == datetime(2026, 11, 20, 21, 5, 26, tzinfo=UTC)


async def told_by_shopify(there: There, topic: str, **sent: Any) -> dict[str, Any]:
    body = orjson.dumps(sent)
    answer = await there.send("shopify", body, **by_shopify(body, topic))
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_each_topic_of_one_event_of_shopifys_counts_and_what_is_about_counts_by_the_signed_body(there: There) -> None:
    assert (await told_by_shopify(there, "orders/create", **ORDER))["accepted"] == 1
    cancelled = ORDER | {"cancelled_at": "2026-11-20T16:09:00-05:00"}
    assert (await told_by_shopify(there, "orders/cancelled", **cancelled))["accepted"] == 1
    assert (await told_by_shopify(there, "orders/cancelled", **cancelled))["duplicates"] == 1
    ana = {"id": 7, "first_name": "Ana"}
    for at, accepted in (("2026-11-20T16:05:26Z", 1), ("2026-11-20T16:05:27Z", 1), ("2026-11-20T16:05:26Z", 0)):
        assert (await told_by_shopify(there, "customers/update", **ana, updated_at=at))["accepted"] == accepted
    assert [type_ for type_, *_ in await there.events()] == ["Order Completed", "Order Cancelled"]


async def test_a_refund_is_of_whoever_placed_its_order(there: There) -> None:
    refund = {"id": 5, "order_id": ORDER["id"], "created_at": "2026-11-21T10:00:00Z"}
    refund |= {"transactions": [{"amount": "19.99", "currency": "EUR"}]}
    assert (await told_by_shopify(there, "refunds/create", **refund))["dead_letters"] == 1
    reason = await there.database.pool.fetchval("select reason from dead_letter")
    order = "'Order Completed' with the order_id at order_id"
    assert reason == f"no-identity: names no customer, and no {order} came from here in the last 180 days"
    await told_by_shopify(there, "orders/create", **ORDER)
    assert (await told_by_shopify(there, "refunds/create", **refund))["accepted"] == 1
    _, (type_, user, told) = await there.events()
    assert (type_, user, told["total"]) == ("Order Refunded", "115310627314723954", 19.99)


@pytest.mark.parametrize(
    ("amount", "reason"),
    [
        ('"sNaN"', "is no number"),
        ('"NaN"', "is no number"),
        ('"Infinity"', "is no number"),
        ('"1e99999999"', "is no number"),
        ("1e300", "larger"),
        ('"1e400"', "larger"),
        ('"1999.123456789012345678"', "larger, or has more digits"),
        ("true", "is no number"),
        ('"19,99"', "is no number"),
    ],
)
async def test_what_is_no_amount_is_a_dead_letter_with_its_reason(amount: str, reason: str, there: There) -> None:
    body = orjson.dumps(SESSION).replace(b"1999", amount.encode())
    answer = await there.send("stripe", body, stripe_signature=by_stripe(body))
    assert (answer.status_code, answer.json()["dead_letters"]) == (200, 1), answer.text
    told = await there.database.pool.fetchval("select reason from dead_letter")
    assert told.startswith("bad-number: ")
    assert reason in told
    assert "data.object.amount_total" in told


async def test_an_id_of_any_length_is_one_that_counts_once(there: There) -> None:
    body = orjson.dumps({"id": "x" * 4_000, "event": "ticket.created", "requester": {"external_id": "u-1"}})
    for accepted in (1, 0):
        answer = await there.send("desk", body, x_desk_signature=mac(DESK, body).hex())
        assert (answer.json()["accepted"], answer.json()["dead_letters"]) == (accepted, 0)


async def test_a_payment_of_stripes_is_an_order_in_whole_units(there: There) -> None:
    body = orjson.dumps(SESSION)
    assert (await there.send("stripe", body, stripe_signature=by_stripe(body))).json()["accepted"] == 1
    yen = orjson.dumps(
        SESSION | {"id": "evt_2", "data": {"object": {"client_reference_id": "u-8", "amount_total": 500, "currency": "jpy"}}}
    )
    assert (await there.send("stripe", yen, stripe_signature=by_stripe(yen))).json()["accepted"] == 1
    told = {user: told["revenue"] for _, user, told in await there.events()}
    assert told == {"u-7": 19.99, "u-8": 500.0}
    left = orjson.dumps(SESSION | {"type": "payment_intent.created"})
    assert (await there.send("stripe", left, stripe_signature=by_stripe(left))).json()["accepted"] == 0


async def test_pro_09_any_system_is_a_source_by_a_mapping(there: There) -> None:
    body = orjson.dumps(
        {"id": 7, "event": "ticket.created", "requester": {"external_id": "u-1"}, "ticket": {"category": "late"}}
    )
    for signature in (mac(DESK, body).hex(), f"sha256={mac(DESK, body).hex()}", b64encode(mac(DESK, body)).decode()):
        answer = await there.send("desk", body, x_desk_signature=signature)
        assert answer.status_code == 200, answer.text
    assert await there.events() == [("Ticket Opened", "u-1", {"category": "late"})]
    t = str(int(datetime.now(UTC).timestamp()))
    told = orjson.dumps({"data": {"user": "u-2", "seat": "aisle"}})
    signature = "v1," + b64encode(mac(b"k" * 32, f"msg_1.{t}.".encode() + told)).decode()
    answer = await there.send("bus", told, webhook_id="msg_1", webhook_timestamp=t, webhook_signature=f"v1,AAAA {signature}")
    assert answer.json()["accepted"] == 2
    traits = "select traits, traits_from from profile p join identity i on i.profile_id = p.id where i.value = 'u-2'"
    row = await there.database.pool.fetchrow(traits)
    assert row is not None
    assert (row["traits"], row["traits_from"]["seat"]["source"]) == ({"seat": "aisle"}, "bus")


async def test_what_names_nobody_is_kept_as_a_dead_letter_and_answered(there: There) -> None:
    body = orjson.dumps(ORDER | {"customer": None})
    answer = await there.send("shopify", body, **by_shopify(body))
    assert (answer.status_code, answer.json()["dead_letters"]) == (200, 1)
    reason = await there.database.pool.fetchval("select reason from dead_letter where source = 'shopify'")
    assert reason.startswith("no-identity")


@pytest.mark.parametrize(
    ("name", "headers"),
    [
        ("shopify", {}),
        ("shopify", by_shopify(orjson.dumps(SESSION) + b" ")),
        ("stripe", {"stripe_signature": ""}),
        ("stripe", {"stripe_signature": "t=,v1="}),
        ("stripe", {"stripe_signature": by_stripe(orjson.dumps(SESSION), datetime.now(UTC) - timedelta(minutes=6))}),
        ("stripe", {"stripe_signature": by_stripe(orjson.dumps(SESSION), secret="another")}),
        ("stripe", {"stripe_signature": by_stripe(orjson.dumps(SESSION)).replace("t=1", "t=2")}),
        ("stripe", {"stripe_signature": "t=٣,v1=é"}),
        ("desk", {"x_desk_signature": "sha256="}),
        ("bus", {"webhook_id": "x", "webhook_timestamp": "9" * 400, "webhook_signature": "v1,"}),
    ],
)
async def test_a_forged_webhook_is_refused_and_leaves_nothing(name: str, headers: dict[str, str], there: There) -> None:
    sent = {each.replace("_", "-").encode(): value.encode() for each, value in headers.items()}
    answer = await there.http.post(f"/v1/hooks/{name}", content=orjson.dumps(SESSION), headers=list(sent.items()))
    assert (answer.status_code, answer.json()["code"]) == (401, "not-genuine")
    assert await there.events() == []
    assert await there.database.pool.fetchval("select count(*) from dead_letter") == 0


@pytest.mark.parametrize(("id_", "secret"), [("msg.1", b"k" * 32), ("", b"k" * 32), ("msg_1", b"")])
async def test_what_could_pass_for_something_else_or_anybody_could_sign_is_refused(
    id_: str, secret: bytes, there: There
) -> None:
    """A full stop moves the border between id, time and body; and a secret without a key is everybody's."""
    body, t = orjson.dumps({"data": {"user": "u-2", "seat": "aisle"}}), str(int(datetime.now(UTC).timestamp()))
    signature = "v1," + b64encode(mac(secret, f"{id_}.{t}.".encode() + body)).decode()
    name = "bus" if secret else "empty"
    answer = await there.send(name, body, webhook_id=id_, webhook_timestamp=t, webhook_signature=signature)
    assert (answer.status_code, answer.json()["code"]) == (401, "not-genuine")


async def test_what_is_no_json_or_meant_for_nobody_is_told(there: There) -> None:
    assert (await there.send("unknown", b"{}")).status_code == 404
    assert (await there.send("unset", b"{}")).json()["code"] == "no-secret"
    for body in (b"[]", b"{", b"\xff", b'"x"'):
        answer = await there.send("desk", body, x_desk_signature=mac(DESK, body).hex())
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed-body")
    deep = b'{"id": 1, "event": "ticket.created", "requester": {"external_id": ' + b"[" * 900 + b"]" * 900 + b"}}"
    answer = await there.send("desk", deep, x_desk_signature=mac(DESK, deep).hex())
    assert answer.status_code in (200, 400)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "My Desk"}, "is no name"),
        ({"secret": "s3cr3t value"}, "is the name of a setting"),
        ({"takes": {}}, "says nothing"),
        ({"header": None}, "needs it"),
        ({"type_at": None}, "where the type stands"),
        ({"takes": {"x": Takes("X")}}, "names nobody"),
        ({"takes": {"x": Takes(None, "a.b")}}, "becomes nothing"),
        ({"takes": {"x": Takes("X", "a..b")}}, "no path such as 'a..b'"),
    ],
)
def test_a_declaration_that_cannot_work_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(CatalogueError, match=said):
        replace(DESK_SOURCE, **given)
