"""A channel whose customers have devices of several platforms, some of which have a provider of their own.

Promise: a message goes by its address's platform, and only by that. A provider that cannot be reached keeps those of the others
from nothing: it fails where a message would need it, without a doubt.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from activities.channels.base import Line, Provider, Sends
from activities.channels.breaker import Breaker
from activities.channels.errors import ChannelError, TryLater
from activities.channels.message import Accepted, Outgoing


def by_platform(providers: Sequence[Provider]) -> list[Provider]:
    """Those that carry to all platforms, each with those that platforms have of their own; or these alone."""
    usual = [each for each in providers if not each.platforms]
    own = {platform: each for each in reversed(providers) for platform in each.platforms}
    if not own:
        return usual
    return [Platforms(each, own) for each in usual] or [Platforms(None, own)]


class Platforms(Sends):
    """Several providers as one, each with a breaker of its own: who stops for one is no reason to stop for the others."""

    idempotent = False

    def __init__(self, usual: Provider | None, own: Mapping[str, Provider]) -> None:
        self._usual = usual
        self._own = own
        self._all = tuple(dict.fromkeys([*([usual] if usual else []), *own.values()]))
        self.name = "+".join(each.name for each in self._all)
        self.connections = max(each.connections for each in self._all)
        self.tells_within = max((each.tells_within for each in self._all), default=timedelta(0))
        self.breakers = {each.name: Breaker(each.name) for each in self._all}

    @property
    def parts(self) -> tuple[Provider, ...]:
        """All of them."""
        return self._all

    @asynccontextmanager
    async def ready(self) -> AsyncIterator["_Lines"]:
        """Wait for all of them.

        Raises:
            ChannelError: none is to be had now.
        """
        async with AsyncExitStack() as held:
            lines: dict[str, Line | ChannelError] = {}
            for each in self._all:
                try:
                    lines[each.name] = await held.enter_async_context(each.ready())
                except ChannelError as error:
                    lines[each.name] = error
            failed = [line for line in lines.values() if isinstance(line, ChannelError)]
            if len(failed) == len(lines):
                raise failed[0]
            yield _Lines(self, lines)

    def carrier(self, platform: str | None) -> Provider:
        """Who carries messages to a platform."""
        found = self._own.get(platform or "", self._usual)
        if found is None:
            raise TryLater(f"no provider is configured for the platform {platform or 'unknown'}: only {self.name}")
        return found

    async def close(self) -> None:
        """Let go of all connections."""
        for each in self._all:
            await each.close()


@dataclass(frozen=True, slots=True)
class _Lines:
    """The ways to all of them, or what each came to."""

    platforms: Platforms
    lines: Mapping[str, Line | ChannelError]

    async def send(self, outgoing: Outgoing) -> Accepted:
        """Hand one message over to who carries it, if its breaker lets it through."""
        carrier = self.platforms.carrier(outgoing.address.platform)
        with self.platforms.breakers[carrier.name].watch(outgoing.key):
            line = self.lines[carrier.name]
            if isinstance(line, ChannelError):
                raise line
            accepted = await line.send(outgoing)
        return accepted.model_copy(update={"provider": carrier.name})
