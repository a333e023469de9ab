"""Inboxes as they change, to everybody who keeps one open: one look a second for all of them, and news to those whose it is.

Promise: bounded. A process holds so many streams and no more, a user so many of these; each ends by itself after some minutes,
and whoever comes again with the id of what they saw hears only what is new. An event is the whole inbox, so that nothing which
was missed matters: what expired, was withdrawn or was put away elsewhere is not in it. A look is one question, and one more
for each goal, however many look; `LISTEN` would hold a session, pass no pooler, and not hear that time has passed.
Source: HTML Living Standard, 9.2 (server-sent events).
"""

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from api.onsite.models import InboxOut
from api.problems import UNAVAILABLE, Problem

#: Seconds: between two looks, between signs of life, and until a stream ends.
LOOK, HEARTBEAT, LIFE = 1.0, 15.0, 600.0
#: Streams of one user at once: their devices, and tabs that are left open.
_MOST_OF_ONE = 8
_AGAIN = 3  # seconds after which a client comes again
_MANY = 500  # users in one question

Look: TypeAlias = Callable[[Sequence[str]], Awaitable[dict[str, InboxOut]]]


@dataclass(eq=False)
class _Stream:
    """One that somebody keeps open: by which id they know what they have seen, and what they have yet to."""

    seen: str
    news: "asyncio.Queue[tuple[str, bytes]]" = field(default_factory=lambda: asyncio.Queue(1))

    def tell(self, id_: str, data: bytes) -> None:
        """The inbox as it is; what was not sent yet is old."""
        if id_ != self.seen:
            with suppress(asyncio.QueueEmpty):
                self.news.get_nowait()
            self.seen = id_
            self.news.put_nowait((id_, data))


class Streams:
    """The open streams of a process."""

    def __init__(self, look: Look, most: int) -> None:
        self._look = look
        self._most = most
        self._open: dict[str, set[_Stream]] = defaultdict(set)
        self._looking: asyncio.Task[None] | None = None

    def answer(self, user_id: str, last_event_id: str, still_allowed: Callable[[], Awaitable[None]]) -> Response:
        """A stream for one who looks, as an answer that is refused while there is no room.

        Raises (when it is sent):
            Problem: 429, this user has too many open; 503, the process has.
        """
        return _Answer(self, user_id, last_event_id, still_allowed)

    def _insist_on_room(self, user_id: str) -> None:
        if len(self._open.get(user_id, ())) >= _MOST_OF_ONE:
            raise Problem(
                429, "this user has too many streams open; close some, or ask GET /v1/inbox", headers={"Retry-After": "60"}
            )
        if sum(map(len, self._open.values())) >= self._most:
            told = "too many streams are open; come again in 30 s, or ask GET /v1/inbox now and then"
            raise Problem(503, told, headers={"Retry-After": "30"})

    async def of(self, user_id: str, stream: _Stream, still_allowed: Callable[[], Awaitable[None]]) -> AsyncIterator[bytes]:
        """Events for one who looks, until they go, may not any more, or the stream has lived long enough."""
        until = asyncio.get_running_loop().time() + LIFE
        yield f"retry: {_AGAIN * 1000}\n\n".encode()
        await self._tell([user_id])
        while asyncio.get_running_loop().time() < until:
            try:
                async with asyncio.timeout(HEARTBEAT):
                    id_, data = await stream.news.get()
            except TimeoutError:
                if not await _may(still_allowed):
                    return
                yield b": still here\n\n"
            else:
                yield b"id: %b\nevent: inbox\ndata: %b\n\n" % (id_.encode(), data)

    @contextmanager
    def joined(self, user_id: str, last_event_id: str) -> Iterator[_Stream]:
        """A place among the open streams, until the end of the block.

        Raises:
            Problem: there is no room.
        """
        self._insist_on_room(user_id)
        stream = _Stream(last_event_id)
        self._open[user_id].add(stream)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._looks())
        try:
            yield stream
        finally:
            self._open[user_id].discard(stream)
            if not self._open[user_id]:
                del self._open[user_id]

    async def _looks(self) -> None:
        while self._open:
            await asyncio.sleep(LOOK)
            users = list(self._open)
            for begin in range(0, len(users), _MANY):
                await self._tell(users[begin : begin + _MANY])

    async def _tell(self, users: Sequence[str]) -> None:
        """A look that fails costs nothing: the next one sees the same."""
        with suppress(*UNAVAILABLE):
            for user, shown in (await self._look(users)).items():
                data = shown.model_dump_json().encode()
                id_ = hashlib.sha256(data).hexdigest()[:16]
                for stream in tuple(self._open.get(user, ())):
                    stream.tell(id_, data)

    async def close(self) -> None:
        """Stop looking."""
        if self._looking is not None:
            self._looking.cancel()


class _Answer(StreamingResponse):
    """A stream as an answer: it has its place before its first byte, and gives it back however it ends."""

    def __init__(
        self, streams: Streams, user_id: str, last_event_id: str, still_allowed: Callable[[], Awaitable[None]]
    ) -> None:
        super().__init__((), media_type="text/event-stream", headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self._joined = partial(streams.joined, user_id, last_event_id)
        self._events = partial(streams.of, user_id, still_allowed=still_allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._joined() as stream:
            self.body_iterator = self._events(stream)
            await super().__call__(scope, receive, send)


async def _may(still_allowed: Callable[[], Awaitable[None]]) -> bool:
    """Whether the key is still good; while Postgres is away it is taken to be."""
    try:
        with suppress(*UNAVAILABLE):
            await still_allowed()
    except Problem:
        return False
    return True
