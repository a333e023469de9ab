"""DATA, the only part of a conversation with a relay that can end in a doubt, and where exactly the doubt begins.

Promise: until the final dot has left, a relay must not deliver (RFC 5321, 4.1.1.4), so whatever breaks before it is
`TryLater`; after it only a reply that says so is a yes or a no.
Source: RFC 5321, 4.1.1.4, 4.2.1, 4.5.2 (dots) and 4.5.3.2 (deadlines).
"""

import asyncio
import re

import aiosmtplib
from aiosmtplib.protocol import SMTPProtocol

from activities.channels.email.smtp_pool import Deadlines
from activities.channels.errors import Ambiguous, TryLater

_LINE_END = re.compile(rb"\r\n|\r|\n")
_LEADING_DOT = re.compile(rb"(?m)^\.")
_BLOCK = 64 * 1024  # bytes
_GO_AHEAD, _TAKEN = 354, 250
_BROKEN = (aiosmtplib.SMTPException, OSError, TimeoutError)


async def hand_over(connection: aiosmtplib.SMTP, written: bytes, deadlines: Deadlines) -> None:
    """Send the letter of an open transaction; returns when the relay has taken it.

    Raises:
        SMTPResponseException: the relay said no, for now (4yz) or for good (5yz).
        TryLater: the connection broke before the end of the letter.
        Ambiguous: the relay has the end of the letter, and said neither yes nor no.
    """
    reply = await connection.execute_command(b"DATA", timeout=deadlines.data)
    if reply.code != _GO_AHEAD:
        raise aiosmtplib.SMTPDataError(reply.code, reply.message)
    protocol = await _sent_but_for_its_end(connection, written, deadlines.block)
    try:
        reply = await protocol.read_response(timeout=deadlines.end)
    except _BROKEN as error:
        raise Ambiguous(f"smtp {type(error).__name__} after the end of the letter") from None
    if 400 <= reply.code <= 599:  # noqa: PLR2004 - the two kinds of no
        raise aiosmtplib.SMTPDataError(reply.code, reply.message)
    if reply.code != _TAKEN:
        raise Ambiguous(f"smtp {reply.code} after the end of the letter, which is neither yes nor no")


async def _sent_but_for_its_end(connection: aiosmtplib.SMTP, written: bytes, block: float) -> SMTPProtocol:
    """The letter piece by piece, each of which has left before the next; then the dot that ends it."""
    content = _with_dots_doubled(written)
    protocol = connection.protocol
    if protocol is None:
        raise TryLater("smtp connection lost before the letter")
    try:
        for start in range(0, len(content), _BLOCK):
            protocol.write(content[start : start + _BLOCK])
            async with asyncio.timeout(block):
                await _left(protocol)
        protocol.write(b".\r\n")
    except _BROKEN as error:
        raise TryLater(f"smtp {type(error).__name__} before the end of the letter") from None
    return protocol


async def _left(protocol: SMTPProtocol) -> None:
    await asyncio.sleep(0)  # hear of an end of the connection that has come already
    transport = protocol.transport
    while isinstance(transport, asyncio.WriteTransport) and transport.get_write_buffer_size():  # noqa: ASYNC110 - it has no event
        await asyncio.sleep(0.02)


def _with_dots_doubled(written: bytes) -> bytes:
    lines = _LEADING_DOT.sub(b"..", _LINE_END.sub(b"\r\n", written))
    return lines if lines.endswith(b"\r\n") else lines + b"\r\n"
