"""Hanging up without an answer: what a sender sees when a provider dies after it has accepted a message.

ASGI has no word for it, so the server's HTTP protocol puts the connection's `close` into the request's scope.
"""

import asyncio
from typing import TYPE_CHECKING, cast

from starlette.requests import Request
from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    from asyncio import Transport

_HANG_UP = "sandbox.hang_up"


class DroppableConnection(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol, whose connections a request may drop."""

    def on_message_begin(self) -> None:
        """Begin a request and give it the means to hang up."""
        super().on_message_begin()
        transport: Transport = self.transport
        cast("dict[str, object]", self.scope)[_HANG_UP] = transport.close


async def hang_up(request: Request, after_seconds: float = 0) -> Response:
    """Stay silent, then drop the connection; the response is never sent."""
    await asyncio.sleep(after_seconds)
    request.scope[_HANG_UP]()
    await asyncio.sleep(0)
    return Response(status_code=500)
