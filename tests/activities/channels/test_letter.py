"""The letter's bytes, as a strict reader and both of Python's see them: what a customer typed stays text (A1, A14)."""

import re
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage, Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.channels import EmailContent, EndpointGone
from activities.channels.email.letter import Sender, letter
from activities.channels.email.mime import one_line
from activities.channels.message import Campaign
from tests.activities.channels.outgoing import SENDER, to
from tests.activities.channels.reader import Letter, read
from tests.extent import examples
from workers.settings import Settings

ANA = "ana@mail.example"
LINK = "https://shop.example/u/" + "t" * 300
NAMES = [
    "From", "To", "Subject", "Date", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post", "X-Message-Key",
    "MIME-Version", "Content-Type",
]  # fmt: skip
EVIL = [
    "=?utf-8?q?=0D=0ABcc:_v@evil.example?=",
    "=?utf-8?q?=0D=0AContent-Type:_text/html=0D=0A=0D=0A<h1>All_yours</h1>?=",
    "=?us-ascii?b?DQpCY2M6IHZAZXZpbC5leGFtcGxl?=",
    "=?utf-8?b?w6k=?= =?utf-8?b?w6k=?=",
    "=?unknown?x?y?=",
    "\r\nBcc: v@evil.example",
    "\n\n--=_",
    "\u2028Bcc: v@evil.example\x85\x0b\x0c\x1c\x1d\x1e",
    "\x00\x07\x1b[2J\x7f",
    "\ud800",
    'a"b\\c,<v@evil.example>;(x)',
    " \t ",
    "=3D=\r\n.\r\n",
    "Zoë 日本語 👩‍👩‍👧‍👦",
]
words = st.lists(st.sampled_from(EVIL) | st.text(max_size=60), min_size=1, max_size=6).map("".join)


def written(content: EmailContent, to_address: str = ANA, key: str = "r/s/1") -> bytes:
    return letter(to(to_address, content, key=key), content, SENDER, {})


def content(text: str = "Olé", **other: str) -> EmailContent:
    return EmailContent(**{"subject": text, "html": f"<p>{text}</p>", "text": text, "unsubscribe_url": LINK} | other)


def lines(text: str) -> list[str]:
    """A body's text without control characters, line by line."""
    return [one_line(line) for line in text.replace("\x85", " ").replace("\r\n", "\n").replace("\r", "\n").split("\n")]


def same_as_python(strict: Letter, raw: bytes) -> None:
    """What Python's readers, today's and the one of long ago, find in the same bytes."""
    today: EmailMessage = message_from_bytes(raw, policy=policy.default)
    old: Message = message_from_bytes(raw, policy=policy.compat32)
    for mail in (today, old):
        assert mail.keys() == strict.names
        assert not any(part.defects for part in mail.walk())
        assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]
        payloads = [part.get_payload(decode=True) for part in mail.walk() if not part.is_multipart()]
        assert payloads == [part.text.encode() for part in strict.parts]
    assert today["Subject"] == strict["Subject"]
    assert [str(address) for address in today["To"].addresses] == [ANA]


@examples(150)
@given(subject=words, text=words, name=words)
def test_whatever_a_customer_typed_the_letter_has_the_same_headers_and_one_body(subject: str, text: str, name: str) -> None:
    raw = written(content(text, subject=subject, from_name=name, html=text))
    strict = read(raw)
    assert strict.names == NAMES
    assert strict["Subject"] == one_line(subject)
    assert strict["To"] == f"<{ANA}>"
    assert strict["List-Unsubscribe"] == f"<{LINK}>"
    assert [dict(part.headers)["Content-Type"] for part in strict.parts] == [
        "text/plain; charset=utf-8",
        "text/html; charset=utf-8",
    ]
    for part in strict.parts:
        assert [line for line in lines(part.text) if line] == [line for line in lines(text) if line]
    same_as_python(strict, raw)


@pytest.mark.parametrize("evil", EVIL)
def test_an_encoded_word_in_a_customers_name_is_shown_as_it_was_typed(evil: str) -> None:
    raw = written(content(f"{evil}, your boots", from_name=f"{evil} Shop"))
    strict = read(raw)
    assert strict.names == NAMES
    assert strict["Subject"] == one_line(f"{evil}, your boots")
    [sender] = message_from_bytes(raw, policy=policy.default)["From"].addresses
    assert sender.addr_spec == "hello@shop.example"
    shown = strict["From"].removesuffix("<hello@shop.example>").strip()
    assert (shown if shown[0] != '"' else re.sub(r"\\(.)", r"\1", shown[1:-1])) == one_line(f"{evil} Shop")


@pytest.mark.parametrize("subject", ["a " * 200, "x" * 400, "é" * 400, "👩‍👩‍👧‍👦" * 60, "Ana & Luis? " * 20, "kurz"])
def test_a_long_subject_is_folded_into_short_words(subject: str) -> None:
    raw = written(content(subject=subject))
    assert read(raw)["Subject"] == one_line(subject)
    assert all(len(line) <= 78 for line in raw.split(b"\r\n") if not line.startswith(b"List-Unsubscribe:"))


@pytest.mark.parametrize("text", ["x" * 5_000, "é" * 5_000, "日本語" * 900, "a \n" * 50, ".\n..\nFrom me\n", "= = \t\n", "\n"])
def test_a_body_is_seven_bits_in_short_lines(text: str) -> None:
    raw = written(content(text, subject="Hi"))
    strict = read(raw)
    assert raw.isascii()
    assert strict.parts[0].text.splitlines() == text.splitlines()


def test_the_way_out_stands_on_one_line() -> None:
    assert f"\r\nList-Unsubscribe: <{LINK}>\r\n".encode() in written(content())


def test_every_attempt_writes_the_same_letter_but_for_its_date() -> None:
    first, again, other = (read(written(content(), key=key)) for key in ("r/s/1", "r/s/1", "r/s/2"))
    assert first["Message-ID"] == again["Message-ID"] != other["Message-ID"]
    assert first.parts == again.parts
    assert first["Message-ID"].endswith("@shop.example>")


def test_a_transactional_letter_has_no_way_out() -> None:
    receipt = EmailContent(subject="Receipt", html="<p>x</p>", text="x", from_name="Billing")
    strict = read(written(receipt))
    assert not any(name.startswith("List-") for name in strict.names)
    assert strict["From"] == "Billing <hello@shop.example>"


@pytest.mark.parametrize(
    ("address", "named"),
    [
        ("ana@español.example", "ana@xn--espaol-zwa.example"),
        ("ana@xn--espaol-zwa.example", "ana@xn--espaol-zwa.example"),
        ("ana@日本語.example", "ana@xn--wgv71a119e.example"),
        ("josé@mail.example", "josé@mail.example"),
    ],
)
def test_a_domain_of_any_script_is_named_by_its_a_label(address: str, named: str) -> None:
    """A4: RFC 5891; what stands before the @ has no other form."""
    assert read(written(content(), address))["To"] == f"<{named}>"


def test_what_is_no_address_is_a_dead_one() -> None:
    with pytest.raises(EndpointGone):
        written(content(), "x@y.example\r\nBcc: z@y.example")


def test_a_senders_domain_is_named_by_its_a_label() -> None:
    assert Sender.parse("Tienda Ñ <Hola@español.example>") == Sender("Tienda Ñ", "Hola@xn--espaol-zwa.example")


def test_what_comes_back_has_its_addresses() -> None:
    """Answers, a second way out with the link's own token (RFC 2369), what mailboxes sum up, and what bounces (VERP)."""
    sender = replace(SENDER, reply_to="care@shop.example", unsubscribe="out@shop.example", bounces="bounces@shop.example")
    campaign = Campaign(journey="cart", template="hello", purpose="marketing")
    outgoing = to(ANA, content(), key="r/s/1").model_copy(update={"campaign": campaign})
    headers = read(letter(outgoing, content(), sender, {})).headers
    told = dict(headers)
    token = LINK.rpartition("/")[2]
    assert told["List-Unsubscribe"] == f"<{LINK}>, <mailto:out@shop.example?subject={token}>"
    assert told["Reply-To"] == "<care@shop.example>"
    assert told["Feedback-ID"] == "hello:cart:marketing:shop"
    local = told["Message-ID"].strip("<>").partition("@")[0]
    assert sender.returned_to("r/s/1") == f"bounces+{local}@shop.example"
    assert len(sender.returned_to("r/s/1").partition("@")[0]) <= 64
    assert SENDER.returned_to("r/s/1") == SENDER.address


def test_a_setting_that_is_no_address_is_named() -> None:
    settings = Settings(email_from="Shop <a@shop.example>", email_bounces="nowhere", _env_file=None)
    with pytest.raises(ValueError, match="JOURNEYS_EMAIL_BOUNCES"):
        Sender.of(settings)
