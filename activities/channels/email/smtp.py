"""Email over SMTP: one letter in two forms with one-click unsubscribe headers, through a few reused connections.

Promise: at most once in doubt. SMTP has no idempotency keys, so a marketing letter whose acceptance was lost after
its last byte is not sent again; `Message-ID` comes from the key, so that mailboxes which drop duplicates recognise one.
Sources: RFC 5321, RFC 6531 (addresses that are not ASCII), RFC 8058 (one-click unsubscribe).
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, Self

import aiosmtplib
from pydantic import SecretStr

from activities.channels.base import Sends, wrong_content
from activities.channels.email.dkim import Signer, signed_by, signers_of
from activities.channels.email.letter import EmailSettings, Sender, letter, message_id, recipient
from activities.channels.email.smtp_brake import Brake
from activities.channels.email.smtp_data import hand_over
from activities.channels.email.smtp_pool import Deadlines, SmtpPool
from activities.channels.email.smtp_replies import answered, envelope_refused, recipient_refused
from activities.channels.errors import ChannelError, EndpointGone, TryLater, Unable
from activities.channels.message import Accepted, EmailContent, Outgoing
from activities.channels.tracing import sending


class _Settings(EmailSettings, Protocol):
    @property
    def smtp_url(self) -> SecretStr: ...
    @property
    def smtp_connections(self) -> int: ...
    @property
    def dkim_keys(self) -> tuple[str, ...]: ...
    @property
    def dkim_domain(self) -> str: ...


class Smtp(Sends):
    """A mail relay. `url` is `smtp://user:password@host:port` (STARTTLS) or `smtps://…`; see `SmtpPool` for `?tls=`."""

    name = "smtp"
    needs = "JOURNEYS_SMTP_URL"
    goes_with = ("JOURNEYS_EMAIL_FROM",)
    idempotent = False
    tells_within = timedelta(0)

    def __init__(
        self,
        url: str,
        sender: Sender,
        *,
        connections: int = 10,
        deadlines: Deadlines | None = None,
        signers: Sequence[Signer] = (),
    ) -> None:
        self.connections = connections
        self._sender, self._signers = sender, tuple(signers)
        self._deadlines = deadlines or Deadlines()
        self._pool = SmtpPool(url, connections, self._deadlines)
        self._brake = Brake()

    @classmethod
    def configured(cls, settings: _Settings) -> Self | None:
        """The relay whose address is given."""
        if not (url := settings.smtp_url.get_secret_value()):
            return None
        sender = Sender.of(settings)
        return cls(url, sender, connections=settings.smtp_connections, signers=signers_of(settings, sender.domain))

    @asynccontextmanager
    async def ready(self) -> AsyncIterator["SmtpLine"]:
        """A connection that has just answered, to a relay that has not refused everybody lately."""
        self._brake.check()
        async with self._pool.connection() as connection:
            yield SmtpLine(connection, self._sender, self._deadlines, self._brake, self._signers)

    @property
    def senders(self) -> frozenset[str]:
        """The sender's domain."""
        return frozenset({self._sender.domain})

    async def close(self) -> None:
        """Say goodbye on every open connection."""
        await self._pool.close()


@dataclass(frozen=True, slots=True)
class SmtpLine:
    """One connection, for one letter; for a second only where the first one's address was dead."""

    connection: aiosmtplib.SMTP
    sender: Sender
    deadlines: Deadlines
    brake: Brake
    signers: tuple[Signer, ...] = ()

    async def send(self, outgoing: Outgoing) -> Accepted:
        """Send one letter."""
        if not isinstance(outgoing.content, EmailContent):
            wrong_content(Smtp.name, outgoing)
        with sending(Smtp.name, outgoing) as headers:
            try:
                written = signed_by(self.signers, letter(outgoing, outgoing.content, self.sender, headers))
                await self._converse(outgoing.key, recipient(outgoing.address.value), written)
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

    async def _converse(self, key: str, to: str, written: bytes) -> None:
        await self._addressed(self.sender.returned_to(key), to)
        await _certain(hand_over(self.connection, written, self.deadlines), answered)

    async def _addressed(self, returned_to: str, to: str) -> None:
        options = await _options(self.connection, to)
        try:
            await _certain(self.connection.mail(returned_to, options=options), envelope_refused)
            await _certain(self.connection.rcpt(to, encoding="utf-8"), recipient_refused)
        except ChannelError as error:
            raise self.brake.refused(to, error) from None
        self.brake.taken()


async def _options(connection: aiosmtplib.SMTP, to: str) -> list[str]:
    """What MAIL has to ask for (RFC 6531): an address that is not ASCII needs a relay that takes such.

    Raises:
        Unable: it does not. The address is not dead: another relay may take it.
    """
    if to.isascii():
        return []
    if connection.is_ehlo_or_helo_needed:
        await _certain(connection.ehlo(), envelope_refused)
    if not connection.supports_extension("smtputf8"):
        raise Unable("smtp relay takes no address that is not ASCII (SMTPUTF8)")
    return ["SMTPUTF8"]


async def _certain(command: Awaitable[object], refused: Callable[[aiosmtplib.SMTPResponseException], ChannelError]) -> None:
    """A part of the conversation in which a broken connection means that nothing was accepted."""
    try:
        await command
    except aiosmtplib.SMTPResponseException as error:
        raise refused(error) from None
    except (aiosmtplib.SMTPException, OSError) as error:
        raise TryLater(f"smtp {type(error).__name__} before the end of the letter") from None
