"""What AWS tells of text messages through SNS, against a real Postgres: each kind of event, STOP, dead numbers, whose it is."""

import gzip
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import botocore
import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

from activities.channels.feedback import Reply, Status, Unreadable
from activities.channels.sms.aws import CONTEXT_KEY
from api.config import ApiConfig
from api.webhooks.aws_sms import notices
from store import Database
from tests.api.test_mail_webhooks import Amazon, envelope
from tests.api.test_webhooks import app
from tests.extent import examples

TOPIC = "arn:aws:sns:eu-west-1:123456789012:texts"
URL = "/v1/webhooks/aws-sms"
NUMBER, OURS = "+34600111222", "+34600000001"
NOW = datetime.now(UTC).replace(microsecond=0)


class Shop:
    """One customer with one text message on the ledger, and the API in front of them."""

    def __init__(self, http: httpx.AsyncClient, database: Database) -> None:
        self.http, self.database = http, database
        self.profile, self.run, self.endpoint = (UUID(str(uuid7())) for _ in range(3))

    async def moves_in(self, state: str, id_: str | None = "m-1") -> None:
        pool = self.database.pool
        await pool.execute("insert into profile (id, created_at, updated_at) values ($1, $2, $2)", self.profile, NOW)
        await pool.execute(
            "insert into endpoint (id, profile_id, channel, address, first_seen_at, last_seen_at)"
            " values ($1, $2, 'sms', $3, $4, $4)", self.endpoint, self.profile, NUMBER, NOW - timedelta(days=1),
        )  # fmt: skip
        await pool.execute(
            "insert into run (id, journey, profile_id, entered_by, entered_at, workflow_id, created_at)"
            " values ($1, 'cart', $2, 'segment', $3, $4, $3)", self.run, self.profile, NOW - timedelta(days=1), str(self.run),
        )  # fmt: skip
        await pool.execute(
            "insert into delivery (run_id, step, occurrence, profile_id, journey, channel, purpose, template, state,"
            " endpoint_id, provider, provider_message_id, due_at, claimed_at)"
            " values ($1, 'sms:note', 1, $2, 'cart', 'sms', 'marketing', 'note', $3, $4, 'aws-sms', $5, $6, $6)",
            self.run, self.profile, state, self.endpoint, id_, NOW - timedelta(minutes=10),
        )  # fmt: skip

    async def tells(self, said: dict[str, Any] | str, **more: Any) -> httpx.Response:
        return await self.http.post(URL, content=orjson.dumps(envelope(said, **({"TopicArn": TOPIC} | more))))

    async def event(self, kind: str, *, minutes: int = 0, final: bool = True, **more: Any) -> None:
        """As AWS's guide shows one."""
        at = int((NOW - timedelta(minutes=5 - minutes)).timestamp() * 1000)
        said = {
            "eventType": kind, "eventVersion": "1.0", "eventTimestamp": at, "isFinal": final, "originationPhoneNumber": OURS,
            "destinationPhoneNumber": NUMBER, "isoCountryCode": "ES", "messageId": "m-1", "messageRequestTimestamp": at,
            "messageEncoding": "GSM", "messageType": "PROMOTIONAL", "messageStatus": kind.removeprefix("TEXT_"),
            "context": {CONTEXT_KEY: f"{self.run}/sms:note/1"}, "totalMessageParts": 1, "totalMessagePrice": 0.0358,
        }  # fmt: skip
        answer = await self.tells(said | more)
        assert answer.status_code == 200, answer.text

    async def text(self, body: str, id_: str = "in-1", sender: str = NUMBER, **more: Any) -> httpx.Response:
        said = {"originationNumber": sender, "destinationNumber": OURS, "messageKeyword": "KEYWORD_1", "messageBody": body}
        return await self.tells(said | {"inboundMessageId": id_, "previousPublishedMessageId": "m-1"} | more)

    async def row(self) -> dict[str, Any]:
        return dict(await self.database.pool.fetchrow("select * from delivery") or {})

    async def events(self) -> list[tuple[str, dict[str, Any]]]:
        rows = await self.database.pool.fetch("select type, properties from event order by ts, received_at, type")
        return [(row["type"], row["properties"]) for row in rows]


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    config = ApiConfig(dsn="", secret="pepper", aws_sms_topic_arn=TOPIC, sns_get=Amazon())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app(config, database)), base_url="http://api") as http:
        yield Shop(http, database)


def kinds() -> list[str]:
    """All that Amazon's own description of the API says may be told of a text."""
    folder = Path(botocore.__file__).parent / "data" / "pinpoint-sms-voice-v2" / "2022-03-31"
    (file,) = folder.glob("service-2.json*")
    told = json.loads(gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes())
    return [each for each in told["shapes"]["EventType"]["enum"] if each.startswith("TEXT_") and each != "TEXT_ALL"]


@pytest.mark.parametrize("kind", kinds())
async def test_every_kind_of_event_becomes_one_of_ours(shop: Shop, kind: str) -> None:
    await shop.moves_in("sent")
    for _ in range(2):
        await shop.event(kind)
    [(name, told)] = await shop.events()
    ours = {"TEXT_DELIVERED": "Message Delivered", "TEXT_SUCCESSFUL": "Message Delivered"}
    ours |= dict.fromkeys(("TEXT_SENT", "TEXT_PENDING", "TEXT_QUEUED", "TEXT_UNKNOWN"), "Message Sent")
    assert name == ours.get(kind, "Message Failed")
    bounces = {"TEXT_INVALID": "hard", "TEXT_UNREACHABLE": "soft", "TEXT_CARRIER_UNREACHABLE": "soft"}
    assert told.get("bounce") == bounces.get(kind)
    assert (told["journey"], told["step"], told.get("code")) == (
        "cart", "sms:note", kind.removeprefix("TEXT_") if name == "Message Failed" else None,
    )  # fmt: skip
    assert (await shop.row())["state"] == ("failed" if name == "Message Failed" else "sent")
    dead = await shop.database.pool.fetchval("select invalid_at is not null from endpoint")
    assert dead is (kind == "TEXT_INVALID")


async def test_what_the_carrier_took_and_tells_more_of_has_not_arrived_yet(shop: Shop) -> None:
    await shop.moves_in("sent")
    await shop.event("TEXT_SUCCESSFUL", final=False)
    assert (await shop.row())["delivered_at"] is None
    await shop.event("TEXT_DELIVERED", minutes=2)
    assert (await shop.row())["delivered_at"] == NOW - timedelta(minutes=3)


async def test_an_event_settles_a_doubt_by_our_key(shop: Shop) -> None:
    await shop.moves_in("claimed", None)
    await shop.event("TEXT_QUEUED", messageId="m-new", final=False)
    row = await shop.row()
    assert (row["state"], row["provider_message_id"]) == ("sent", "m-new")


async def test_a_text_is_an_answer_to_the_message_that_aws_names(shop: Shop) -> None:
    await shop.moves_in("sent")
    for _ in range(2):  # SNS may post again
        await shop.text("Is it in blue?")
    [(kind, told)] = await shop.events()
    assert (kind, told["text"], told["run_id"]) == ("Message Replied", "Is it in blue?", str(shop.run))


@pytest.mark.parametrize("said", [{"body": "STOP"}, {"body": "baja"}, {"body": "Arret", "messageKeyword": "STOP"}])
async def test_stop_withdraws(shop: Shop, said: dict[str, str]) -> None:
    await shop.moves_in("sent")
    await shop.text(**said)  # type: ignore[arg-type]
    assert await shop.database.pool.fetchval("select marketing from endpoint") == "withdrawn"
    assert [kind for kind, _ in await shop.events()] == ["Message Replied", "Unsubscribed"]


async def test_strangers_are_kept_and_their_stop_holds(shop: Shop) -> None:
    await shop.moves_in("sent")
    await shop.text("STOP", sender="+34699999999")
    assert await shop.database.pool.fetchval("select reason from dead_letter") == "no customer has this number"
    assert await shop.database.pool.fetchval("select state from consent where address = '+34699999999'") == "withdrawn"


@pytest.mark.parametrize("more", [{"TopicArn": TOPIC + "x"}, {"Timestamp": "2020-01-01T00:00:00.000Z"}])
async def test_what_is_anothers_or_old_is_not_taken(shop: Shop, more: dict[str, str]) -> None:
    await shop.moves_in("sent")
    said = {"originationNumber": NUMBER, "messageBody": "STOP", "inboundMessageId": "in-1"}
    answer = await shop.tells(said, **more)
    assert answer.status_code == 401, answer.text
    assert more.get("TopicArn") is None or "JOURNEYS_AWS_SMS_TOPIC_ARN" in answer.text
    forged = envelope(said, TopicArn=TOPIC) | {"Message": orjson.dumps(said | {"messageBody": "START"}).decode()}
    assert (await shop.http.post(URL, content=orjson.dumps(forged))).status_code == 401
    assert await shop.events() == []


@given(
    kind=st.none() | st.sampled_from(["TEXT_DELIVERED", "TEXT_NEW", "VOICE_ANSWERED"]) | st.text(max_size=9),
    more=st.dictionaries(st.sampled_from(["messageId", "eventTimestamp", "context", "inboundMessageId", "originationNumber"]),
                         st.none() | st.integers() | st.text(max_size=9) | st.dictionaries(st.text(max_size=3), st.integers())),
)  # fmt: skip
@examples(200)
def test_whatever_is_told_is_understood_or_kept(kind: str | None, more: dict[str, Any]) -> None:
    told = {"messageId": "m", "eventTimestamp": 1_700_000_000_000, "eventType": kind} | more
    for message in (json.dumps(told), json.dumps([told]), str(kind)):
        for each in notices(message, "2026-01-01T00:00:00Z", NOW):
            assert isinstance(each, (Status, Reply, Unreadable))
