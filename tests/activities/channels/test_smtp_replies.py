"""Refusals of real relays: who does not exist, and who must not be suppressed because a relay dislikes us (A4, A6, A17)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiosmtplib
import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from activities.channels import EmailContent, EndpointGone, Refused, Smtp, TryLater
from activities.channels.email.smtp_brake import IN_A_ROW, PAUSE, Brake
from activities.channels.email.smtp_pool import Deadlines
from activities.channels.email.smtp_replies import Unwelcome, recipient_refused
from tests.activities.channels.outgoing import SENDER, to

LETTER = EmailContent(subject="Hi", html="<p>x</p>", text="x")

DEAD = [
    "550 5.1.1 The email account that you tried to reach does not exist. Please try double-checking",
    "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
    "551 5.1.6 moved, no forwarding address",
    "550 5.2.1 The email account that you tried to reach is disabled",
    "550 No such user here",
    "550 <ana@mail.example>: user unknown",
    "550 Unknown recipient",
    "550 5.0.0 <ana@mail.example>... User unknown",
    "554 delivery error: This user doesn't exist",
    "550 mailbox not found",
    "550 #5.1.0 Address does not exist",
    "553 sorry, no mailbox here by that name",
]
UNWELCOME = [
    "550 relay not permitted",
    "550 5.7.1 Unable to relay",
    "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
    "554 5.7.1 Service unavailable; Client host [203.0.113.7] blocked using zen.spamhaus.org",
    "550 High probability of spam: no such user",
    "550 Your IP 5.1.1.7 is on our block list",
    "550 Your IP is 5.1.1.77, see https://block.example",
    "550 rate limit exceeded, 5.7.28",
    "550 5.4.5 Daily sending quota exceeded",
    "550 Requested action not taken: mailbox unavailable",
    "550 Sender verify failed: unknown user",
    "530 5.7.0 Authentication required",
    "554 5.5.1 Error: no valid recipients",
    "550 Access denied, user unknown",
    "500 5.5.2 Error: bad syntax",
]
ABOUT_THIS_ONE = [
    "553 5.1.3 The recipient address is not a valid RFC 5321 address",
    "550 5.1.2 Host unknown",
    "550 5.2.3 Too long",
]
LATER = [
    "552 5.2.2 Mailbox full",
    "550 5.2.2 user is over quota",
    "552 mailbox is full",
    "554 mailbox over quota",
    "550 Mailbox quota exceeded",
    "451 4.7.1 Greylisted",
    "450 4.1.1 user unknown in virtual table",
]


def told(reply: str) -> Exception:
    code, _, text = reply.partition(" ")
    return recipient_refused(aiosmtplib.SMTPRecipientRefused(int(code), text, "ana@mail.example"))


@pytest.mark.parametrize("reply", DEAD)
def test_only_a_reply_that_says_so_means_that_nobody_is_there(reply: str) -> None:
    assert isinstance(told(reply), EndpointGone)


@pytest.mark.parametrize("reply", UNWELCOME)
def test_a_refusal_of_ours_does_not_bury_an_address(reply: str) -> None:
    assert isinstance(told(reply), Unwelcome)


@pytest.mark.parametrize("reply", ABOUT_THIS_ONE)
def test_a_refusal_of_one_recipient_neither_buries_it_nor_counts_against_the_relay(reply: str) -> None:
    assert type(told(reply)) is Refused


@pytest.mark.parametrize("reply", LATER)
def test_a_full_mailbox_may_be_emptied(reply: str) -> None:
    assert isinstance(told(reply), TryLater)


def test_a_replys_text_stays_out_of_the_error() -> None:
    assert "mail.example" not in str(told("550 5.1.1 <ana@mail.example> unknown"))


class Relay:
    """Answers RCPT as told; aiosmtpd calls the methods by these names."""

    def __init__(self, reply: str) -> None:
        self.reply = reply
        self.asked: list[str] = []
        self.options: list[str] = []
        self.letters: list[Envelope] = []

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        self.asked.append(address)
        self.options = envelope.mail_options
        if self.reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.reply

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.letters.append(envelope)
        return "250 2.0.0 OK"


@dataclass
class Listening:
    """A relay on a port of its own."""

    relay: Relay
    port: int

    def smtp(self, user: str = "", query: str = "") -> Smtp:
        return Smtp(f"smtp://{user}127.0.0.1:{self.port}{query}", SENDER, deadlines=Deadlines(5, 5, 5, 5))


@asynccontextmanager
async def listening(reply: str = "250 OK", **more: Any) -> AsyncIterator[Listening]:
    relay = Relay(reply)
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(relay, **more), "127.0.0.1", 0)
    async with server:
        yield Listening(relay, server.sockets[0].getsockname()[1])


@pytest.fixture
async def ascii_relay() -> AsyncIterator[Listening]:
    async with listening(enable_SMTPUTF8=False) as relay:
        yield relay


@pytest.fixture
async def utf8_relay() -> AsyncIterator[Listening]:
    async with listening(enable_SMTPUTF8=True) as relay:
        yield relay


@pytest.fixture
async def plain_relay() -> AsyncIterator[Listening]:
    async with listening(auth_require_tls=False, authenticator=lambda *_: AuthResult(success=True)) as relay:
        yield relay


@pytest.fixture
async def closed_relay() -> AsyncIterator[Listening]:
    async with listening("550 5.7.1 relay not permitted") as relay:
        yield relay


async def test_a_domain_of_any_script_is_asked_for_by_its_a_label(ascii_relay: Listening) -> None:
    smtp = ascii_relay.smtp()
    await smtp.send(to("ana@español.example", LETTER))
    await smtp.close()
    assert ascii_relay.relay.asked == ["ana@xn--espaol-zwa.example"]


async def test_a_name_that_is_not_ascii_goes_to_a_relay_that_takes_such(utf8_relay: Listening) -> None:
    smtp = utf8_relay.smtp()
    await smtp.send(to("josé@español.example", LETTER))
    await smtp.send(to("ana@mail.example", LETTER))
    await smtp.close()
    assert utf8_relay.relay.asked == ["josé@xn--espaol-zwa.example", "ana@mail.example"]
    assert utf8_relay.relay.options == []  # the second's: who needs nothing asks for nothing
    content = utf8_relay.relay.letters[0].content
    assert isinstance(content, bytes)
    assert "\r\nTo: <josé@xn--espaol-zwa.example>\r\n".encode() in content


async def test_a_name_that_a_relay_cannot_take_is_refused_and_not_dead(ascii_relay: Listening) -> None:
    smtp = ascii_relay.smtp()
    with pytest.raises(Refused, match="SMTPUTF8"):
        await smtp.send(to("josé@mail.example", LETTER))
    await smtp.send(to("ana@mail.example", LETTER))
    await smtp.close()


async def test_a_relay_that_refuses_everybody_stops_the_channel(closed_relay: Listening) -> None:
    smtp = closed_relay.smtp()
    kinds = []
    for n in range(IN_A_ROW + 5):
        with pytest.raises((Refused, TryLater)) as caught:
            await smtp.send(to(f"c{n}@mail.example", LETTER))
        kinds.append(caught.type)
    assert kinds == [Unwelcome] * (IN_A_ROW - 1) + [TryLater] * 6
    assert len(closed_relay.relay.asked) == IN_A_ROW
    assert "JOURNEYS_SMTP_URL" in str(caught.value)
    await smtp.close()


def test_after_the_pause_one_letter_at_a_time_asks_again() -> None:
    now = [0.0]
    brake = Brake(clock=lambda: now[0])
    refusals = [brake.refused(f"c{n}@mail.example", Unwelcome("smtp 550")) for n in range(IN_A_ROW)]
    assert [type(error) for error in refusals] == [Unwelcome] * (IN_A_ROW - 1) + [TryLater]
    now[0] = PAUSE.total_seconds() / 2
    with pytest.raises(TryLater) as caught:
        brake.check()
    assert caught.value.retry_after == PAUSE / 2
    now[0] = PAUSE.total_seconds()
    brake.check()
    with pytest.raises(TryLater):
        brake.check()
    brake.taken()
    brake.check()
    brake.check()


def test_one_recipient_many_times_or_a_dead_one_in_between_does_not_stop_it() -> None:
    brake = Brake()
    for _ in range(IN_A_ROW * 2):
        assert isinstance(brake.refused("ana@mail.example", Unwelcome("smtp 550")), Unwelcome)
    for n in range(IN_A_ROW * 2):
        brake.refused(f"c{n}@mail.example", Unwelcome("smtp 550"))
        brake.refused("gone@mail.example", EndpointGone("smtp 550 5.1.1"))
    brake.check()


async def test_a_password_is_not_sent_in_plain_text(plain_relay: Listening) -> None:
    smtp = plain_relay.smtp("user:secret@")
    with pytest.raises(TryLater, match="STARTTLS") as caught:
        await smtp.send(to("ana@mail.example", LETTER))
    assert "tls=offered" in caught.value.detail
    assert plain_relay.relay.asked == []


@pytest.mark.parametrize("query", ["?tls=offered", "?tls=never"])
async def test_a_password_in_plain_text_can_be_allowed_by_name(plain_relay: Listening, query: str) -> None:
    smtp = plain_relay.smtp("user:secret@", query)
    await smtp.send(to("ana@mail.example", LETTER))
    await smtp.close()
    assert plain_relay.relay.asked == ["ana@mail.example"]


async def test_tls_can_be_required_without_a_password(plain_relay: Listening) -> None:
    with pytest.raises(TryLater, match="STARTTLS"):
        await plain_relay.smtp(query="?tls=required").send(to("ana@mail.example", LETTER))


def test_an_unknown_word_for_tls_names_the_setting() -> None:
    with pytest.raises(ValueError, match=r"JOURNEYS_SMTP_URL: tls=maybe.*required, offered, never"):
        Smtp("smtp://relay?tls=maybe", SENDER)


def test_a_pause_is_minutes() -> None:
    assert timedelta(minutes=1) <= PAUSE <= timedelta(minutes=15)
