"""SMTP: what a mailbox gets, hostile mail included, and each fault at the instant at which a server would meet it."""

import smtplib
from asyncio import to_thread
from collections.abc import Iterator
from contextlib import contextmanager

import aiosmtplib
import httpx
import pytest

from tests.workers.sandbox.sending import MAILBOX, SHOP, mail, post
from workers.sandbox import Sandbox

BEN = "ben@mail.example"


@contextmanager
def session(sandbox: Sandbox) -> Iterator[smtplib.SMTP]:
    """A session by hand, past EHLO and MAIL FROM."""
    client = smtplib.SMTP(sandbox.smtp_host, sandbox.smtp_port, timeout=5)
    try:
        client.ehlo()
        client.mail("hello@shop.example")
        yield client
    finally:
        client.close()


async def test_a_mail_is_taken_apart(sandbox: Sandbox) -> None:
    await post(sandbox, mail(X_Message_Key="r/s/1", List_Unsubscribe="<https://shop.example/u/1>"))
    [message] = sandbox.messages
    assert (message.to, message.sender, message.title) == (MAILBOX, SHOP, "Your boots ☃")
    assert (message.body.strip(), (message.html or "").strip()) == ("Olé", "<p>Olé</p>")
    assert (message.key, message.link) == ("r/s/1", "<https://shop.example/u/1>")
    assert message.provider_id == "<1@shop.example>"
    assert ("To", MAILBOX) in [tuple(header) for header in message.raw["headers"]]


async def test_any_name_and_password_opens_it(sandbox: Sandbox) -> None:
    async with aiosmtplib.SMTP(hostname=sandbox.smtp_host, port=sandbox.smtp_port, start_tls=False) as client:
        assert (await client.login("any", "one")).code == 235


async def test_one_mail_to_two_people_is_two_messages(sandbox: Sandbox) -> None:
    await post(sandbox, mail(to=f"{MAILBOX}, {BEN}"))
    assert [message.to for message in sandbox.messages] == [MAILBOX, BEN]


@pytest.mark.parametrize(("fault", "code"), [("550", 550), ("451", 451), ("421", 421)])
async def test_a_recipient_is_refused_before_the_mail_is_sent(sandbox: Sandbox, fault: str, code: int) -> None:
    sandbox.faults.tell("smtp", fault)

    def by_hand() -> tuple[int, bytes]:
        with session(sandbox) as client:
            return client.rcpt(MAILBOX)

    answer = await to_thread(by_hand)
    assert answer[0] == code
    assert answer[1][:1] == str(code)[0].encode()
    assert sandbox.messages == []


async def test_after_421_the_connection_closes(sandbox: Sandbox) -> None:
    sandbox.faults.tell("smtp", "421")

    def by_hand() -> None:
        with session(sandbox) as client:
            client.rcpt(MAILBOX)
            assert client.file.read() == b""

    await to_thread(by_hand)


async def test_one_refused_recipient_leaves_the_others(sandbox: Sandbox) -> None:
    sandbox.faults.tell("smtp", "550", match="ana@*")
    refused, _ = await post(sandbox, mail(to=f"{MAILBOX}, {BEN}"))
    assert list(refused) == [MAILBOX]
    assert [message.to for message in sandbox.messages] == [BEN]


async def test_554_comes_after_the_whole_mail(sandbox: Sandbox) -> None:
    sandbox.faults.tell("smtp", "554", times=1)
    with pytest.raises(aiosmtplib.SMTPDataError) as refused:
        await post(sandbox)
    assert refused.value.code == 554
    assert sandbox.messages == []
    await post(sandbox)
    assert len(sandbox.messages) == 1


@pytest.mark.parametrize(("fault", "kept"), [("timeout_after_accept", 1), ("drop_before_accept", 0)])
async def test_the_connection_drops_after_the_mail(sandbox: Sandbox, fault: str, kept: int) -> None:
    sandbox.faults.tell("smtp", fault, hold_seconds=0, times=1)

    def by_hand() -> None:
        with session(sandbox) as client:
            assert client.rcpt(MAILBOX)[0] == 250
            with pytest.raises(smtplib.SMTPServerDisconnected):
                client.data(bytes(mail()))

    await to_thread(by_hand)
    assert len(sandbox.messages) == kept
    await post(sandbox)
    assert len(sandbox.messages) == kept + 1


async def test_a_fault_is_forgotten_with_its_envelope(sandbox: Sandbox) -> None:
    sandbox.faults.tell("smtp", "554", times=1)

    def by_hand() -> None:
        with session(sandbox) as client:
            client.rcpt(MAILBOX)
            client.rset()
            client.sendmail("hello@shop.example", [MAILBOX], bytes(mail()))

    await to_thread(by_hand)
    assert len(sandbox.messages) == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no header at all",
        b"From: a:b;<\r\nMessage-ID: <\r\n\r\nx",
        b"Message-ID: [abc\r\nTo: ,,;:\r\n\r\nx",
        b"From: \xff\xfe\r\nSubject: \xe9\r\nX-Message-Key: \xff\r\n\r\n\xff body",
        b"Content-Type: text/html; charset=bogus\r\n\r\n<p>\xe9",
        b"Content-Type: text/plain; charset=utf-7\r\n\r\n+2AA-",
        b"Content-Type: multipart/alternative\r\n\r\nno boundary",
        b"Content-Type: text/plain; charset*=x\r\nContent-Disposition: ;;\r\n\r\nx",
    ],
)
async def test_mail_of_any_shape_is_taken_and_shown(sandbox: Sandbox, http: httpx.AsyncClient, raw: bytes) -> None:
    def by_hand() -> None:
        with session(sandbox) as client:
            client.rcpt(MAILBOX)
            assert client.data(raw)[0] == 250

    await to_thread(by_hand)
    assert [message.to for message in sandbox.messages] == [MAILBOX]
    assert (await http.get("/")).status_code == 200
    assert len((await http.get("/_sandbox/messages")).json()) == 1


async def test_an_address_that_is_no_text_is_refused(sandbox: Sandbox) -> None:
    def by_hand() -> int:
        with session(sandbox) as client:
            client.sock.sendall(b"RCPT TO:<\xff@mail.example>\r\n")
            return client.getreply()[0]

    assert await to_thread(by_hand) == 501
