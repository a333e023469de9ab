"""Where a doubt begins in a conversation with a relay: at the dot that ends the letter, and not before (A2, A10)."""

import asyncio

import pytest

from activities.channels import Ambiguous, ChannelError, EmailContent, EndpointGone, Refused, Smtp, TryLater
from activities.channels.email.smtp_pool import Deadlines
from activities.channels.http import ANSWER
from journeys.contracts import Channel, longest_attempt
from tests.activities.channels.outgoing import SENDER, to
from tests.activities.channels.scripted import Relay, Serve, listening

LETTER = EmailContent(subject="Hello", html="<p>x</p>", text="one\n.two\n..three\n")
LARGE = EmailContent(subject="Hello", html="<p>x</p>", text="All work and no play\n" * 800_000)
IMPATIENT = Deadlines(command=2, data=1, block=1, end=1)


async def sent(relay: Serve, content: EmailContent = LETTER) -> type[ChannelError] | None:
    """What became of a letter given to this relay."""
    async with listening(relay) as port:
        smtp = Smtp(f"smtp://127.0.0.1:{port}", SENDER, deadlines=IMPATIENT)
        try:
            await smtp.send(to("ana@mail.example", content))
        except ChannelError as error:
            return type(error) if type(error).__name__ != "_PermanentRefusal" else Refused
        finally:
            await smtp.close()
    return None


def test_an_attempt_may_last_as_long_as_the_protocol_allows() -> None:
    """A2: twice over. Six commands (greeting, EHLO, AUTH, RSET, MAIL, RCPT), DATA, the letter and its end."""
    slowest = Deadlines()
    seconds = 6 * slowest.command + slowest.data + slowest.block + slowest.end
    assert longest_attempt(Channel.EMAIL).total_seconds() >= 2 * seconds
    for channel in (Channel.PUSH, Channel.WHATSAPP):  # the front page, an access token, the answer
        assert longest_attempt(channel) >= 2 * 3 * ANSWER


async def test_a_letter_that_was_taken() -> None:
    relay = Relay()
    assert await sent(relay) is None
    assert b"\r\n..two\r\n...three\r\n" in relay.letters[0], "leading dots are doubled on the wire (RFC 5321, 4.5.2)"


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("451 4.3.0 later", TryLater), ("421 closing", TryLater), ("554 5.7.1 no", Refused), ("552 5.2.3 too big", Refused),
        ("what?", Ambiguous), ("-50 what?", Ambiguous), ("999 what?", Ambiguous), ("250", None), ("354 go ahead", Ambiguous),
        ("221 bye", Ambiguous), ("", Ambiguous),
    ],
)  # fmt: skip
async def test_after_the_end_of_the_letter_only_a_reply_that_says_so_is_a_yes_or_a_no(
    reply: str, kind: type[ChannelError] | None
) -> None:
    assert await sent(Relay(at_the_end=reply)) is kind


@pytest.mark.parametrize("reply", ["250 what?", "451 later", "what?", "999 ", "", "421 closing"])
async def test_before_the_letter_nothing_is_a_doubt(reply: str) -> None:
    relay = Relay(after_data=reply)
    assert await sent(relay) is TryLater
    assert relay.letters == []


async def test_a_connection_that_ends_before_the_letter_does_is_no_doubt() -> None:
    """The relay has not seen the dot, and must not deliver without it (RFC 5321, 4.1.1.4)."""
    assert await sent(Relay(read_body=False), LARGE) is TryLater


async def test_a_relay_that_stops_reading_is_given_up_without_a_doubt() -> None:
    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Says go ahead, and then takes no more than its buffers hold."""
        writer.write(b"220 relay\r\n")
        while line := await reader.readline():
            writer.write(b"354 go ahead\r\n" if line.startswith(b"DATA") else b"250 ok\r\n")
            if line.startswith(b"DATA"):
                await asyncio.sleep(3)
                return

    assert await sent(deaf, LARGE) is TryLater


async def test_after_a_dead_address_the_same_connection_serves_the_next_one() -> None:
    relay = Relay(at_recipient={"dead@": "550 5.1.1 no such user"})
    async with listening(relay) as port:
        smtp = Smtp(f"smtp://127.0.0.1:{port}", SENDER, deadlines=IMPATIENT)
        async with smtp.ready() as line:
            with pytest.raises(EndpointGone):
                await line.send(to("dead@mail.example", LETTER))
            await line.send(to("ana@mail.example", LETTER))
        await smtp.close()
    assert relay.connections == 1
    assert " ".join(command.split()[0] for command in relay.commands) == "EHLO MAIL RCPT RSET MAIL RCPT DATA QUIT"
    assert len(relay.letters) == 1
