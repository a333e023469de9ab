"""A provider behind one address, asked over HTTP: what all of them do alike.

Promise: so many messages are on their way at once, and none is claimed before the provider is known to answer (`reach`).
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx

from activities.channels.base import Sends
from activities.channels.errors import TryLater
from activities.channels.reach import Reach


class OverHttp(Sends):
    """Its client, its places, and the way to it; `url` is its base."""

    name: str

    def __init__(self, http: httpx.AsyncClient, url: str, connections: int) -> None:
        self.connections = connections
        self._http = http
        self._places = asyncio.Semaphore(connections)
        self._reach = Reach(http, self.name, url)

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        """A place, and a provider that answers."""
        async with self._places:
            await self._reach.wait()
            yield

    @contextmanager
    def _on_the_way(self) -> Iterator[None]:
        """While it is asked: after a connection that failed, the next message waits until it answers again."""
        try:
            yield
        except TryLater as error:
            self._reach.lost(error)
            raise

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()
