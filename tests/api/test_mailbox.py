"""Mail that comes back: bounces, complaints and unsubscriptions as servers write them, and what hostile ones send."""

import re
from base64 import encodebytes
from collections.abc import AsyncIterator
from datetime import timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.channels import sign_unsubscribe
from activities.channels.email.letter import message_id
from activities.channels.email.unsubscribe import Unsubscription
from activities.channels.feedback import Status
from api.config import ApiConfig
from api.webhooks.mailbox import LARGEST, Ignored, read, take
from store import Database
from store.deliveries.ledger import MessageKey
from tests.activities.channels.outgoing import SENDER
from tests.api.mail_shop import NOW, SECRET, MailShop, mail_shop
from tests.extent import examples

CONFIG = ApiConfig(dsn="", secret=SECRET, mail_domain=SENDER.domain, soft_bounces=2)


def returned(key: str) -> str:
    ours = f"Message-ID: {message_id(key, SENDER)}\nX-Message-Key: {key}\n"
    return f"Received: by mx\nFrom: Shop <hello@shop.example>\n{ours}Subject: hi\n"


def report(
    kind: str, machine: str, original: str, *, to: str = "bounces@shop.example", of: str = "text/rfc822-headers"
) -> bytes:
    """A report as Postfix writes one."""
    date = format_datetime(NOW - timedelta(minutes=1))
    told = f"""From: MAILER-DAEMON@mx.example (Mail Delivery System)
To: {to}
Date: {date}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type={kind}; boundary="B/mx"

--B/mx
Content-Type: text/plain; charset=us-ascii

This is the mail system. <somebody@else.example>: unknown user

--B/mx
Content-Type: message/{kind}

{machine}
--B/mx
Content-Type: {of}

{original}
--B/mx--
"""
    return told.replace("\n", "\r\n").encode()


def dsn(action: str, status: str, diagnostic: str, key: str, **more: str) -> bytes:
    machine = f"""Reporting-MTA: dns; mx.example
Arrival-Date: Sun, 29 Nov 2026 04:00:00 +0000

Final-Recipient: rfc822; victim@bank.example
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {diagnostic}
"""
    return report("delivery-status", machine, more.pop("original", returned(key)), **more)


def arf(kind: str, key: str) -> bytes:
    machine = f"Feedback-Type: {kind}\nUser-Agent: SomeGenerator/1.0\nVersion: 1\n"
    return report("feedback-report", machine, returned(key) + "\nbody\n", of="message/rfc822")


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[MailShop]:
    async with mail_shop(database) as shop:
        for occurrence in (1, 2, 3):
            await shop.sent(message_id(shop.key(occurrence), SENDER), occurrence)
        yield shop


async def test_a_hard_bounce_suppresses_the_address_that_the_ledger_knows(shop: MailShop) -> None:
    """Whatever the report names: it may be anybody's."""
    mail = dsn("failed", "5.1.1", "550 5.1.1 user unknown", shop.key())
    assert await take(CONFIG, shop.database, mail) == "hard bounce"
    assert await take(CONFIG, shop.database, mail) == "hard bounce, known already or of no message of ours"
    assert await shop.suppressed() == {("all", "hard bounce")}
    assert await shop.database.pool.fetchval("select count(*) from suppression") == 1
    ((kind, told),) = await shop.events()
    assert (kind, told["code"], told["bounce"]) == ("Message Failed", "5.1.1", "hard")
    assert (await shop.row())["state"] == "failed"


@pytest.mark.parametrize(
    ("action", "status", "diagnostic", "told"),
    [
        ("failed", "5.0.0", "550 No such user here", "hard bounce"), ("failed", "5.2.2", "552 mailbox full", "soft bounce"),
        ("failed", "4.4.7", "delivery time expired", "soft bounce"), ("failed", "5.7.1", "550 blocked by policy", "failed"),
        ("failed", "5.0.0", "550 go away", "failed"), ("delivered", "2.0.0", "ok", "delivered"),
        ("relayed", "2.0.0", "ok", "sent"),
        ("delayed", "4.4.1", "no answer", "ignored: it is not settled, or has no status"),
        ("failed", "oops", "x", "ignored: it is not settled, or has no status"),
    ],
)  # fmt: skip
async def test_each_report_is_told_apart(shop: MailShop, action: str, status: str, diagnostic: str, told: str) -> None:
    assert await take(CONFIG, shop.database, dsn(action, status, diagnostic, shop.key())) == told


async def test_enough_soft_bounces_suppress(shop: MailShop) -> None:
    for occurrence in (1, 2):
        assert await shop.suppressed() == set()
        await take(CONFIG, shop.database, dsn("failed", "4.4.7", "expired", shop.key(occurrence)))
    assert await shop.suppressed() == {("all", "soft bounces")}


async def test_a_report_without_the_letter_is_known_by_where_it_went(shop: MailShop) -> None:
    bounces = message_id(shop.key(), SENDER).strip("<>").partition("@")[0]
    mail = dsn("failed", "5.1.1", "550", shop.key(), original="", to=f"<bounces+{bounces}@shop.example>")
    assert await take(CONFIG, shop.database, mail) == "hard bounce"
    nowhere = dsn("failed", "5.1.1", "550", shop.key(), original="")
    assert await take(CONFIG, shop.database, nowhere) == "ignored: it returns no message of ours"


async def test_a_complaint_ends_marketing(shop: MailShop) -> None:
    assert await take(CONFIG, shop.database, arf("not-spam", shop.key())) == "ignored: it is no complaint"
    assert await take(CONFIG, shop.database, arf("abuse", shop.key())) == "complained"
    assert await shop.suppressed() == {("marketing", "complaint")}
    assert await shop.consent() == "withdrawn"


async def test_a_letter_with_our_token_unsubscribes(shop: MailShop) -> None:
    token = sign_unsubscribe(SECRET, shop.profile, "email", "marketing", shop.key())
    folded = f"Subject: Unsubscribe\r\n {token[:90]}\r\n {token[90:]}\r\n\r\nplease\r\n".encode()
    assert await take(CONFIG, shop.database, folded.replace(b"Unsubscribe\r\n ", b"")) == "unsubscribed"
    assert await shop.consent() == "withdrawn"
    ((kind, told),) = await shop.events()
    assert (kind, told["source"], told["journey"]) == ("Unsubscribed", "mailto", "welcome")
    forged = token[:-4] + ("AAAA" if not token.endswith("AAAA") else "BBBB")
    for mail in (f"Subject: {forged}\r\n\r\n", "Subject: please unsubscribe\r\n\r\n", "Subject: STOP\r\n\r\nSTOP"):
        assert (await take(CONFIG, shop.database, mail.encode())).startswith("ignored")


async def test_nobody_bounces_what_was_never_sent(shop: MailShop) -> None:
    other = f"{shop.run}/other/1"
    told = await take(CONFIG, shop.database, dsn("failed", "5.1.1", "550 unknown", other))
    assert told == "hard bounce, known already or of no message of ours"
    assert await shop.suppressed() == set()


KEY = "0190a1b2-0000-7000-8000-000000000001/hello/1"
GOOD = dsn("failed", "5.1.1", "550 5.1.1 user unknown", KEY)
HOSTILE = [
    b"", b"\x00" * 5000, b"\xff\xfe", GOOD[:200], GOOD * 2, GOOD + b"x" * LARGEST,
    b"Content-Type: multipart/report; report-type=delivery-status; boundary=x\r\n\r\n",
    b"Content-Type: multipart/report; report-type=delivery-status\r\n\r\n--x\r\n\r\n",
    b"Content-Type: multipart/report; report-type*=utf-16''%ff; boundary=x\r\n\r\n--x\r\n\r\n--x--",
    GOOD.replace(b"Status: 5.1.1", b"Status: 5.1.1\r\nStatus: 2.0.0"),
    GOOD.replace(b"Action: failed", b"Action: =?utf-8?q?failed?="),
    GOOD.replace(b"\r\nFinal-Recipient", b"\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\nFinal-Recipient"),
    GOOD.replace(b"Message-ID: <", b"Message-ID: <evil@evil.example> <"),
    GOOD.replace(b"@shop.example>", b"@" + b"a" * 300 + b">"),
    GOOD.replace(b"text/rfc822-headers", b"application/pdf"), GOOD.replace(b"Date: ", b"Date: =?x?"),
    b"".join(b"Content-Type: multipart/report; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(3000)),
    b"Subject: " + b"A" * 100_000 + b"\r\n\r\n", b"Subject: =?utf-8?b?" + b"/" * 5000 + b"?=\r\n\r\n",
    b"To: " + b"<bounces+" * 20_000 + b"\r\nContent-Type: multipart/report; boundary=x\r\n\r\n--x--",
    re.sub(rb"Date: [^\r]*", b"Date: Mon, 20 Nov 1995 19:12:08 +" + b"9" * 20, GOOD),
    re.sub(rb"Date: [^\r]*", b"Date: Mon, 20 Nov 99999999999999999999 19:12:08 +0000", GOOD),
]  # fmt: skip
#: What took seconds to minutes to read, because Python's reader takes the square of it.
SLOW = {
    "parameters": b"Content-Type: multipart/report; "
    + b"".join(b"report-type*%d=x; " % n for n in range(50_000))
    + b"\r\n\r\n",
    "parameters of a part": GOOD.replace(b"message/delivery-status", b"message/delivery-status; " + b"a; " * 50_000),
    "addresses": GOOD.replace(b"text/rfc822-headers", b"text/plain").replace(b"To: ", b"To: " + b"<a@b>," * 50_000),
    "headers": b"a: b\r\n" * 100_000 + GOOD,
    "parts": GOOD.replace(b"--B/mx\r\nContent-Type: message", b"--B/mx\r\n\r\n" * 50_000 + b"--B/mx\r\nContent-Type: message"),
}


@pytest.mark.parametrize("raw", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_mail_does_nothing_or_what_a_good_one_does(raw: bytes) -> None:
    told = read(CONFIG, raw, NOW)
    assert isinstance(told, Ignored) or (isinstance(told, Status) and told.provider_message_id == message_id(KEY, SENDER))


@pytest.mark.parametrize("raw", SLOW.values(), ids=SLOW)
def test_what_would_take_long_to_read_is_not_read(raw: bytes) -> None:
    assert read(CONFIG, raw, NOW) == Ignored("it cannot be read")


def test_boundaries_within_a_part_are_not_looked_for() -> None:
    """A letter comes back with parts of its own, however many and however deep."""
    inner = (
        b"Content-Type: multipart/mixed; boundary=y\r\n\r\n"
        + b"--y\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n" * 5_000
    )
    told = read(CONFIG, GOOD.replace(b"Subject: hi\r\n", b"Subject: hi\r\n" + inner), NOW)
    assert isinstance(told, Status)
    assert (told.code, told.gone) == ("5.1.1", True)


def test_headers_that_come_back_encoded_are_read() -> None:
    headers = encodebytes(returned(KEY).encode()).decode()
    encoded = dsn("failed", "5.1.1", "550", KEY, original="X").replace(
        b"rfc822-headers\r\n\r\nX", b"rfc822-headers\r\nContent-Transfer-Encoding: base64\r\n\r\n" + headers.encode()
    )
    told = read(CONFIG, encoded, NOW)
    assert isinstance(told, Status)
    assert told.key == MessageKey.parse(KEY)


@given(st.binary(max_size=60), st.integers(0, len(GOOD)), st.integers(0, 80))
@examples(300)
def test_whatever_is_broken_in_a_report_it_is_read_or_left(junk: bytes, at: int, cut: int) -> None:
    told = read(CONFIG, GOOD[:at] + junk + GOOD[at + cut :], NOW)
    assert isinstance(told, Ignored | Status | Unsubscription)
    if isinstance(told, Ignored):
        assert "example" not in told.why
