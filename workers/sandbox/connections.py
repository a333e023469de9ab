"""Answers that never come: what a sender sees when a provider dies after it has accepted a message, or the way to it does.

ASGI has no word for it, so the server's HTTP protocol puts its connection into the request's scope.
"""

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, cast

from starlette.requests import Request
from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    from asyncio import Transport

_CONNECTION = "sandbox.connection"
_HALF_AN_ANSWER = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{"id": "'


class DroppableConnection(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol, whose connections a request may drop."""

    def on_message_begin(self) -> None:
        """Begin a request and give it the means to hang up."""
        super().on_message_begin()
        transport: Transport = self.transport
        cast("dict[str, object]", self.scope)[_CONNECTION] = transport


async def hang_up(request: Request, after_seconds: float = 0) -> Response:
    """Stay silent, then drop the connection; the response is never sent."""
    await asyncio.sleep(after_seconds)
    request.scope[_CONNECTION].close()
    await asyncio.sleep(0)
    return Response(status_code=500)


async def cut_off(request: Request, fault: str, after_seconds: float = 0) -> Response:
    """The end of a request that was taken, by one of the faults in `faults.UNANSWERED`; no whole answer is ever sent."""
    await asyncio.sleep(after_seconds)
    connection: Transport = request.scope[_CONNECTION]
    if fault == "reset":
        connection.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.abort()
    elif fault == "truncated":
        connection.write(_HALF_AN_ANSWER)
    return await hang_up(request)
