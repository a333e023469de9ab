"""Servers that say exactly what a test writes for them: a mail relay, an HTTP/1.1 and an HTTP/2 provider. No code of ours."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(serve: Serve) -> AsyncIterator[int]:
    """A TCP server on a port of its own."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@dataclass
class Relay:
    """A mail relay. `""` as a reply closes the connection instead."""

    after_data: str = "354 go ahead"
    read_body: bool = True
    at_the_end: str = "250 taken"
    at_recipient: dict[str, str] = field(default_factory=dict)
    letters: list[bytes] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    connections: int = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.write(b"220 relay\r\n")
        while line := (await reader.readline()).decode().strip():
            self.commands.append(line)
            reply = await self._reply(line, reader, writer)
            if not reply:
                return
            writer.write(f"{reply}\r\n".encode())

    async def _reply(self, line: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        match line.split(maxsplit=1)[0].upper():
            case "RCPT":
                return next((reply for address, reply in self.at_recipient.items() if address in line), "250 ok")
            case "DATA" if self.after_data.startswith("354") and self.read_body:
                writer.write(f"{self.after_data}\r\n".encode())
                self.letters.append(await reader.readuntil(b"\r\n.\r\n"))
                return self.at_the_end
            case "DATA":
                writer.write(f"{self.after_data}\r\n".encode())
                await writer.drain()
                return ""
        return "250 ok"


@dataclass
class Http:
    """An HTTP/1.1 provider that gives every POST the same bytes as its answer, and every HEAD a 404."""

    answer: bytes
    posts: list[bytes] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            if head.startswith(b"HEAD"):
                writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
                continue
            length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            self.posts.append(await reader.readexactly(length))
            for start in range(0, len(self.answer), 65_536):  # so that nothing piles up here that nobody reads
                writer.write(self.answer[start : start + 65_536])
                await writer.drain()


def answering(status: str, body: bytes, *headers: str) -> bytes:
    """The bytes of an HTTP/1.1 answer."""
    lines = [f"HTTP/1.1 {status}", *headers, f"content-length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


@dataclass
class Http2:
    """An HTTP/2 provider over a plain connection: what it does with each request is the test's."""

    on_request: Callable[[h2.connection.H2Connection, int], None]
    requests: int = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        state = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        state.initiate_connection()
        writer.write(state.data_to_send())
        while data := await reader.read(65_536):
            for event in state.receive_data(data):
                if isinstance(event, h2.events.StreamEnded):
                    self.requests += 1
                    self.on_request(state, event.stream_id)
            writer.write(state.data_to_send())
            await writer.drain()
