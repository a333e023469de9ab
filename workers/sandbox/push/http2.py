"""An HTTP/2 server without TLS, for the one provider that speaks nothing else: answers, or a dropped connection.

Source: RFC 9113, 3.3 (prior knowledge: no upgrade from HTTP/1.1).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events
import h2.exceptions

_MOST = 64 * 1024  # bytes of a body; beyond it only their number is kept


@dataclass
class Request:
    """What a client asks."""

    headers: dict[str, str]
    body: bytearray = field(default_factory=bytearray)

    @property
    def method(self) -> str:
        """The method."""
        return self.headers[":method"]

    @property
    def path(self) -> str:
        """The path."""
        return self.headers[":path"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered; `last`: and the connection takes no more requests (GOAWAY)."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    last: bool = False


#: None drops the connection.
Handle = Callable[[Request], Awaitable[Answer | None]]


class Http2(asyncio.Protocol):
    """One connection."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._state = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self._requests: dict[int, Request] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send our settings."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._state.initiate_connection()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Nobody is there to be answered."""
        for task in self._tasks:
            task.cancel()

    def data_received(self, data: bytes) -> None:
        """Take frames."""
        try:
            events = self._state.receive_data(data)
        except h2.exceptions.ProtocolError:
            self._flush()
            self._drop()
            return
        for event in events:
            self._take(event)
        self._flush()

    def _take(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.RequestReceived(stream_id=int(stream), headers=list(headers)):
                self._requests[stream] = Request({str(name): str(value) for name, value in headers})
            case h2.events.DataReceived(stream_id=int(stream), data=bytes(data)):
                self._state.acknowledge_received_data(event.flow_controlled_length, stream)
                if stream in self._requests and len(self._requests[stream].body) <= _MOST:
                    self._requests[stream].body += data
            case h2.events.StreamEnded(stream_id=int(stream)):
                task = asyncio.create_task(self._answer(stream, self._requests.pop(stream)))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            case h2.events.StreamReset(stream_id=int(stream)):
                self._requests.pop(stream, None)
            case h2.events.ConnectionTerminated():
                self._drop()

    async def _answer(self, stream: int, request: Request) -> None:
        answer = await self._handle(request)
        if answer is None:
            self._drop()
            return
        with suppress(h2.exceptions.ProtocolError):  # the client is gone, or wants no answer any more
            headers = [(":status", str(answer.status)), *answer.headers.items()]
            body = b"" if request.method == "HEAD" else answer.body
            self._state.send_headers(stream, headers, end_stream=not body)
            if body:
                self._state.send_data(stream, body, end_stream=True)
            if answer.last:
                self._state.close_connection(last_stream_id=stream)
            self._flush()

    def _flush(self) -> None:
        if self._transport is not None and (data := self._state.data_to_send()):
            self._transport.write(data)

    def _drop(self) -> None:
        if self._transport is not None:
            self._transport.close()
