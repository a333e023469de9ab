"""Connections, bounded before there is a request: how long the head of one may be, and how long it may take.

Promise: one connection costs kilobytes and no time of others', whoever opened it, whatever it sends, and however slowly; what
follows the head is looked after by `api.door` and by the size limits of the routes.
Sources: RFC 9110 (15.5.9, 408), RFC 6585 (5, 431).
"""

import asyncio

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api.problems import MEDIA_TYPE, Problem

#: Bytes of a request's line and headers, and of what stands behind a body in pieces.
HEAD = 32 * 1024
#: Seconds until a head must be whole.
SECONDS = 10.0


_TOO_LARGE = Problem(431, f"the request's line and headers are more than {HEAD:,} bytes; send less of them")
_TOO_LATE = Problem(408, f"the request's line and headers were not there after {SECONDS:g} s; send it again at once")
_CLOSE = {"Connection": "close"}


class Bounded(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol, whose heads end."""

    #: Whether a head has begun, or headers behind a body; how much of it came in reads of its own; and its deadline.
    _in_head = False
    _heard: int | None = None
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first head."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Read on, and count what belongs to a head that is not whole."""
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._in_head:
            self._heard = 0 if self._heard is None else self._heard + len(data)
            if self._heard > HEAD:
                self._refuse(_TOO_LARGE)
                return
        if self._deadline is None and (self._in_head or self.cycle is None or self.cycle.response_complete):
            self._wait()

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._in_head, self._heard = True, None

    def on_headers_complete(self) -> None:
        """A head is whole."""
        self._whole()
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > HEAD:
            self.app = _too_large
        super().on_headers_complete()

    def on_chunk_header(self) -> None:
        """A piece of a body begins; behind the last one there may be headers."""
        self._in_head, self._heard = True, None

    def on_body(self, body: bytes) -> None:
        """It was not the last one."""
        self._whole()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Nothing more of this request comes."""
        self._whole()
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._whole()
        super().connection_lost(exc)

    def _whole(self) -> None:
        self._in_head = False
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _wait(self) -> None:
        self._deadline = self.loop.call_later(SECONDS, self._give_up)

    def _give_up(self) -> None:
        if self._in_head:
            self._refuse(_TOO_LATE)
        else:
            self.transport.close()

    def _refuse(self, problem: Problem) -> None:
        """Answer, unless another answer is on its way, and hang up."""
        self._whole()
        if self.cycle is None or self.cycle.response_complete:
            body = _said(problem)
            head = f"Content-Type: {MEDIA_TYPE}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            self.transport.write(STATUS_LINE[problem.status] + head.encode() + body)
        self.transport.close()


async def _too_large(scope: Scope, receive: Receive, send: Send) -> None:
    """The app of a request whose head came at once, and is too long."""
    await Response(_said(_TOO_LARGE), _TOO_LARGE.status, _CLOSE, MEDIA_TYPE)(scope, receive, send)


def _said(problem: Problem) -> bytes:
    return problem.body().model_dump_json().encode()
