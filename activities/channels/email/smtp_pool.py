"""A few SMTP connections, opened when wanted and reused; a connection that had any trouble is thrown away.

Promise: what is handed out has just answered, so that a connection which died while idle is never mistaken for a doubt;
a relay is given all the time that RFC 5321 gives it.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import aiosmtplib

from activities.channels.errors import ChannelError, Misconfigured, NoConnection, TryLater

_SCHEMES = ("smtp", "smtps")
_STALE = 60.0  # seconds after which an idle connection is not asked whether it lives: a silent one would cost minutes


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How many seconds a client must give a relay for each answer, at the least (RFC 5321, 4.5.3.2)."""

    command: float = 300  # the greeting, MAIL, RCPT and all commands but DATA
    data: float = 120  # the go-ahead after DATA
    block: float = 180  # taking one piece of the letter
    end: float = 600  # the answer to the final dot: the relay is delivering meanwhile


#: `?tls=` of an smtp:// URL, as aiosmtplib's `start_tls`.
_START_TLS = {"required": True, "offered": None, "never": False}


class SmtpPool:
    """At most `size` connections to the relay at `url`.

    `smtp://…?tls=required` insists on STARTTLS (the default with a password), `offered` takes it where the relay has it (the
    default without one), `never` does without: a password then goes over the wire for all to read.
    """

    def __init__(self, url: str, size: int, deadlines: Deadlines) -> None:
        parts = urlsplit(url)
        if parts.scheme not in _SCHEMES or not parts.hostname:
            raise Misconfigured("JOURNEYS_SMTP_URL must be smtp://user:password@host:port or smtps://…")
        self._parts = parts
        self._deadlines = deadlines
        self._start_tls = _start_tls(parts)
        self._places = asyncio.Semaphore(size)
        self._idle: list[tuple[aiosmtplib.SMTP, float]] = []

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[aiosmtplib.SMTP]:
        """A connection ready for MAIL. Whoever gives it back open gives it back ready for RSET.

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
            if connection.is_connected:
                self._idle.append((connection, asyncio.get_running_loop().time()))

    async def close(self) -> None:
        """Say goodbye on every idle connection."""
        while self._idle:
            with suppress(aiosmtplib.SMTPException, OSError):
                await self._idle.pop()[0].quit(timeout=5)

    async def _ready(self) -> aiosmtplib.SMTP:
        while self._idle:
            connection, since = self._idle.pop()
            with suppress(aiosmtplib.SMTPException, OSError):
                if asyncio.get_running_loop().time() - since < _STALE:
                    await connection.rset()
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
            timeout=self._deadlines.command,
        )


def _start_tls(parts: SplitResult) -> bool | None:
    """Whether a connection that begins in plain text has to become TLS; None where the relay may choose."""
    if parts.scheme == "smtps":
        return False  # it begins as TLS
    asked = parse_qs(parts.query).get("tls", ["required" if parts.username else "offered"])[-1]
    if asked not in _START_TLS:
        raise Misconfigured(f"JOURNEYS_SMTP_URL: tls={asked} is unknown; choose one of {', '.join(_START_TLS)}")
    return _START_TLS[asked]


def _unreachable(error: Exception) -> ChannelError:
    if isinstance(error, aiosmtplib.SMTPException) and "STARTTLS extension not supported" in str(error):
        return TryLater(
            "smtp relay offers no STARTTLS, so nothing was sent in plain text; use smtps://… in JOURNEYS_SMTP_URL,"
            " or, in a network that you trust, ?tls=offered"
        )
    code = getattr(error, "code", "")
    return NoConnection(f"smtp {type(error).__name__} {code}".rstrip() + " on connecting; check JOURNEYS_SMTP_URL")
