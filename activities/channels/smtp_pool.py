"""A few SMTP connections, opened when wanted and reused; a connection that had any trouble is thrown away.

Promise: what is handed out has just answered, so that a connection which died while idle is never mistaken for a doubt.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import aiosmtplib

from activities.channels.errors import ChannelError, TryLater

_SCHEMES = ("smtp", "smtps")
#: `?tls=` of an smtp:// URL, as aiosmtplib's `start_tls`.
_START_TLS = {"required": True, "offered": None, "never": False}


class SmtpPool:
    """At most `size` connections to the relay at `url`; `timeout` in seconds for each command.

    `smtp://…?tls=required` insists on STARTTLS (the default with a password), `offered` takes it where the relay has it (the
    default without one), `never` does without: a password then goes over the wire for all to read.
    """

    def __init__(self, url: str, size: int, timeout: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in _SCHEMES or not parts.hostname:
            raise ValueError("JOURNEYS_SMTP_URL must be smtp://user:password@host:port or smtps://…")
        self._parts = parts
        self._start_tls = _start_tls(parts)
        self._timeout = timeout
        self._places = asyncio.Semaphore(size)
        self._idle: list[aiosmtplib.SMTP] = []

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[aiosmtplib.SMTP]:
        """A connection ready for MAIL.

        Raises:
            TryLater: the relay cannot be reached, or does not take our credentials.
        """
        async with self._places:
            connection = await self._ready()
            try:
                yield connection
            except BaseException:
                connection.close()
                raise
            self._idle.append(connection)

    async def close(self) -> None:
        """Say goodbye on every idle connection."""
        while self._idle:
            with suppress(aiosmtplib.SMTPException, OSError):
                await self._idle.pop().quit()

    async def _ready(self) -> aiosmtplib.SMTP:
        while self._idle:
            connection = self._idle.pop()
            with suppress(aiosmtplib.SMTPException, OSError):
                await connection.rset(timeout=5)
                return connection
            connection.close()
        return await self._connect()

    async def _connect(self) -> aiosmtplib.SMTP:
        connection = self._client()
        try:
            await connection.connect()
        except aiosmtplib.SMTPAuthenticationError as error:
            raise TryLater(f"smtp {error.code} credentials refused; check JOURNEYS_SMTP_URL") from None
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise _unreachable(error) from None
        return connection

    def _client(self) -> aiosmtplib.SMTP:
        parts = self._parts
        return aiosmtplib.SMTP(
            hostname=parts.hostname,
            port=parts.port,
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            use_tls=parts.scheme == "smtps",
            start_tls=self._start_tls,
            local_hostname=socket.gethostname(),  # getfqdn() may wait for a name server
            timeout=self._timeout,
        )


def _start_tls(parts: SplitResult) -> bool | None:
    """Whether a connection that begins in plain text has to become TLS; None where the relay may choose."""
    if parts.scheme == "smtps":
        return False  # it begins as TLS
    asked = parse_qs(parts.query).get("tls", ["required" if parts.username else "offered"])[-1]
    if asked not in _START_TLS:
        raise ValueError(f"JOURNEYS_SMTP_URL: tls={asked} is unknown; choose one of {', '.join(_START_TLS)}")
    return _START_TLS[asked]


def _unreachable(error: Exception) -> ChannelError:
    if isinstance(error, aiosmtplib.SMTPException) and "STARTTLS extension not supported" in str(error):
        return TryLater(
            "smtp relay offers no STARTTLS, so nothing was sent in plain text; use smtps://… in JOURNEYS_SMTP_URL,"
            " or, in a network that you trust, ?tls=offered"
        )
    code = getattr(error, "code", "")
    return TryLater(f"smtp {type(error).__name__} {code}".rstrip() + " on connecting; check JOURNEYS_SMTP_URL")
