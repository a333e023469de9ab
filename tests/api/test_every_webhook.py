"""Every incoming webhook of the route table: forged, old, repeated and malformed requests, 0 accepted (Show 4).

The table below is held to the API's own: a route that nobody has forged yet fails. What counts as accepted is what Postgres
holds afterwards, not what the answer says.
"""

import json
import time
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha1, sha256
from hmac import digest
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

import httpx
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from activities.channels.sms.aws import CONTEXT_KEY
from activities.channels.wallet.passes import id_of
from activities.channels.wallet.wallets import Wallets
from api.app import create_app
from api.config import ApiConfig
from tests.api import test_google_wallet as google
from tests.api.mail_shop import NOW, SECRET, MailShop, mail_shop
from tests.api.test_mail_webhooks import SVIX, TOPIC, Amazon, envelope, event, of_resend
from workers.sandbox.wallet.account import ISSUER

TEXTS = "arn:aws:sns:eu-west-1:123456789012:texts"
META, TWILIO, PUBLIC = "meta-app-secret", "twilio-token", "https://shop.example"
SERIAL = UUID(int=9)
#: What a webhook can change, but for the dead letters, where what cannot be read is kept for people.
WATCHED = ("event", "delivery", "consent", "suppression", "wallet_device", "endpoint", "dirty", "whatsapp_template")
MALFORMED = [
    b"", b"{", b"[]", b"null", b"1e999", b'"x"', b"\x00\xff\xfe", b"{}" * 3, b"[" * 50_000, b'{"entry": {"a": NaN}}',
    b'{"entry": [{"changes": "x"}], "type": 7, "data": [], "Type": "Notification"}',
    b"MessageSid&MessageStatus", b"\xed\xa0\x80=1",
    b'{"object": "whatsapp_business_account", "entry": [{"changes": [{"value": {"statuses": [{"id": null}]}}]}]}',
]  # fmt: skip

REFUSED = {400, 401, 413}

Sent = tuple[bytes, dict[str, str]]


@dataclass(frozen=True)
class Webhook:
    """One route: what its provider would send, and the same by somebody who does not know the secret."""

    path: str
    says: Callable[[MailShop], bytes]
    signs: Callable[[bytes], Sent]
    forges: Callable[[bytes], Sent]
    #: As signed so long ago; None where the signature holds no time.
    old: Callable[[MailShop], Sent] | None = None

    def genuine(self, shop: MailShop) -> Sent:
        return self.signs(self.says(shop))

    async def post(self, http: httpx.AsyncClient, sent: Sent) -> httpx.Response:
        return await http.post(f"/v1/webhooks/{self.path}", content=sent[0], headers=sent[1])


def of_meta(shop: MailShop) -> bytes:
    at = str(int((NOW - timedelta(minutes=5)).timestamp()))
    status = {"id": "wamid.1", "status": "read", "timestamp": at, "recipient_id": "34600111222"}
    changes = [{"field": "messages", "value": {"statuses": [status]}}]
    return orjson.dumps({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": changes}]})


def by_meta(body: bytes, secret: str = META) -> Sent:
    return body, {"x-hub-signature-256": "sha256=" + digest(secret.encode(), body, sha256).hex()}


def of_twilio(shop: MailShop) -> bytes:
    return urlencode({"MessageSid": "SM1", "MessageStatus": "delivered", "To": "+34600111222"}).encode()


def by_twilio(body: bytes, secret: str = TWILIO) -> Sent:
    form = httpx.QueryParams(body.decode(errors="replace"))
    said = f"{PUBLIC}/v1/webhooks/twilio" + "".join(name + value for name, value in sorted(set(form.multi_items())))
    proof = b64encode(digest(secret.encode(), said.encode(errors="replace"), sha1)).decode()
    return body, {"x-twilio-signature": proof, "content-type": "application/x-www-form-urlencoded"}


def by_resend(body: bytes, secret: str = SVIX, age: float = 0) -> Sent:
    id_, at = "msg_1", str(int(time.time() - age))
    key = b64decode(secret.removeprefix("whsec_"))
    proof = b64encode(digest(key, f"{id_}.{at}.".encode() + body, sha256)).decode()
    return body, {"svix-id": id_, "svix-timestamp": at, "svix-signature": f"v1,{proof}"}


def by_amazon(body: bytes, **more: Any) -> Sent:
    """The envelope is the body; what is no text is put into one all the same."""
    return orjson.dumps(envelope(body.decode(errors="replace"), **more)), {}


def three_hours_ago() -> str:
    return (datetime.now(UTC) - timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def of_aws(shop: MailShop) -> bytes:
    at = int((NOW - timedelta(minutes=5)).timestamp() * 1000)
    said = {
        "eventType": "TEXT_DELIVERED", "eventTimestamp": at, "isFinal": True, "destinationPhoneNumber": "+34600111222",
        "messageId": "aws-1", "messageStatus": "DELIVERED", "context": {CONTEXT_KEY: shop.key(6)},
    }  # fmt: skip
    return orjson.dumps(said)


def by_aws(body: bytes, **more: Any) -> Sent:
    return by_amazon(body, TopicArn=TEXTS, **more)


GOOGLE, STRANGER = google.Google(), google.Google()


def by_google(body: bytes, who: google.Google = GOOGLE) -> Sent:
    """Signed, whatever it says."""
    envelope = json.loads(who.says({}))
    text = body.decode(errors="replace")
    parts = "GooglePayPasses", ISSUER, "ECv2SigningOnly", text
    proof = google.signed(who.middle, google._lengths(*parts))
    return json.dumps(envelope | {"signedMessage": text, "signature": proof}).encode(), {}


def of_google(shop: MailShop, lives: float = 3600) -> bytes:
    return json.dumps(google.told(f"{ISSUER}.{SERIAL}", lives=lives)).encode()


WEBHOOKS = [
    Webhook("whatsapp", of_meta, by_meta, lambda body: by_meta(body, "another secret")),
    Webhook("twilio", of_twilio, by_twilio, lambda body: by_twilio(body, "another token")),
    Webhook(
        "resend", lambda shop: orjson.dumps(of_resend(shop, "delivered", occurrence=2)), by_resend,
        lambda body: by_resend(body, "whsec_" + b64encode(b"x" * 32).decode()),
        lambda shop: by_resend(orjson.dumps(of_resend(shop, "delivered", occurrence=2)), age=301),
    ),
    Webhook(
        "ses", lambda shop: orjson.dumps(event(shop, "Delivery")), by_amazon,
        lambda body: by_amazon(body, key=rsa.generate_private_key(65537, 2048)),
        lambda shop: by_amazon(orjson.dumps(event(shop, "Delivery")), Timestamp=three_hours_ago()),
    ),
    Webhook(
        "aws-sms", of_aws, by_aws, lambda body: by_aws(body, key=rsa.generate_private_key(65537, 2048)),
        lambda shop: by_aws(of_aws(shop), Timestamp=three_hours_ago()),
    ),
    Webhook(
        "google-wallet", of_google, by_google, lambda body: by_google(body, STRANGER),
        lambda shop: by_google(of_google(shop, -5)),
    ),
]  # fmt: skip
each = pytest.mark.parametrize("webhook", WEBHOOKS, ids=[each.path for each in WEBHOOKS])


@pytest.fixture
async def shop(database: Any) -> AsyncIterator[MailShop]:
    """Its customer was sent a message by every provider that tells something, on the real API."""
    config = ApiConfig(
        dsn="", secret=SECRET, public_url=PUBLIC, ses_topic_arn=TOPIC, aws_sms_topic_arn=TEXTS, sns_get=Amazon(),
        resend_webhook_secret=SVIX,
        whatsapp_app_secret=META, twilio_auth_token=TWILIO, google_get=GOOGLE.keys,
        wallets=cast("Wallets", SimpleNamespace(google=SimpleNamespace(issuer=ISSUER), apple=None)),
    )  # fmt: skip
    async with mail_shop(database) as found:
        await found.sent("m-1")
        await found.sent("m-2", 2)
        for occurrence, (channel, id_) in enumerate(
            (("whatsapp", "wamid.1"), ("sms", "SM1"), ("wallet", id_of(found.key(5))), ("sms", "aws-1")), 3
        ):
            await found.sent(id_, occurrence)
            await database.pool.execute("update delivery set channel = $1 where occurrence = $2", channel, occurrence)
        await database.pool.execute(
            "insert into wallet_pass values ($1, 'card', '', '{}', now(), $2, 'hello', 5)", SERIAL, found.run
        )
        transport = httpx.ASGITransport(create_app(config, database=database))
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as found.http:
            yield found


async def accepted(shop: MailShop) -> dict[str, list[str]]:
    """Everything that a webhook can change."""
    asked = {table: f"select t::text from {table} t order by 1" for table in WATCHED}
    return {table: [row[0] for row in await shop.database.pool.fetch(sql)] for table, sql in asked.items()}


def test_no_route_is_forgotten() -> None:
    paths = create_app(ApiConfig(dsn="")).openapi()["paths"]
    posted = {path for path, operations in paths.items() if "post" in operations and "webhooks" in operations["post"]["tags"]}
    assert (
        posted == {path for path in paths if path.startswith("/v1/webhooks/")} == {f"/v1/webhooks/{w.path}" for w in WEBHOOKS}
    )


@each
async def test_the_genuine_one_is_accepted_and_once_however_often_it_comes(shop: MailShop, webhook: Webhook) -> None:
    """So nothing below is refused for another reason than the one that it is about."""
    before, sent = await accepted(shop), webhook.genuine(shop)
    assert (await webhook.post(shop.http, sent)).is_success
    after = await accepted(shop)
    assert len(after["event"]) > len(before["event"])
    for _ in range(3):
        assert (await webhook.post(shop.http, sent)).is_success
        assert await accepted(shop) == after


def forged(webhook: Webhook, shop: MailShop) -> dict[str, Sent]:
    """By whoever has recorded a request, knows every format, and does not know the secret."""
    body, headers = webhook.genuine(shop)
    by_a_stranger = webhook.forges(webhook.says(shop))
    found = {"by another secret": by_a_stranger}
    if headers.keys() - {"content-type"}:
        proof = next(name for name in headers if "signature" in name)
        signed = headers[proof]
        cut = {name: value for name, value in headers.items() if name != proof}
        found |= {
            "not signed": (body, cut),
            **{f"signed {wrong!r}": (body, cut | {proof: wrong}) for wrong in ("", "v1,", "sha256=", "v1,AAAA", "x" * 4096)},
            "cut": (body, cut | {proof: signed[:-2]}),
            "another body": (body.replace(b"1", b"2"), headers),
            "a longer body": (body + (b"&a=b" if b"=" in body[:12] else b" "), headers),
            "a stranger's, beside it": (body, headers | {proof: by_a_stranger[1][proof]}),
        }
    else:  # the signature is in the body
        told = json.loads(body)
        proof = next(name for name in told if name.lower() == "signature")
        content = "Message" if "Message" in told else "signedMessage"
        found |= {
            "not signed": (orjson.dumps({name: value for name, value in told.items() if name != proof}), headers),
            **{
                f"signed {wrong!r}": (orjson.dumps(told | {proof: wrong}), headers)
                for wrong in ("", "AAAA", "?", None, 7, "x" * 999)
            },
            "cut": (orjson.dumps(told | {proof: told[proof][:-4]}), headers),
            "another body": (orjson.dumps(told | {content: told[content].replace("1", "2")}), headers),
            "a stranger's, beside it": (orjson.dumps(told | {proof: json.loads(by_a_stranger[0])[proof]}), headers),
        }
    for other in WEBHOOKS:
        if other is not webhook:
            found[f"what {other.path} signed"] = (body if headers else other.genuine(shop)[0], other.genuine(shop)[1])
    if webhook.old is not None:
        found["old"] = webhook.old(shop)
    return found


@each
async def test_what_is_forged_old_or_of_another_route_is_not_accepted(shop: MailShop, webhook: Webhook) -> None:
    before = await accepted(shop)
    answers = {name: (await webhook.post(shop.http, sent)).status_code for name, sent in forged(webhook, shop).items()}
    assert set(answers.values()) <= {400, 401}, answers
    assert await accepted(shop) == before


@each
async def test_what_is_malformed_is_not_accepted_signed_or_not(shop: MailShop, webhook: Webhook) -> None:
    before = await accepted(shop)
    for body in MALFORMED:
        answers = [await webhook.post(shop.http, sent) for sent in ((body, {}), webhook.forges(body), webhook.signs(body))]
        told = [answer.status_code for answer in answers]
        assert set(told[:2]) <= REFUSED, body
        assert told[2] in {200, 204, *REFUSED}, body
        assert await accepted(shop) == before, body


@each
async def test_where_no_secret_is_set_nobody_is_believed(shop: MailShop, webhook: Webhook) -> None:
    """Also not who signs with none."""
    bare = httpx.ASGITransport(create_app(ApiConfig(dsn="", public_url=PUBLIC), database=shop.database))
    before, body = await accepted(shop), webhook.says(shop)
    unsecured = {"whatsapp": by_meta, "twilio": by_twilio, "resend": by_resend}.get(webhook.path)
    async with httpx.AsyncClient(transport=bare, base_url="http://api") as http:
        for sent in (webhook.genuine(shop), *([unsecured(body, "")] if unsecured else [])):
            assert (await webhook.post(http, sent)).status_code in (400, 401)
    assert await accepted(shop) == before
