"""WhatsApp's webhook against a real Postgres: signature, order, repetition, replies, STOP, and what is malformed."""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import permutations
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

from activities.channels import suppression_digest
from activities.channels.feedback import Status, Unreadable
from api import problems
from api.config import ApiConfig
from api.state import Store
from api.webhooks import routes as webhooks
from api.webhooks.whatsapp import notices
from segments import Predicate, consented, messaged, reachable, unsubscribed
from segments.sql.statements import among
from store import Database
from store.customers.consent import forget
from tests.extent import examples

SECRET = "meta-app-secret"
URL = "/v1/webhooks/whatsapp"
NUMBER = "34600111222"
NOW = datetime.now(UTC).replace(microsecond=0)


@dataclass
class Shop:
    """One customer with one WhatsApp message on the ledger, and the API in front of them."""

    http: httpx.AsyncClient
    database: Database
    profile: UUID
    run: UUID
    endpoint: UUID

    async def post(self, *values: dict[str, Any], **headers: Any) -> httpx.Response:
        changes = [{"field": "messages", "value": value} for value in values]
        body = orjson.dumps({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": changes}]})
        return await self.http.post(URL, content=body, headers=[*{"x-hub-signature-256": signature(body), **headers}.items()])

    async def row(self) -> dict[str, Any]:
        return dict(await self.database.pool.fetchrow("select * from delivery where run_id = $1", self.run) or {})

    async def events(self) -> list[tuple[str, dict[str, Any]]]:
        rows = await self.database.pool.fetch("select type, properties from event order by ts, received_at, type")
        return [(row["type"], row["properties"]) for row in rows]

    async def consents(self) -> list[tuple[str | None, str, str]]:
        rows = await self.database.pool.fetch("select address, state, source from consent order by id")
        return [(row["address"], row["state"], row["source"]) for row in rows]

    async def consent(self) -> str:
        return str(await self.database.pool.fetchval("select marketing from endpoint where id = $1", self.endpoint))

    async def allow(self, at: datetime, by: str = "sync") -> None:
        await self.database.pool.execute(
            "insert into consent (profile_id, channel, address, purpose, state, said_by, source, at, received_at)"
            " values ($1, 'whatsapp', $2, 'marketing', 'granted', $3, 'test', $4, $4)", self.profile, f"+{NUMBER}", by, at,
        )  # fmt: skip

    async def claim(
        self, state: str, provider_id: str | None = None, occurrence: int = 1, at: datetime = NOW - timedelta(minutes=10)
    ) -> None:
        await self.database.pool.execute(
            "insert into delivery (run_id, step, occurrence, profile_id, journey, channel, purpose, template, state,"
            " endpoint_id, provider_message_id, due_at, claimed_at)"
            " values ($1, 'cart-link', $2, $3, 'cart_abandonment', 'whatsapp', 'marketing', 'cart-link', $4, $5, $6, $7, $7)",
            self.run, occurrence, self.profile, state, self.endpoint, provider_id, at,
        )  # fmt: skip

    def status(self, status: str, *, wamid: str = "wamid.1", minutes: int = 0, **extra: Any) -> dict[str, Any]:
        at = int((NOW - timedelta(minutes=5) + timedelta(minutes=minutes)).timestamp())
        key = f"{self.run}/cart-link/1"
        told = {"id": wamid, "status": status, "timestamp": str(at), "recipient_id": NUMBER, "biz_opaque_callback_data": key}
        return {"statuses": [told | extra]}


def reply(text: str, *, wamid: str = "wamid.in", sender: str = NUMBER, **extra: Any) -> dict[str, Any]:
    inbound = {"from": sender, "id": wamid, "timestamp": str(int(NOW.timestamp())), "type": "text", "text": {"body": text}}
    return {"contacts": [{"wa_id": sender}], "messages": [inbound | extra]}


def signature(body: bytes) -> str:
    return "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    profile, run, endpoint = uuid7(), uuid7(), uuid7()
    await database.pool.execute("insert into profile (id, created_at, updated_at) values ($1, $2, $2)", profile, NOW)
    await database.pool.execute(
        "insert into endpoint (id, profile_id, channel, address, first_seen_at, last_seen_at)"
        " values ($1, $2, 'whatsapp', $3, $4, $4)", endpoint, profile, f"+{NUMBER}", NOW - timedelta(days=1),
    )  # fmt: skip
    await database.pool.execute(
        "insert into run (id, journey, profile_id, entered_by, entered_at, workflow_id, created_at)"
        " values ($1, 'cart_abandonment', $2, 'segment', $3, $4, $3)", run, profile, NOW - timedelta(days=1), str(run),
    )  # fmt: skip
    config = ApiConfig(dsn="", secret="pepper", whatsapp_app_secret=SECRET, whatsapp_verify_token="letmein")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app(config, database)), base_url="http://api") as http:
        yield Shop(http, database, profile, run, endpoint)


def app(config: ApiConfig, database: Database) -> FastAPI:
    app = FastAPI()
    problems.install(app)
    app.include_router(webhooks.router)
    app.state.config = config
    app.state.store = Store(config, database)
    return app


async def test_meta_is_answered_its_challenge_only_with_the_right_token(shop: Shop) -> None:
    asked = {"hub.mode": "subscribe", "hub.challenge": "1158201444"}
    right = await shop.http.get(URL, params={**asked, "hub.verify_token": "letmein"})
    wrong = await shop.http.get(URL, params={**asked, "hub.verify_token": "ópen"})
    assert (right.status_code, right.text) == (200, "1158201444")
    assert wrong.status_code == 403
    assert wrong.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("sent", [b"", b"sha256=", b"sha256=" + b"0" * 64, b"sha1=abc", b"sha256=\xe9"])
async def test_nothing_is_taken_without_metas_signature(shop: Shop, sent: bytes) -> None:
    await shop.claim("sent", "wamid.1")
    answer = await shop.post(shop.status("read"), **{"x-hub-signature-256": sent})
    assert answer.status_code == 401
    assert (await shop.row())["read_at"] is None


async def test_without_a_secret_no_signature_is_right(shop: Shop, database: Database) -> None:
    bare = app(ApiConfig(dsn=""), database)
    body = b"{}"
    empty = "sha256=" + hmac.new(b"", body, hashlib.sha256).hexdigest()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(bare), base_url="http://api") as http:
        assert (await http.post(URL, content=body, headers={"x-hub-signature-256": empty})).status_code == 401


@pytest.mark.parametrize("order", list(permutations(["sent", "delivered", "read"])))
async def test_statuses_in_any_order_give_the_same_row(shop: Shop, order: tuple[str, ...]) -> None:
    await shop.claim("sent", "wamid.1")
    minutes = {"sent": 0, "delivered": 1, "read": 2}
    for status in order:
        assert (await shop.post(shop.status(status, minutes=minutes[status]))).status_code == 200
    row = await shop.row()
    start = NOW - timedelta(minutes=5)
    assert (row["state"], row["delivered_at"], row["read_at"]) == (
        "sent",
        start + timedelta(minutes=1),
        start + timedelta(minutes=2),
    )
    assert [event[0] for event in await shop.events()] == ["Message Sent", "Message Delivered", "Message Read"]


async def test_read_implies_delivered(shop: Shop) -> None:
    await shop.claim("sent", "wamid.1")
    await shop.post(shop.status("read"))
    row = await shop.row()
    assert row["delivered_at"] == row["read_at"] == NOW - timedelta(minutes=5)


async def test_the_same_status_twice_is_one_event_and_one_dirty_mark(shop: Shop) -> None:
    await shop.claim("sent", "wamid.1")
    await shop.database.pool.execute("delete from dirty")
    first = await shop.post(shop.status("delivered"), shop.status("delivered"))
    again = await shop.post(shop.status("delivered"))
    assert (first.json()["taken"], again.json()["taken"]) == (1, 0)
    dirty = await shop.database.pool.fetch("select profile_id, types from dirty")
    assert [(row["profile_id"], row["types"]) for row in dirty] == [(shop.profile, ["Message Delivered"])]


@pytest.mark.parametrize("state", ["claimed", "unconfirmed"])
async def test_a_status_settles_a_doubt_by_our_own_key(shop: Shop, state: str) -> None:
    await shop.claim(state)
    await shop.post(shop.status("sent", wamid="wamid.new"))
    row = await shop.row()
    assert (row["state"], row["provider_message_id"], row["reason"]) == ("sent", "wamid.new", None)


async def test_our_key_never_touches_a_message_whose_id_is_known(shop: Shop) -> None:
    await shop.claim("sent", "wamid.1")
    await shop.post(shop.status("read", wamid="wamid.other"))
    assert (await shop.row())["read_at"] is None


async def test_a_failure_after_acceptance_is_recorded_and_kills_a_dead_number(shop: Shop) -> None:
    await shop.claim("sent", "wamid.1")
    await shop.post(shop.status("failed", errors=[{"code": 131026, "title": "Message undeliverable"}]))
    row = await shop.row()
    assert (row["state"], row["reason"], row["detail"]["provider_code"]) == ("failed", "refused by the provider", "131026")
    endpoint = await shop.database.pool.fetchrow("select invalid_reason from endpoint")
    assert endpoint is not None
    assert endpoint["invalid_reason"] == "whatsapp code 131026"
    [(kind, properties)] = await shop.events()
    assert (kind, properties["code"], properties["journey"]) == ("Message Failed", 131026, "cart_abandonment")


async def test_a_delivery_outweighs_a_failure_whichever_comes_first(shop: Shop) -> None:
    await shop.claim("sent", "wamid.1")
    await shop.post(shop.status("failed", errors=[{"code": 131000}]))
    await shop.post(shop.status("delivered"))
    assert (await shop.row())["state"] == "sent"
    await shop.post(shop.status("failed", errors=[{"code": 131000}]))
    assert (await shop.row())["state"] == "sent"


async def test_who_opted_out_in_whatsapp_is_not_written_to_again(shop: Shop) -> None:
    await shop.claim("sent", "wamid.1")
    await shop.post(shop.status("failed", errors=[{"code": 131050}]))
    assert await shop.consents() == [(each, "withdrawn", "whatsapp: code 131050") for each in (f"+{NUMBER}", None)]
    assert [kind for kind, _ in await shop.events()] == ["Message Failed", "Unsubscribed"]


async def test_statuses_of_other_peoples_messages_are_left_alone(shop: Shop) -> None:
    answer = await shop.post(shop.status("read", wamid="wamid.unknown", biz_opaque_callback_data=f"{uuid4()}/x/1"))
    assert (answer.status_code, answer.json()) == (200, {"taken": 0, "dead_letters": 0})


async def test_a_reply_is_an_event_attributed_to_the_message_that_it_quotes(shop: Shop) -> None:
    await shop.claim("sent", "wamid.1")
    await shop.claim("sent", "wamid.2", occurrence=2)
    await shop.post(reply("Is it in blue?", context={"id": "wamid.1"}))
    [(kind, properties)] = await shop.events()
    assert kind == "Message Replied"
    assert (properties["text"], properties["occurrence"], properties["run_id"]) == ("Is it in blue?", 1, str(shop.run))


async def test_an_unquoted_reply_belongs_to_the_last_message_of_the_day(shop: Shop) -> None:
    await shop.claim("sent", "wamid.1")
    late = str(int((NOW + timedelta(minutes=3)).timestamp()))
    early = str(int((NOW - timedelta(days=3)).timestamp()))
    await shop.post(reply("Hello", timestamp=late), reply("Old", wamid="wamid.old", timestamp=early))
    found = {properties["text"]: properties.get("template") for _, properties in await shop.events()}
    assert found == {"Hello": "cart-link", "Old": None}


async def test_what_is_told_for_the_second_in_which_a_message_went_out_came_after_it(shop: Shop) -> None:
    """Meta tells whole seconds: the answer that a run waits for is not from before the wait, quoted or not."""
    out = NOW + timedelta(milliseconds=700)
    await shop.claim("sent", "wamid.1", at=NOW - timedelta(minutes=1))
    await shop.claim("sent", "wamid.2", occurrence=2, at=out)
    await shop.post(reply("Quoted", context={"id": "wamid.2"}), reply("Not quoted", wamid="wamid.in2"))
    await shop.post(shop.status("delivered", wamid="wamid.2", minutes=5))
    rows = await shop.database.pool.fetch("select ts, properties ->> 'occurrence' as of from event")
    assert [(row["ts"], row["of"]) for row in rows] == [(out, "2")] * 3
    assert await shop.database.pool.fetchval("select delivered_at from delivery where occurrence = 2") == out


async def test_what_is_told_for_the_second_before_is_of_the_message_before(shop: Shop) -> None:
    await shop.claim("sent", "wamid.1", at=NOW - timedelta(minutes=1))
    await shop.claim("sent", "wamid.2", occurrence=2, at=NOW + timedelta(seconds=1, milliseconds=700))
    await shop.post(reply("To the first"))
    row = await shop.database.pool.fetchrow("select ts, properties ->> 'occurrence' as of from event")
    assert row is not None
    assert (row["ts"], row["of"]) == (NOW, "1")


async def test_a_form_that_was_filled_in_is_a_reply_with_its_answers(shop: Shop) -> None:
    await shop.claim("sent", "wamid.1")
    told = {"flow_token": "t-1", "size": "m", "notes": "a\x00b", "colours": ["red"], "amount": 2}
    for n, filled in enumerate((orjson.dumps(told).decode(), "no JSON", "[1]")):
        form = {"type": "nfm_reply", "nfm_reply": {"name": "flow", "body": "Sent", "response_json": filled}}
        await shop.post(reply("", wamid=f"wamid.in{n}", type="interactive", interactive=form, context={"id": "wamid.1"}))
    found = [properties for _, properties in await shop.events()]
    assert [each["text"] for each in found] == ["Sent"] * 3
    assert sorted((each.get("form", {}) for each in found), key=len, reverse=True) == [
        {"size": "m", "notes": "a\ufffdb", "colours": ["red"], "amount": 2}, {}, {},
    ]  # fmt: skip
    assert {each["run_id"] for each in found} == {str(shop.run)}


@pytest.mark.parametrize("word", ["STOP", "baja", " Alto. ", "¡Baja!", "Stop\n", "STOP 🙏", "baja por favor"])
async def test_stop_withdraws_consent_of_the_number_and_of_the_customer(shop: Shop, word: str) -> None:
    await shop.allow(NOW - timedelta(days=1))
    await shop.post(reply(word))
    assert (await shop.consents())[1:] == [(each, "withdrawn", "whatsapp: STOP") for each in (f"+{NUMBER}", None)]
    assert await shop.consent() == "withdrawn"
    assert [kind for kind, _ in await shop.events()] == ["Message Replied", "Unsubscribed"]


@pytest.mark.parametrize("words", ["Stop sending me the wrong size", "bajamos", "altos"])
async def test_a_sentence_with_stop_in_it_is_a_reply(shop: Shop, words: str) -> None:
    await shop.post(reply(words))
    assert await shop.consents() == []


async def test_a_stop_told_again_does_not_undo_a_later_yes(shop: Shop) -> None:
    await shop.post(reply("STOP"))
    await shop.allow(datetime.now(UTC) + timedelta(seconds=1), by="customer")
    await shop.post(reply("STOP"))
    assert await shop.consent() == "granted"


async def test_start_takes_a_stop_back_and_is_no_consent_by_itself(shop: Shop) -> None:
    later = str(int((NOW + timedelta(seconds=1)).timestamp()))
    await shop.post(reply("START", wamid="wamid.0"))
    assert await shop.consents() == []
    await shop.post(reply("STOP"), reply("Start, please", wamid="wamid.2", timestamp=later))
    assert await shop.consent() == "granted"
    assert [(address, state) for address, state, _ in await shop.consents()][2:] == [
        (f"+{NUMBER}", "granted"),
        (None, "granted"),
    ]


async def test_stop_and_start_in_one_second_are_a_stop_in_either_order(shop: Shop) -> None:
    await shop.allow(NOW - timedelta(days=1))
    await shop.post(reply("START"), reply("STOP", wamid="wamid.2"), reply("START", wamid="wamid.3"))
    assert await shop.consent() == "withdrawn"


@pytest.mark.parametrize("order", list(permutations(["failed", "delivered", "read"])))
@pytest.mark.parametrize("failed", [0, 2, 3])
async def test_who_has_read_a_message_is_reachable_in_whatever_order_that_is_told(
    shop: Shop, order: tuple[str, ...], failed: int
) -> None:
    """FAULTS A11: that it also failed (on another phone) says nothing of the address."""
    await shop.claim("sent", "wamid.1")
    minutes = {"failed": failed, "delivered": 1, "read": 2}
    for status in order:
        errors = {"errors": [{"code": 131026}]} if status == "failed" else {}
        await shop.post(shop.status(status, minutes=minutes[status], **errors))
    assert (await shop.row())["state"] == "sent"
    assert await shop.database.pool.fetchval("select invalid_at from endpoint") is None


@pytest.mark.parametrize("order", list(permutations([("failed", 0), ("read", 1), ("failed", 2)])))
async def test_a_number_that_died_after_it_was_read_is_dead(shop: Shop, order: tuple[tuple[str, int], ...]) -> None:
    """FAULTS A11: of several messages the newest news of the address counts."""
    for n in range(3):
        await shop.claim("sent", f"wamid.{n}", occurrence=n + 1)
    for status, n in order:
        errors = {"errors": [{"code": 131026}]} if status == "failed" else {}
        await shop.post(shop.status(status, wamid=f"wamid.{n}", minutes=n, **errors))
    invalid_at = await shop.database.pool.fetchval("select invalid_at from endpoint")
    assert invalid_at == NOW - timedelta(minutes=3)


async def test_writing_revives_an_endpoint(shop: Shop) -> None:
    await shop.database.pool.execute("update endpoint set invalid_at = $1, invalid_reason = 'gone'", NOW)
    await shop.post(reply("hi"))
    assert await shop.database.pool.fetchval("select invalid_at from endpoint") is None


async def test_news_of_a_merged_customer_goes_to_the_survivor(shop: Shop) -> None:
    survivor = uuid7()
    await shop.database.pool.execute("insert into profile (id, created_at, updated_at) values ($1, $2, $2)", survivor, NOW)
    await shop.database.pool.execute("update profile set merged_into = $1 where id = $2", survivor, shop.profile)
    await shop.post(reply("STOP"))
    assert await shop.database.pool.fetchval("select array_agg(distinct profile_id) from event") == [survivor]
    assert await shop.database.pool.fetchval("select array_agg(distinct profile_id) from consent") == [survivor]


async def test_a_strangers_stop_is_kept_and_holds_for_who_comes_with_the_number(shop: Shop) -> None:
    number = "34999888777"
    answer = await shop.post(reply("STOP", sender=number))
    assert answer.json() == {"taken": 0, "dead_letters": 1}
    await shop.database.pool.execute("update endpoint set address = $1", f"+{number}")
    await shop.database.pool.execute("update consent set channel = channel")
    assert await shop.consent() == "withdrawn"
    later = str(int((NOW + timedelta(seconds=1)).timestamp()))
    await shop.post(reply("START", wamid="wamid.2", sender=number, timestamp=later))
    assert await shop.consent() == "granted"


async def test_a_no_outlives_the_customer_and_start_takes_it_back(shop: Shop) -> None:
    """FAULTS B3: what is left of an erased customer's no is a keyed digest of the address."""
    await shop.post(reply("STOP"))
    async with shop.database.transaction() as connection:
        await forget(connection, shop.profile, partial(suppression_digest, "pepper"), NOW)
    assert await shop.consents() == []
    rows = await shop.database.pool.fetch("select channel, digest, scope, reason from suppression")
    digest = suppression_digest("pepper", "whatsapp", f"+{NUMBER}")
    assert [tuple(row) for row in rows] == [("whatsapp", digest, "marketing", "said no")]
    await shop.post(reply("START", wamid="wamid.0", timestamp=str(int(NOW.timestamp()) - 60)))
    await shop.post(reply("START", wamid="wamid.1"))
    assert await shop.database.pool.fetchval("select count(*) from suppression") == 1, "said before the no, or with it"
    later = str(int((NOW + timedelta(seconds=1)).timestamp()))
    await shop.post(reply("START", wamid="wamid.2", timestamp=later))
    assert await shop.database.pool.fetchval("select count(*) from suppression") == 0


async def test_a_bad_item_does_not_cost_the_others(shop: Shop) -> None:
    await shop.claim("sent", "wamid.1")
    broken = shop.status("read", timestamp="soon")
    odd = {"statuses": "none", "messages": [7, None, {"id": "x"}]}
    answer = await shop.post(broken, odd, shop.status("delivered"))
    assert answer.json() == {"taken": 1, "dead_letters": 2}
    reasons = await shop.database.pool.fetch("select source, reason from dead_letter order by id")
    assert [row["reason"].split(":")[0] for row in reasons] == ["timestamp", "from"]


@pytest.mark.parametrize("broken", [b"\\ud83d", b"\xff", b"\xed\xa0\x80"])
@pytest.mark.parametrize("where", ["name", "text", "id", "status"])
async def test_what_is_no_text_costs_at_most_its_own_item(shop: Shop, broken: bytes, where: str) -> None:
    """Half of a surrogate pair, or a byte that is no UTF-8: the STOP beside it is taken."""
    await shop.allow(NOW - timedelta(days=1))
    other = reply("hi BROKEN", wamid="wamid.2", sender="34999888777") if where == "text" else reply("hi", sender="34999888777")
    other = reply("hi", wamid="wamid.BROKEN", sender="34999888777") if where == "id" else other
    other |= {"contacts": [{"profile": {"name": "BROKEN"}}]} if where == "name" else {}
    status = shop.status("BROKEN" if where == "status" else "sent")
    changes = [{"field": "messages", "value": value} for value in (other, status, reply("STOP \U0001f64f"))]
    body = orjson.dumps({"entry": [{"id": "1", "changes": changes}]}).replace(b"BROKEN", broken)
    answer = await shop.http.post(URL, content=body, headers={"x-hub-signature-256": signature(body)})
    assert answer.status_code == 200, answer.text
    assert await shop.consent() == "withdrawn"
    assert await shop.database.pool.fetchval("select properties ->> 'text' from event where type = 'Message Replied'") == (
        "STOP \U0001f64f"
    )


@pytest.mark.parametrize("stamp", ["0", "-5", "253402300800", "99999999999", "1099511627776"])
async def test_impossible_times_are_clamped_and_flagged(shop: Shop, stamp: str) -> None:
    await shop.claim("sent", "wamid.1")
    assert (await shop.post(shop.status("delivered", timestamp=stamp))).json()["taken"] == 1
    row = await shop.database.pool.fetchrow("select ts, clamped from event")
    assert row is not None
    assert row["clamped"]
    assert abs(row["ts"] - datetime.now(UTC)) < timedelta(minutes=1)


async def test_nul_bytes_are_stored_as_replacement_characters(shop: Shop) -> None:
    assert (await shop.post(reply("a\x00b"))).status_code == 200
    [(_, properties)] = await shop.events()
    assert properties["text"] == "a\ufffdb"


@pytest.mark.parametrize(("body", "status"), [(b"{", 400), (b"[]", 400), (b"\xff", 400), (b'"\\ud800"', 400), (b"{}", 200)])
async def test_signed_nonsense_gets_a_clear_answer(shop: Shop, body: bytes, status: int) -> None:
    answer = await shop.http.post(URL, content=body, headers={"x-hub-signature-256": signature(body)})
    assert answer.status_code == status


async def test_many_notifications_at_once_about_the_same_customers_are_all_taken(shop: Shop) -> None:
    for n in range(1, 6):
        await shop.claim("sent", f"wamid.{n}", occurrence=n)
    told = [shop.status(status, wamid=f"wamid.{n}") for n in range(1, 6) for status in ("sent", "delivered", "read")]
    answers = await asyncio.gather(*(shop.post(*told[n:], *told[:n], reply(f"{n}", wamid=f"in.{n}")) for n in range(15)))
    assert {answer.status_code for answer in answers} == {200}
    assert sum(answer.json()["taken"] for answer in answers) == len(told) + 15


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
)
_NAMES = st.sampled_from(["id", "from", "status", "timestamp", "errors", "text", "context", "type", "biz_opaque_callback_data"])


@examples(30)
@given(items=st.lists(st.dictionaries(_NAMES, _JSON)), kind=st.sampled_from(["statuses", "messages"]))
def test_no_signed_item_breaks_the_reading_of_a_notification(items: list[dict[str, Any]], kind: str) -> None:
    try:
        body = orjson.dumps({"entry": [{"changes": [{"field": "messages", "value": {kind: items}}]}]})
    except TypeError:  # an integer beyond 64 bits, which orjson does not write
        return
    told = notices(body, NOW)
    assert len(told) == len(items)
    for notice in told:
        if not isinstance(notice, Unreadable):
            assert notice.at <= NOW + timedelta(minutes=5)
            assert notice.key is None if isinstance(notice, Status) else len(notice.text) <= 4096


async def test_a_huge_body_is_refused_before_it_is_read_whole(shop: Shop) -> None:
    assert (await shop.http.post(URL, content=b"x" * (5 * 1024 * 1024))).status_code == 413


async def test_segments_see_what_became_of_a_message(shop: Shop) -> None:
    async def true_of(predicate: Predicate) -> bool:
        statement = among(predicate)
        rows = await shop.database.pool.fetch(statement.sql, *statement.args(NOW + timedelta(minutes=5), ids=[shop.profile]))
        return [row["id"] for row in rows] == [shop.profile]

    link = messaged(channel="whatsapp", template="cart-link", journey="cart_abandonment", purpose="marketing")
    await shop.claim("sent", "wamid.1")
    assert not await true_of(link.delivered() | link.opened() | link.replied() | unsubscribed())
    await shop.post(shop.status("delivered"), shop.status("read", minutes=1))
    await shop.post(reply("Do you have it in blue?", context={"id": "wamid.1"}))
    assert await true_of(link.delivered() & link.opened().within(days=1) & link.replied().exactly(1))
    others = [
        messaged(channel="email"),
        messaged(template="other"),
        messaged(journey="other"),
        messaged(purpose="transactional"),
    ]
    for other in others:
        assert not await true_of(other.delivered() | other.replied()), other
    assert await true_of(reachable("whatsapp") & ~reachable("push") & ~consented("whatsapp"))
    await shop.allow(NOW - timedelta(days=1))
    assert await true_of(consented("whatsapp"))
    await shop.post(reply("STOP", wamid="wamid.stop"))
    assert await true_of(~consented("whatsapp") & unsubscribed("whatsapp"))
