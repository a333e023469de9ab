"""Email over SMTP: one letter in two forms with one-click unsubscribe headers, through a few reused connections.

Promise: at most once in doubt. SMTP has no idempotency keys, so a marketing letter whose acceptance was lost after
its last byte is not sent again; `Message-ID` comes from the key, so that mailboxes which drop duplicates recognise one.
Sources: RFC 5321 (replies), RFC 3463 (enhanced codes), RFC 8058 (one-click unsubscribe).
"""

import re
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import aiosmtplib

from activities.channels.base import Sends, wrong_content
from activities.channels.errors import ChannelError, EndpointGone, Refused, TryLater
from activities.channels.letter import Sender, letter, message_id
from activities.channels.message import Accepted, EmailContent, Outgoing
from activities.channels.smtp_data import hand_over
from activities.channels.smtp_pool import Deadlines, SmtpPool
from activities.channels.tracing import sending
from journeys.contracts import Channel

_ENHANCED = re.compile(r"^[245]\.\d{1,3}\.\d{1,3}")
_MAILBOX_FULL = 552
_POLICY = "5.7."  # security or policy: says nothing about whether the mailbox exists (RFC 3463, 3.8)


class Smtp(Sends):
    """A mail relay. `url` is `smtp://user:password@host:port` (STARTTLS where offered) or `smtps://…`."""

    name = "smtp"
    channel = Channel.EMAIL
    idempotent = False
    tells_within = timedelta(0)

    def __init__(self, url: str, sender: str, *, connections: int = 10, deadlines: Deadlines | None = None) -> None:
        self.connections = connections
        self._sender = Sender.parse(sender)
        self._deadlines = deadlines or Deadlines()
        self._pool = SmtpPool(url, connections, self._deadlines)

    @asynccontextmanager
    async def ready(self) -> AsyncIterator["SmtpLine"]:
        """A connection that has just answered."""
        async with self._pool.connection() as connection:
            yield SmtpLine(connection, self._sender, self._deadlines)

    async def close(self) -> None:
        """Say goodbye on every open connection."""
        await self._pool.close()


@dataclass(frozen=True, slots=True)
class SmtpLine:
    """One connection, for one letter; for a second only where the first one's address was dead."""

    connection: aiosmtplib.SMTP
    sender: Sender
    deadlines: Deadlines

    async def send(self, outgoing: Outgoing) -> Accepted:
        """Send one letter."""
        if not isinstance(outgoing.content, EmailContent):
            wrong_content(Smtp.name, outgoing)
        with sending(Smtp.name, outgoing) as headers:
            try:
                await self._converse(outgoing.address.value, letter(outgoing, outgoing.content, self.sender, headers))
            except EndpointGone:
                await self._start_over()
                raise
            except BaseException:
                self.connection.close()
                raise
            return Accepted(provider_message_id=message_id(outgoing.key, self.sender))

    async def _start_over(self) -> None:
        try:
            await self.connection.rset()
        except (aiosmtplib.SMTPException, OSError):
            self.connection.close()

    async def _converse(self, recipient: str, written: bytes) -> None:
        await _certain(self.connection.mail(self.sender.address))
        await _addressed(self.connection, recipient)
        await _certain(hand_over(self.connection, written, self.deadlines))


async def _certain(command: Awaitable[object]) -> None:
    """A part of the conversation in which a broken connection means that nothing was accepted."""
    try:
        await command
    except aiosmtplib.SMTPResponseException as error:
        raise _answered(error) from None
    except (aiosmtplib.SMTPException, OSError) as error:
        raise TryLater(f"smtp {type(error).__name__} before the end of the letter") from None


async def _addressed(connection: aiosmtplib.SMTP, recipient: str) -> None:
    try:
        await _certain(connection.rcpt(recipient))
    except UnicodeEncodeError:
        raise EndpointGone("smtp address is not ASCII and the relay takes no other") from None
    except _PermanentRefusal as error:
        raise _recipient_refused(error) from None


class _PermanentRefusal(Refused):
    """A 5xx, with what is needed to say whether the address or the letter is at fault."""

    def __init__(self, code: int, enhanced: str) -> None:
        super().__init__(f"smtp {code} {enhanced}".rstrip())
        self.code = code
        self.enhanced = enhanced


def _answered(error: aiosmtplib.SMTPResponseException) -> ChannelError:
    """The channel's error for a reply code; the reply's text stays out, because it often names the recipient."""
    match = _ENHANCED.match(error.message)
    enhanced = match.group() if match else ""
    if 500 <= error.code <= 599:  # noqa: PLR2004 - permanent, RFC 5321, 4.2.1
        return _PermanentRefusal(error.code, enhanced)
    return TryLater(f"smtp {error.code} {enhanced}".rstrip())


def _recipient_refused(error: _PermanentRefusal) -> ChannelError:
    if error.code == _MAILBOX_FULL or error.enhanced == "5.2.2":
        return TryLater(f"{error.detail} mailbox full")
    if error.enhanced.startswith(_POLICY) or error.code not in (550, 551, 553):
        return Refused(error.detail)
    return EndpointGone(f"{error.detail} hard bounce")
