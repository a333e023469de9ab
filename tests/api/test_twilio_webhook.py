"""Twilio's webhook against a real Postgres: signature, order, repetition, replies, STOP in several languages, dead numbers."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import permutations
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

from activities.channels import suppression_digest
from activities.channels.feedback import Reply, Status, Unreadable
from api.config import ApiConfig
from api.webhooks.twilio import form_of, notices, signed
from journeys.clock import Clock
from store import Database
from store.customers import suppressions
from store.customers.consent import SAID_NO, forget
from store.customers.suppressions import Suppression
from tests.api.test_webhooks import app
from tests.extent import examples

TOKEN = "twilio-token"
PUBLIC = "https://shop.example"
URL = "/v1/webhooks/twilio"
NUMBER = "+34600111222"
NOW = datetime.now(UTC).replace(microsecond=0)


@dataclass
class Shop:
    """One customer with one text message on the ledger, and the API in front of them."""

    http: httpx.AsyncClient
    database: Database
    profile: UUID
    run: UUID
    endpoint: UUID

    async def post(self, signature: str | None = None, query: str = "", **form: str) -> httpx.Response:
        headers = {"x-twilio-signature": sign(f"{PUBLIC}{URL}{query}", form) if signature is None else signature}
        kind = {"content-type": "application/x-www-form-urlencoded"}
        return await self.http.post(URL + query, content=urlencode(form), headers=headers | kind)

    async def status(self, status: str, code: int | None = None, sid: str = "SM1", key: bool = False) -> httpx.Response:
        query = f"?key={quote(f'{self.run}/sms:note/1', safe='')}" if key else ""
        more = {} if code is None else {"ErrorCode": str(code)}
        return await self.post(query=query, MessageSid=sid, MessageStatus=status, From="+15550001234", To=NUMBER, **more)

    async def text(self, body: str, sid: str = "SMin", sender: str = NUMBER, **more: str) -> httpx.Response:
        await asyncio.sleep(0.015)  # more than a second of the shop's since whatever was said before
        return await self.post(MessageSid=sid, From=sender, To="+15550001234", Body=body, NumMedia="0", **more)

    async def one(self, sql: str, *values: Any) -> Any:
        return await self.database.pool.fetchval(sql, *values)

    async def row(self) -> dict[str, Any]:
        return dict(await self.database.pool.fetchrow("select * from delivery where run_id = $1", self.run) or {})

    async def events(self) -> list[tuple[str, dict[str, Any]]]:
        rows = await self.database.pool.fetch("select type, properties from event order by type")
        return [(row["type"], row["properties"]) for row in rows]

    async def consent(self) -> str:
        return str(await self.one("select marketing from endpoint where id = $1", self.endpoint))

    async def claim(self, state: str, sid: str | None = "SM1") -> None:
        await self.database.pool.execute(
            "insert into delivery (run_id, step, occurrence, profile_id, journey, channel, purpose, template, state,"
            " endpoint_id, provider_message_id, due_at, claimed_at)"
            " values ($1, 'sms:note', 1, $2, 'cart_abandonment', 'sms', 'marketing', 'note', $3, $4, $5, $6, $6)",
            self.run, self.profile, state, self.endpoint, sid, NOW - timedelta(minutes=10),
        )  # fmt: skip

    async def allow(self) -> None:
        await self.database.pool.execute(
            "insert into consent (profile_id, channel, address, purpose, state, said_by, source, at, received_at)"
            " values ($1, 'sms', $2, 'marketing', 'granted', 'sync', 'test', $3, $3)",
            self.profile, NUMBER, NOW - timedelta(days=1),
        )  # fmt: skip


def sign(url: str, form: dict[str, str]) -> str:
    said = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.new(TOKEN.encode(), said.encode(), hashlib.sha1).digest()).decode()


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    profile, run, endpoint = uuid7(), uuid7(), uuid7()
    await database.pool.execute("insert into profile (id, created_at, updated_at) values ($1, $2, $2)", profile, NOW)
    await database.pool.execute(
        "insert into endpoint (id, profile_id, channel, address, first_seen_at, last_seen_at)"
        " values ($1, $2, 'sms', $3, $4, $4)", endpoint, profile, NUMBER, NOW - timedelta(days=1),
    )  # fmt: skip
    await database.pool.execute(
        "insert into run (id, journey, profile_id, entered_by, entered_at, workflow_id, created_at)"
        " values ($1, 'cart_abandonment', $2, 'segment', $3, $4, $3)", run, profile, NOW - timedelta(days=1), str(run),
    )  # fmt: skip
    # What is said within one second counts as said at once, and then a STOP wins: here time runs a hundred times as fast.
    # It does so from here on: since this file was imported, a day may have passed at that speed.
    clock = Clock(real_origin=datetime.now(UTC), business_origin=NOW, speed=100)
    config = ApiConfig(
        dsn="",
        clock=clock,
        secret="pepper",
        twilio_auth_token=TOKEN,
        public_url=f"{PUBLIC}/",
        stop_languages=("en", "es", "fr", "de"),
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app(config, database)), base_url="http://api") as http:
        yield Shop(http, database, profile, run, endpoint)


def test_the_signature_is_that_of_twilios_own_example() -> None:
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    given = {
        "CallSid": "CA1234567890ABCDE", "Caller": "+12349013030", "Digits": "1234", "From": "+12349013030",
        "To": "+18005551212",
    }  # fmt: skip
    form = form_of(urlencode(given).encode())
    assert signed(form, url, "0/KCTR6DLpKmkAf8muzZqo1nDgQ=", "12345")
    for token, where in (("12346", url), ("", url), ("12345", url + "0")):
        assert not signed(form, where, "0/KCTR6DLpKmkAf8muzZqo1nDgQ=", token)


@pytest.mark.parametrize("signs_for", ["https://shop.example/hook", "https://shop.example:443/hook"])
@pytest.mark.parametrize("configured", ["https://shop.example/hook", "https://shop.example:443/hook"])
def test_the_usual_port_may_be_said_or_not(signs_for: str, configured: str) -> None:
    assert signed([("A", "1")], configured, sign(signs_for, {"A": "1"}), TOKEN)
    assert not signed([("A", "1")], configured, sign("https://shop.example:8443/hook", {"A": "1"}), TOKEN)


@pytest.mark.parametrize("signature", ["", "é", "AAAA", sign(f"{PUBLIC}{URL}", {}), sign(f"http://api{URL}", {"Body": "STOP"})])
async def test_nothing_is_taken_without_twilios_signature(shop: Shop, signature: str) -> None:
    await shop.allow()
    answer = await shop.http.post(
        URL,
        content=urlencode({"MessageSid": "SM9", "From": NUMBER, "Body": "STOP"}),
        headers=[("x-twilio-signature", signature.encode())],
    )
    assert answer.status_code == 401
    assert (await shop.consent(), await shop.events()) == ("granted", [])


async def test_what_was_signed_for_another_message_is_not_taken(shop: Shop) -> None:
    await shop.claim("sent")
    told = {"MessageSid": "SM1", "MessageStatus": "delivered"}
    signature = sign(f"{PUBLIC}{URL}", told)
    assert (await shop.post(signature, **told | {"MessageStatus": "failed"})).status_code == 401
    assert (await shop.post(signature, query="?key=other", **told)).status_code == 401
    assert (await shop.post(signature, **told)).status_code == 200


async def test_it_is_answered_that_nothing_is_texted_back(shop: Shop) -> None:
    answer = await shop.text("hello")
    assert (answer.status_code, answer.text, answer.headers["content-type"].partition(";")[0]) == (
        200,
        "<Response/>",
        "text/xml",
    )


@pytest.mark.parametrize("order", list(permutations(["queued", "sent", "delivered"])))
async def test_statuses_in_any_order_give_the_same(shop: Shop, order: tuple[str, ...]) -> None:
    await shop.claim("sent")
    for status in order:
        assert (await shop.status(status)).status_code == 200
    row = await shop.row()
    assert (row["state"], row["delivered_at"] is not None) == ("sent", True)
    assert [event for event, _ in await shop.events()] == ["Message Delivered", "Message Sent"]


async def test_the_same_form_twice_is_news_once(shop: Shop) -> None:
    await shop.claim("sent")
    for _ in range(3):
        await shop.status("delivered")
        await shop.text("yes please")
    assert [event for event, _ in await shop.events()] == ["Message Delivered", "Message Replied"]


@pytest.mark.parametrize("state", ["claimed", "unconfirmed"])
async def test_a_status_settles_a_doubt_by_our_own_key(shop: Shop, state: str) -> None:
    await shop.claim(state, None)
    await shop.status("sent", sid="SMnew", key=True)
    row = await shop.row()
    assert (row["state"], row["provider_message_id"], row["reason"]) == ("sent", "SMnew", None)


@pytest.mark.parametrize(
    ("status", "code", "dead"),
    [("undelivered", 30005, True), ("undelivered", 30006, True), ("failed", 21614, True), ("undelivered", 30003, False),
     ("undelivered", 30007, False), ("failed", None, False)],
)  # fmt: skip
async def test_a_failure_kills_a_number_that_no_text_can_reach(shop: Shop, status: str, code: int | None, dead: bool) -> None:
    await shop.claim("sent")
    await shop.status(status, code)
    row = await shop.row()
    assert (row["state"], row["reason"]) == ("failed", "refused by the provider")
    assert (await shop.one("select invalid_at is not null from endpoint where id = $1", shop.endpoint)) is dead
    [(event, properties)] = await shop.events()
    assert (event, properties.get("code")) == ("Message Failed", code)


async def test_a_number_that_writes_is_alive_again(shop: Shop) -> None:
    await shop.claim("sent")
    await shop.status("undelivered", 30005)
    await shop.text("it is me")
    assert await shop.one("select invalid_at from endpoint where id = $1", shop.endpoint) is None


@pytest.mark.parametrize(
    "words", ["STOP", "baja", "ALTO", "Stop sms please", "No más SMS, gracias", "arrêt", "Abmelden!", "S T O P"]
)
async def test_a_stop_binds_the_number_and_a_start_takes_it_back(shop: Shop, words: str) -> None:
    await shop.claim("sent")
    await shop.allow()
    await shop.text(words)
    assert await shop.consent() == "withdrawn"
    assert "Unsubscribed" in [event for event, _ in await shop.events()]
    await shop.text("UNSTOP", sid="SMback")
    assert await shop.consent() == "granted"


async def test_what_twilio_takes_for_a_stop_is_one_whatever_its_words(shop: Shop) -> None:
    await shop.allow()
    await shop.text("RAUS HIER", OptOutType="STOP")
    assert await shop.consent() == "withdrawn"
    await shop.text("JAWOHL", sid="SMback", OptOutType="START")
    assert await shop.consent() == "granted"


async def test_21610_is_a_stop_that_was_said_to_twilio(shop: Shop) -> None:
    await shop.claim("sent")
    await shop.allow()
    await shop.status("failed", 21610)
    assert await shop.consent() == "withdrawn"


@pytest.mark.parametrize("words", ["Stop by my house", "don't stop", "para mañana por favor no", ""])
async def test_an_ordinary_reply_is_an_event_of_the_message_that_it_answers(shop: Shop, words: str) -> None:
    await shop.claim("sent")
    await shop.allow()
    await shop.status("sent")
    await shop.text(words)
    assert await shop.consent() == "granted"
    replied = next(properties for event, properties in await shop.events() if event == "Message Replied")
    assert (replied["text"], replied["channel"], replied["template"], replied["stops"]) == (words, "sms", "note", False)


async def test_a_strangers_words_are_kept_and_their_stop_holds(shop: Shop) -> None:
    await shop.text("BAJA", sender="+34699999999")
    assert await shop.one("select reason from dead_letter") == "no customer has this number"
    assert await shop.one("select state from consent where address = '+34699999999'") == "withdrawn"


async def test_a_stranger_s_start_that_comes_again_undoes_no_newer_stop(shop: Shop) -> None:
    """Twilio says no time: only its id of the message tells that a form was taken before."""
    stranger = {"sender": "+34699999999"}
    state = "select state from consent_of(null, 'sms', '+34699999999', 'marketing')"
    await shop.text("STOP", sid="SM0", **stranger)
    await shop.text("START", sid="SM1", **stranger)
    assert await shop.one(state) is None
    await shop.text("STOP", sid="SM2", **stranger)
    await shop.text("START", sid="SM1", **stranger)
    assert await shop.one(state) == "withdrawn"
    await shop.text("START", sid="SM3", **stranger)
    assert await shop.one(state) is None


async def test_a_start_that_comes_again_undoes_neither_the_no_of_an_erased_customer_nor_an_imported_one(shop: Shop) -> None:
    digest = partial(suppression_digest, "pepper")
    kept = "select count(*) from suppression"
    await shop.allow()
    await shop.text("START", sid="SM1")
    await shop.text("STOP", sid="SM2")
    async with shop.database.transaction() as connection:
        await forget(connection, shop.profile, digest, NOW)
        await connection.execute("delete from endpoint where id = $1", shop.endpoint)
    await shop.text("START", sid="SM1")
    assert await shop.one(kept) == 1, "heard while the number was a customer's"
    brought = "import: operator"
    await suppressions.add(
        shop.database, [Suppression("sms", digest("sms", "+34699999999"), "marketing", SAID_NO, NOW, source=brought)]
    )
    await shop.text("START", sid="SM3")
    assert await shop.one(f"{kept} where source = '{brought}'") == 1
    assert await shop.one(kept) == 1, "said for the first time, and later than the no"
    await shop.text("START", sid="SM3", sender="+34699999999")
    assert await shop.one(kept) == 1, "an id that was heard"
    await shop.text("START", sid="SM4", sender="+34699999999")
    assert await shop.one(kept) == 0


async def test_what_is_no_telephone_is_kept_as_unreadable(shop: Shop) -> None:
    await shop.text("hi", sender="whatsapp:+34600111222")
    assert (await shop.one("select reason from dead_letter")).startswith("From: String should match pattern")


@examples(200)
@given(
    st.dictionaries(st.sampled_from(["MessageSid", "MessageStatus", "From", "Body", "ErrorCode", "NumMedia", "x"]), st.text()),
    st.text(),
)
def test_whatever_comes_is_told_or_kept(form: dict[str, str], key: str) -> None:
    for told in notices(list(form.items()), key, NOW):
        assert isinstance(told, Status | Reply | Unreadable)
