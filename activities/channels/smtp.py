"""Email over SMTP: one letter in two forms with one-click unsubscribe headers, through a few reused connections.

Promise: at most once in doubt. SMTP has no idempotency keys, so a marketing letter whose acceptance was lost after
DATA is not sent again; `Message-ID` comes from the key, so that mailboxes which drop duplicates recognise one.
Sources: RFC 5321, RFC 6531 (addresses that are not ASCII), RFC 8058 (one-click unsubscribe).
"""

from collections.abc import Awaitable, Callable

import aiosmtplib

from activities.channels.base import wrong_content
from activities.channels.errors import Ambiguous, ChannelError, Refused, TryLater
from activities.channels.letter import Sender, letter, message_id, recipient
from activities.channels.message import Accepted, EmailContent, Outgoing
from activities.channels.smtp_brake import Brake
from activities.channels.smtp_pool import SmtpPool
from activities.channels.smtp_replies import answered, envelope_refused, recipient_refused
from activities.channels.tracing import sending
from journeys.contracts import Channel


class Smtp:
    """A mail relay. `url` is `smtp://user:password@host:port` (STARTTLS) or `smtps://…`; see `SmtpPool` for `?tls=`."""

    name = "smtp"
    channel = Channel.EMAIL
    idempotent = False

    def __init__(self, url: str, sender: str, *, connections: int = 10, timeout: float = 60.0) -> None:
        self._sender = Sender.parse(sender)
        self._pool = SmtpPool(url, connections, timeout)
        self._brake = Brake()

    async def send(self, outgoing: Outgoing) -> Accepted:
        """Send one letter."""
        if not isinstance(outgoing.content, EmailContent):
            wrong_content(self, outgoing)
        with sending(self.name, outgoing) as headers:
            written = letter(outgoing, outgoing.content, self._sender, headers)
            self._brake.check()
            async with self._pool.connection() as connection:
                await self._addressed(connection, recipient(outgoing.address.value))
                await _handed_over(connection, written)
            return Accepted(provider_message_id=message_id(outgoing.key, self._sender))

    async def close(self) -> None:
        """Say goodbye on every open connection."""
        await self._pool.close()

    async def _addressed(self, connection: aiosmtplib.SMTP, to: str) -> None:
        options = await _options(connection, to)
        try:
            await _certain(connection.mail(self._sender.address, options=options), envelope_refused)
            await _certain(connection.rcpt(to, encoding="utf-8"), recipient_refused)
        except ChannelError as error:
            raise self._brake.refused(to, error) from None
        self._brake.taken()


async def _options(connection: aiosmtplib.SMTP, to: str) -> list[str]:
    """What MAIL has to ask for (RFC 6531): an address that is not ASCII needs a relay that takes such.

    Raises:
        Refused: it does not. The address is not dead: another relay may take it.
    """
    if to.isascii():
        return []
    if connection.is_ehlo_or_helo_needed:
        await _certain(connection.ehlo(), envelope_refused)
    if not connection.supports_extension("smtputf8"):
        raise Refused("smtp relay takes no address that is not ASCII (SMTPUTF8)")
    return ["SMTPUTF8"]


async def _certain(command: Awaitable[object], refused: Callable[[aiosmtplib.SMTPResponseException], ChannelError]) -> None:
    """A command before DATA: whatever goes wrong, nothing was accepted."""
    try:
        await command
    except aiosmtplib.SMTPResponseException as error:
        raise refused(error) from None
    except (aiosmtplib.SMTPException, OSError) as error:
        raise TryLater(f"smtp {type(error).__name__} before DATA") from None


async def _handed_over(connection: aiosmtplib.SMTP, written: bytes) -> None:
    try:
        await connection.data(written)
    except aiosmtplib.SMTPResponseException as error:
        raise answered(error) from None
    except (aiosmtplib.SMTPException, OSError) as error:
        raise Ambiguous(f"smtp {type(error).__name__} after DATA") from None
