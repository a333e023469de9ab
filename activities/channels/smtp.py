"""Email over SMTP: one letter in two forms with one-click unsubscribe headers, through a few reused connections.

Promise: at most once in doubt. SMTP has no idempotency keys, so a marketing letter whose acceptance was lost after
DATA is not sent again; `Message-ID` comes from the key, so that mailboxes which drop duplicates recognise one.
Sources: RFC 5321 (replies), RFC 3463 (enhanced codes), RFC 8058 (one-click unsubscribe).
"""

import re
from collections.abc import Awaitable

import aiosmtplib

from activities.channels.base import wrong_content
from activities.channels.errors import Ambiguous, ChannelError, EndpointGone, Refused, TryLater
from activities.channels.letter import Sender, letter, message_id
from activities.channels.message import Accepted, EmailContent, Outgoing
from activities.channels.smtp_pool import SmtpPool
from activities.channels.tracing import sending
from journeys.contracts import Channel

_ENHANCED = re.compile(r"^[245]\.\d{1,3}\.\d{1,3}")
_MAILBOX_FULL = 552
_POLICY = "5.7."  # security or policy: says nothing about whether the mailbox exists (RFC 3463, 3.8)


class Smtp:
    """A mail relay. `url` is `smtp://user:password@host:port` (STARTTLS where offered) or `smtps://…`."""

    name = "smtp"
    channel = Channel.EMAIL
    idempotent = False

    def __init__(self, url: str, sender: str, *, connections: int = 10, timeout: float = 60.0) -> None:
        self._sender = Sender.parse(sender)
        self._pool = SmtpPool(url, connections, timeout)

    async def send(self, outgoing: Outgoing) -> Accepted:
        """Send one letter."""
        if not isinstance(outgoing.content, EmailContent):
            wrong_content(self, outgoing)
        with sending(self.name, outgoing) as headers:
            written = letter(outgoing, outgoing.content, self._sender, headers)
            async with self._pool.connection() as connection:
                await _certain(connection.mail(self._sender.address))
                await _addressed(connection, outgoing.address.value)
                await _handed_over(connection, written)
            return Accepted(provider_message_id=message_id(outgoing.key, self._sender))

    async def close(self) -> None:
        """Say goodbye on every open connection."""
        await self._pool.close()


async def _certain(command: Awaitable[object]) -> None:
    """A command before DATA: whatever goes wrong, nothing was accepted."""
    try:
        await command
    except aiosmtplib.SMTPResponseException as error:
        raise _answered(error) from None
    except (aiosmtplib.SMTPException, OSError) as error:
        raise TryLater(f"smtp {type(error).__name__} before DATA") from None


async def _addressed(connection: aiosmtplib.SMTP, recipient: str) -> None:
    try:
        await _certain(connection.rcpt(recipient))
    except UnicodeEncodeError:
        raise EndpointGone("smtp address is not ASCII and the relay takes no other") from None
    except _PermanentRefusal as error:
        raise _recipient_refused(error) from None


async def _handed_over(connection: aiosmtplib.SMTP, written: bytes) -> None:
    try:
        await connection.data(written)
    except aiosmtplib.SMTPResponseException as error:
        raise _answered(error) from None
    except (aiosmtplib.SMTPException, OSError) as error:
        raise Ambiguous(f"smtp {type(error).__name__} after DATA") from None


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
