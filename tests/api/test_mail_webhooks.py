"""What SES (through SNS) and Resend tell, against a real Postgres: signatures, order, repetition, hostile input."""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from activities.channels.email.resend import TAG, tag_of
from activities.channels.feedback import Status, Unreadable
from api.webhooks import resend, ses
from api.webhooks.routes import router
from store import Database
from tests.api.mail_shop import NOW, MailShop, mail_shop
from tests.extent import examples

TOPIC = "arn:aws:sns:eu-west-1:123456789012:letters"
CERTIFICATE = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-abc.pem"
CONFIRM = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"
SVIX = "whsec_" + b64encode(b"signs what the second provider says").decode()
KEY = rsa.generate_private_key(65537, 2048)


def certificate(key: rsa.RSAPrivateKey, *, until: datetime = NOW + timedelta(days=30)) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
    made = made.not_valid_before(NOW - timedelta(days=60)).not_valid_after(until)
    return made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


class Amazon:
    """What stands at SNS's addresses, and who was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.pages = {CERTIFICATE: certificate(KEY), CONFIRM: b"<ConfirmSubscriptionResponse/>"}

    async def __call__(self, url: str) -> bytes:
        self.asked.append(url)
        return self.pages[url]


def envelope(message: dict[str, Any] | str, *, key: rsa.RSAPrivateKey = KEY, **more: Any) -> dict[str, Any]:
    """As SNS writes and signs one; written apart from how we read it."""
    told: dict[str, Any] = {
        "Type": "Notification", "MessageId": str(uuid4()), "TopicArn": TOPIC, "SignatureVersion": "2",
        "Message": message if isinstance(message, str) else orjson.dumps(message).decode(),
        "Timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"), "SigningCertURL": CERTIFICATE,
        "UnsubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe",
    } | more  # fmt: skip
    fields = ["Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    text = "".join(f"{name}\n{told[name]}\n" for name in fields if name in told)
    digest = hashes.SHA1() if told["SignatureVersion"] == "1" else hashes.SHA256()
    return told | {"Signature": b64encode(key.sign(text.encode(), PKCS1v15(), digest)).decode()}


@pytest.fixture
def amazon() -> Amazon:
    return Amazon()


@pytest.fixture
async def shop(database: Database, amazon: Amazon) -> AsyncIterator[MailShop]:
    settings = {"ses_topic_arn": TOPIC, "sns_get": amazon, "resend_webhook_secret": SVIX, "soft_bounces": 3}
    async with mail_shop(database, router, **settings) as shop:
        yield shop


async def by_sns(shop: MailShop, told: dict[str, Any]) -> httpx.Response:
    return await shop.http.post("/v1/webhooks/ses", content=orjson.dumps(told), headers={"content-type": "text/plain"})


def event(shop: MailShop, kind: str, *, occurrence: int = 1, id_: str = "", minutes: int = 0, **told: Any) -> dict[str, Any]:
    at = (NOW - timedelta(minutes=9 - minutes)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    headers = [{"name": "X-Message-Key", "value": shop.key(occurrence)}, {"name": "From", "value": "a@shop.example"}]
    mail = {"timestamp": at, "messageId": id_ or f"m-{occurrence}", "destination": ["ana@mail.example"], "headers": headers}
    return {"eventType": kind, "mail": mail, kind.lower(): {"timestamp": at, **told}}


def bounce(shop: MailShop, kind: str, sub_kind: str, status: str, **more: Any) -> dict[str, Any]:
    who = [{"emailAddress": "ana@mail.example", "action": "failed", "status": status, "diagnosticCode": f"smtp; 550 {status}"}]
    return event(shop, "Bounce", bounceType=kind, bounceSubType=sub_kind, bouncedRecipients=who, **more)


async def by_svix(shop: MailShop, told: Any, **headers: str) -> httpx.Response:
    body, id_, at = orjson.dumps(told), "msg_1", str(int(datetime.now(UTC).timestamp()))
    id_, at = headers.pop("id", id_), headers.pop("at", at)
    key = b"signs what the second provider says"
    signature = "v1," + b64encode(hmac.new(key, f"{id_}.{at}.".encode() + body, hashlib.sha256).digest()).decode()
    proof = {"svix-id": id_, "svix-timestamp": at, "svix-signature": signature} | headers
    return await shop.http.post("/v1/webhooks/resend", content=body, headers=proof)


def of_resend(shop: MailShop, kind: str, *, occurrence: int = 1, **told: Any) -> dict[str, Any]:
    data = {"email_id": f"m-{occurrence}", "to": ["ana@mail.example"], "tags": {TAG: tag_of(shop.key(occurrence))}}
    return {"type": f"email.{kind}", "created_at": NOW.isoformat(), "data": data | told}


async def test_everything_that_ses_tells_comes_back(shop: MailShop) -> None:
    await shop.sent()
    human = {"userAgent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17.4 Safari/605.1.15"}
    told = [
        event(shop, "Send"), event(shop, "Delivery", minutes=1), event(shop, "Open", minutes=2, userAgent="Mozilla/5.0"),
        event(shop, "Open", minutes=3, **human), event(shop, "Click", minutes=4, link="https://shop.example/boots", **human),
        event(shop, "DeliveryDelay"),
    ]  # fmt: skip
    for one in told:
        assert (await by_sns(shop, envelope(one))).status_code == 200
    kinds = [(kind, properties.get("machine")) for kind, properties in await shop.events()]
    assert kinds == [
        ("Message Sent", None), ("Message Delivered", None), ("Message Read", True), ("Message Read", False),
        ("Message Clicked", False),
    ]  # fmt: skip
    (*_, (_, clicked)) = await shop.events()
    assert (clicked["journey"], clicked["step"], clicked["link"]) == ("welcome", "hello", "https://shop.example/boots")
    row = await shop.row()
    assert row["read_at"] == NOW - timedelta(minutes=6), "a machine is no reader"


async def test_a_hard_bounce_suppresses_for_all_in_any_order_and_any_number(shop: MailShop) -> None:
    for occurrence, order in enumerate(permutations(("Send", "Delivery", "Bounce")), 1):
        await shop.sent(f"m-{occurrence}", occurrence)
        for kind in order:
            more = {"occurrence": occurrence, "minutes": order.index(kind)}
            said = bounce(shop, "Permanent", "General", "5.1.1", **more) if kind == "Bounce" else event(shop, kind, **more)
            for _ in range(2):
                assert (await by_sns(shop, envelope(said))).status_code == 200
        assert await shop.suppressed() == {("all", "hard bounce")}
        await shop.database.pool.execute("delete from suppression")
    assert len(await shop.events()) == 18
    failed = [told for kind, told in await shop.events() if kind == "Message Failed"]
    assert {(told["bounce"], told["code"]) for told in failed} == {("hard", "5.1.1")}


async def test_soft_bounces_suppress_when_there_are_enough_and_none_arrived_since(shop: MailShop) -> None:
    for occurrence in range(1, 8):
        await shop.sent(f"m-{occurrence}", occurrence)
    for occurrence in (1, 2, 2, 2):
        await by_sns(shop, envelope(bounce(shop, "Transient", "MailboxFull", "5.2.2", occurrence=occurrence)))
    assert await shop.suppressed() == set(), "one message is one bounce, however often it is told"
    await by_sns(shop, envelope(event(shop, "Delivery", occurrence=3, minutes=1)))
    for occurrence in (4, 5):
        await by_sns(shop, envelope(bounce(shop, "Transient", "General", "4.4.1", occurrence=occurrence, minutes=2)))
    assert await shop.suppressed() == set(), "one arrived in between"
    await by_sns(shop, envelope(bounce(shop, "Transient", "General", "4.4.1", occurrence=6, minutes=3)))
    assert await shop.suppressed() == {("all", "soft bounces")}


async def test_old_soft_bounces_do_not_count(shop: MailShop) -> None:
    for occurrence in (1, 2, 3):
        await shop.sent(f"m-{occurrence}", occurrence)
        said = bounce(shop, "Transient", "General", "4.4.1", occurrence=occurrence)
        said["bounce"]["timestamp"] = (NOW - timedelta(days=15 if occurrence < 3 else 1)).isoformat()
        await by_sns(shop, envelope(said))
    assert await shop.suppressed() == set()


@pytest.mark.parametrize(
    ("kind", "sub_kind", "status"),
    [("Permanent", "General", "5.7.1"), ("Transient", "ContentRejected", "5.6.0"), ("Permanent", "MessageTooLarge", "5.3.4")],
)
async def test_what_is_about_us_or_the_letter_suppresses_nobody(shop: MailShop, kind: str, sub_kind: str, status: str) -> None:
    for occurrence in (1, 2, 3, 4):
        await shop.sent(f"m-{occurrence}", occurrence)
        await by_sns(shop, envelope(bounce(shop, kind, sub_kind, status, occurrence=occurrence)))
    assert await shop.suppressed() == set()
    assert (await shop.row())["state"] == "failed"


async def test_a_complaint_suppresses_marketing_and_is_a_no(shop: MailShop) -> None:
    await shop.sent()
    told = event(shop, "Complaint", complaintFeedbackType="abuse", complainedRecipients=[{"emailAddress": "ana@mail.example"}])
    for _ in range(2):
        await by_sns(shop, envelope(told))
    assert await shop.suppressed() == {("marketing", "complaint")}
    assert await shop.consent() == "withdrawn"
    assert [kind for kind, _ in await shop.events()] == ["Message Complained", "Unsubscribed"]
    await by_sns(shop, envelope(event(shop, "Complaint", id_="m-2", complaintFeedbackType="not-spam")))
    assert len(await shop.events()) == 2


async def test_an_event_settles_a_doubt_by_our_key(shop: MailShop) -> None:
    await shop.sent(None, state="unconfirmed")
    await by_sns(shop, envelope(event(shop, "Delivery", id_="never-learned")))
    row = await shop.row()
    assert (row["state"], row["provider_message_id"]) == ("sent", "never-learned")


@pytest.mark.parametrize("version", ["1", "2"])
async def test_a_subscription_to_our_topic_is_confirmed(shop: MailShop, amazon: Amazon, version: str) -> None:
    told = {"Type": "SubscriptionConfirmation", "Token": "t", "SubscribeURL": CONFIRM, "SignatureVersion": version}
    assert (await by_sns(shop, envelope("You have chosen to subscribe", **told))).status_code == 200
    assert amazon.asked == [CERTIFICATE, CONFIRM]


ELSEWHERE = [
    "https://sns.eu-west-1.amazonaws.com.evil.example/x.pem", "http://sns.eu-west-1.amazonaws.com/x.pem",
    "https://evil.example/sns.eu-west-1.amazonaws.com/x.pem", "https://sns.eu-west-1.amazonaws.com@evil.example/x.pem",
    "https://evil.example#.sns.eu-west-1.amazonaws.com/x.pem", "https://s3.eu-west-1.amazonaws.com/bucket/x.pem",
    "https://sns.eu-west-1.amazonaws.com:8443/x.pem", "file:///etc/passwd", "https://127.0.0.1/x.pem", "//x.pem", "",
    "https://sns.eu-west-1.amazonaws.com\\@evil.example/x.pem", "https://sns.eu-west-1.amazonaws.com/x", "https://[::1/x.pem",
]  # fmt: skip


@pytest.mark.parametrize("url", ELSEWHERE)
async def test_nobody_is_asked_but_amazon(shop: MailShop, amazon: Amazon, url: str) -> None:
    amazon.pages[url] = certificate(KEY)
    told = event(shop, "Delivery")
    assert (await by_sns(shop, envelope(told, SigningCertURL=url))).status_code == 401
    confirmation = {"Type": "SubscriptionConfirmation", "Token": "t", "SubscribeURL": url}
    if not url.endswith("amazonaws.com/x"):
        assert (await by_sns(shop, envelope("subscribe", **confirmation))).status_code == 401
        assert url not in amazon.asked


FORGED: list[Callable[[dict[str, Any]], dict[str, Any]]] = [
    lambda told: told | {"Message": told["Message"].replace("Delivery", "Bounce")},
    lambda told: told | {"TopicArn": "arn:aws:sns:eu-west-1:666:theirs"},
    lambda told: told | {"Signature": b64encode(b"x" * 256).decode()},
    lambda told: told | {"Signature": "%"},
    lambda told: told | {"Subject": "Bounce"},
    lambda told: told | {"SignatureVersion": "1"},
    lambda told: told | {"Type": "UnsubscribeConfirmation"},
]


@pytest.mark.parametrize("forge", FORGED)
async def test_a_forged_message_is_not_taken(shop: MailShop, forge: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    await shop.sent()
    assert (await by_sns(shop, forge(envelope(event(shop, "Delivery"))))).status_code == 401
    assert await shop.events() == []


async def test_others_and_old_ones_are_not_taken(shop: MailShop, amazon: Amazon) -> None:
    """Anybody's topic is signed by the same certificates; a message that was recorded is worth nothing after two hours."""
    await shop.sent()
    told, stranger = event(shop, "Delivery"), rsa.generate_private_key(65537, 2048)
    old = (datetime.now(UTC) - timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    for wrong in (envelope(told, key=stranger), envelope(told, TopicArn=TOPIC + "x"), envelope(told, Timestamp=old)):
        assert (await by_sns(shop, wrong)).status_code == 401
    expired = CERTIFICATE.replace("abc", "old")
    amazon.pages[expired] = certificate(KEY, until=NOW - timedelta(days=1))
    assert (await by_sns(shop, envelope(told, SigningCertURL=expired))).status_code == 401
    assert await shop.events() == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"Type": "Notification"}', b"\xff", b'{"Type": {"a": 1}}'])
async def test_what_is_no_message_is_told(shop: MailShop, body: bytes) -> None:
    assert (await shop.http.post("/v1/webhooks/ses", content=body)).status_code == 400


async def test_without_a_topic_or_a_secret_nobody_is_believed(database: Database, amazon: Amazon) -> None:
    async with mail_shop(database, router, sns_get=amazon) as shop:
        assert (await by_sns(shop, envelope(event(shop, "Delivery"), TopicArn=""))).status_code == 401
        assert (await by_svix(shop, of_resend(shop, "delivered"))).status_code == 401


async def test_what_resend_tells_comes_back(shop: MailShop) -> None:
    await shop.sent(None, state="unconfirmed")
    bad = {"type": "Permanent", "subType": "NoEmail", "message": "…", "diagnosticCode": ["smtp; 550 5.1.1 user unknown"]}
    for n, told in enumerate(
        [of_resend(shop, "delivered"), of_resend(shop, "bounced", bounce=bad), of_resend(shop, "complained")]
    ):
        assert (await by_svix(shop, told, id=f"msg_{n}")).status_code == 200
    assert await shop.suppressed() == {("all", "hard bounce"), ("marketing", "complaint")}
    assert (await shop.row())["provider_message_id"] == "m-1"
    link = {"link": "https://shop.example/a", "userAgent": "curl/8", "ipAddress": "192.0.2.1", "timestamp": NOW.isoformat()}
    await by_svix(shop, of_resend(shop, "clicked", click=link), id="msg_9")
    (*_, (kind, clicked)) = [each for each in await shop.events() if each[0] == "Message Clicked"]
    assert (kind, clicked["machine"]) == ("Message Clicked", True)
    assert "192.0.2.1" not in str(await shop.events())


async def test_resends_tags_come_as_a_list_as_well(shop: MailShop) -> None:
    await shop.sent(None, state="claimed")
    told = of_resend(shop, "delivered", tags=[{"name": TAG, "value": tag_of(shop.key())}])
    assert (await by_svix(shop, told)).json()["taken"] == 1


async def test_a_forged_or_old_notification_of_resend_is_not_taken(shop: MailShop) -> None:
    await shop.sent()
    told, old = of_resend(shop, "delivered"), str(int((NOW - timedelta(minutes=6)).timestamp()))
    replayed = {"svix-signature": "v1,AAAA"}
    for headers in (
        {"at": old},
        {"svix-timestamp": "1"},
        {"svix-id": "other"},
        replayed,
        {"at": "soon"},
        {"id": "a.b"},
        *({"at": at} for at in ("9" * 400, "nan", "-1")),
    ):
        assert (await by_svix(shop, told, **headers)).status_code == 401
    assert await shop.events() == []


async def test_what_cannot_be_read_is_kept_with_its_reason(shop: MailShop) -> None:
    assert (await by_sns(shop, envelope("not json"))).json() == {"taken": 0, "dead_letters": 1}
    assert (await by_sns(shop, envelope({"eventType": "Open"}))).json()["dead_letters"] == 1
    assert (await by_svix(shop, {"type": "email.new", "created_at": NOW.isoformat(), "data": {"email_id": "x"}})).json()[
        "dead_letters"
    ] == 1
    assert (await by_svix(shop, [])).status_code == 400


nothing = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=20)
trees = st.recursive(
    nothing, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
)


@given(st.sampled_from(["Bounce", "Open", "Click", "Complaint", "x", None]), trees, trees)
@examples(100)
def test_whatever_is_told_is_a_status_or_kept(kind: str | None, mail: Any, told: Any) -> None:
    said = {"eventType": kind, "mail": mail, str(kind).lower(): told}
    for notice in ses.notices(orjson.dumps(said, option=orjson.OPT_NON_STR_KEYS).decode(), "w", NOW):
        assert isinstance(notice, Status | Unreadable)
    for notice in resend.notices(orjson.dumps({"type": f"email.{kind}", "data": mail, "created_at": told}), "w", NOW):
        assert isinstance(notice, Status | Unreadable)
