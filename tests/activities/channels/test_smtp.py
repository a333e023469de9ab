"""SMTP against the sandbox's real server: the letter, the reused connections, and each way of failing."""

import asyncio

import pytest

from activities.channels import (
    Ambiguous,
    ChannelError,
    EmailContent,
    EndpointGone,
    PushContent,
    Refused,
    Smtp,
    TryLater,
)  # fmt: skip
from activities.channels.email.letter import Sender
from tests.activities.channels.outgoing import SENDER, SENDER_TEXT, to
from workers.sandbox import Sandbox

ANA = "ana@mail.example"
LINK = "https://shop.example/u/" + "t" * 300
LETTER = EmailContent(subject="Ana, your boots ☃", html="<p>Olé</p>", text="Olé\n", unsubscribe_url=LINK)


async def test_a_letter_has_both_forms_and_the_way_out(smtp: Smtp, sandbox: Sandbox) -> None:
    accepted = await smtp.send(to(ANA, LETTER, key="r/cart-alternatives/1"))
    [message] = sandbox.messages
    headers = dict(message.raw["headers"])
    assert (message.title, message.body.strip(), (message.html or "").strip()) == ("Ana, your boots ☃", "Olé", "<p>Olé</p>")
    assert (message.to, message.sender, message.key) == (ANA, SENDER_TEXT, "r/cart-alternatives/1")
    assert headers["List-Unsubscribe"] == f"<{LINK}>"
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert accepted.provider_message_id == headers["Message-ID"]


@pytest.mark.parametrize(
    "address", ["nobody", "a@b@c", "a b@c.example", "x@y.example\r\nRCPT TO:<z@y.example>", "<>", "@", ","]
)
async def test_a_malformed_address_is_a_dead_one(smtp: Smtp, sandbox: Sandbox, address: str) -> None:
    with pytest.raises(EndpointGone):
        await smtp.send(to(address, LETTER))
    assert sandbox.messages == []


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("550", EndpointGone), ("451", TryLater), ("421", TryLater), ("554", Refused),
        ("timeout_after_accept", Ambiguous), ("drop_before_accept", Ambiguous),
    ],
)  # fmt: skip
async def test_each_failure_is_told_apart_and_the_next_letter_goes(
    smtp: Smtp, sandbox: Sandbox, fault: str, kind: type[ChannelError]
) -> None:
    sandbox.faults.tell("smtp", fault, times=1)
    with pytest.raises(ChannelError) as caught:
        await smtp.send(to(ANA, LETTER))
    assert isinstance(caught.value, kind)
    assert ANA not in str(caught.value)
    assert caught.value.__cause__ is None
    await smtp.send(to(ANA, LETTER, key="next"))
    assert sandbox.messages[-1].key == "next"


async def test_connections_are_reused_and_few(smtp: Smtp, sandbox: Sandbox) -> None:
    await asyncio.gather(*(smtp.send(to(f"c{n}@mail.example", LETTER)) for n in range(20)))
    assert len(sandbox.messages) == 20
    assert 1 <= len(smtp._pool._idle) <= 2


async def test_a_connection_that_died_while_idle_is_no_doubt(smtp: Smtp, sandbox: Sandbox) -> None:
    await smtp.send(to(ANA, LETTER))
    transport = smtp._pool._idle[0][0].transport
    assert isinstance(transport, asyncio.Transport)
    transport.abort()
    await smtp.send(to(ANA, LETTER))
    assert len(sandbox.messages) == 2


async def test_nothing_listening_is_try_later() -> None:
    with pytest.raises(TryLater, match="JOURNEYS_SMTP_URL"):
        await Smtp("smtp://127.0.0.1:1", SENDER).send(to(ANA, LETTER))


async def test_credentials_are_given_where_the_url_has_them(sandbox: Sandbox) -> None:
    smtp = Smtp(f"smtp://us%40er:p%3Aw@{sandbox.smtp_host}:{sandbox.smtp_port}?tls=offered", SENDER)
    await smtp.send(to(ANA, LETTER))
    await smtp.close()
    assert len(sandbox.messages) == 1


@pytest.mark.parametrize("url", ["", "localhost:25", "http://mail", "smtp://"])
def test_a_wrong_url_names_the_setting(url: str) -> None:
    with pytest.raises(ValueError, match="JOURNEYS_SMTP_URL"):
        Smtp(url, SENDER)


def test_a_sender_without_an_address_names_the_setting() -> None:
    with pytest.raises(ValueError, match="JOURNEYS_EMAIL_FROM"):
        Sender.parse("Shop")


async def test_content_of_another_channel_is_refused(smtp: Smtp) -> None:
    with pytest.raises(Refused, match="PushContent"):
        await smtp.send(to(ANA, PushContent(title="t", body="b")))
