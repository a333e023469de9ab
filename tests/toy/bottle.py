"""How it is carried: into a list."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Self

from activities.channels.base import Sends
from activities.channels.message import Accepted, Content, Outgoing


class Paper(Content):
    """What stands on it."""

    words: str


class Sea(Sends):
    """Takes every bottle; `found` is what was thrown in, by whom it is for."""

    name = "sea"
    idempotent = False
    connections = 10
    tells_within = timedelta(0)

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []

    @classmethod
    def configured(cls, settings: Any) -> Self:  # noqa: ARG003 - one signature for all providers
        """It is always there."""
        return cls()

    @asynccontextmanager
    async def ready(self) -> AsyncIterator["Sea"]:
        """At once."""
        yield self

    async def send(self, outgoing: Outgoing) -> Accepted:  # type: ignore[override]  # it is its own line
        """Throw one in."""
        assert isinstance(outgoing.content, Paper)
        self.found.append((outgoing.address.value, outgoing.content.words))
        return Accepted(provider_message_id=str(len(self.found)))

    async def close(self) -> None:
        """Nothing to let go of."""
