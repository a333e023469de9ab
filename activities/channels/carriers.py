"""Who carries a channel's messages: one provider, or several that share them by weight and stand in for each other.

Promise: which of them a message is offered to first, and to whom then, is decided by its key alone: the same for every
attempt, in every worker. A provider of weight 0 only stands in. Taking one away moves no message between the others.
"""

import math
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from activities.channels.base import Line, Provider
from activities.channels.breaker import Breaker
from activities.channels.errors import ChannelError
from activities.channels.message import Accepted, Outgoing
from activities.channels.platforms import Platforms
from segments.language.chance import draw

_BYTES = 8
_DIGITS = 4


class Carriers:
    """The providers of one channel, the usual one first."""

    def __init__(self, *providers: Provider, weights: Mapping[str, int] | None = None) -> None:
        self.all = providers
        self.breakers = {name: each for provider in providers for name, each in _breakers(provider).items()}
        self._weights = _shares(providers, weights or {})

    @property
    def connections(self) -> int:
        """How many messages may be on their way at once from one process, by whichever of them."""
        return sum(each.connections for each in self.all)

    def order(self, key: str) -> tuple[Provider, ...]:
        """Whom a message is offered to, one after the other: each is first for its share of all messages."""
        if len(self.all) == 1:
            return self.all
        return tuple(sorted(self.all, key=lambda each: _score(key, each.name, self._weights[each.name]), reverse=True))

    def named(self, name: str | None) -> Provider | None:
        """The one whose messages the ledger calls so, if it is still there."""
        return next((each for each in self.all if name == each.name or name in {part.name for part in each.parts}), None)

    @asynccontextmanager
    async def ready(self, provider: Provider, key: str = "") -> AsyncIterator[Line]:
        """The way to one of them for the message of a key, as its `ready` gives it, if its breaker lets that through.

        Raises:
            ChannelError: it is not to be had now.
        """
        if isinstance(provider, Platforms):  # which asks the breaker of whoever carries the message
            async with provider.ready() as lines:
                yield lines
            return
        breaker = self.breakers[provider.name]
        asked = breaker.enter(key)
        try:
            async with AsyncExitStack() as held:
                try:
                    line = await held.enter_async_context(provider.ready())
                except ChannelError as error:
                    breaker.heard(error)
                    raise
                yield _Watched(line, breaker)
        finally:
            breaker.leave(asked)

    async def close(self) -> None:
        """Let go of all connections."""
        for each in self.all:
            await each.close()


@dataclass(frozen=True, slots=True)
class _Watched:
    """A way to a provider that tells its breaker what came of it."""

    line: Line
    breaker: Breaker

    async def send(self, outgoing: Outgoing) -> Accepted:
        """Hand one message over."""
        with self.breaker.hearing(outgoing.key):
            return await self.line.send(outgoing)


def _breakers(provider: Provider) -> Mapping[str, Breaker]:
    return provider.breakers if isinstance(provider, Platforms) else {provider.name: Breaker(provider.name)}


def read_weights(text: str, known: Collection[str]) -> dict[str, int]:
    """Weights of providers by name, as the setting has them: `twilio=3, aws-sms=1`.

    Raises:
        ValueError: it cannot be read; says what is wrong.
    """
    found: dict[str, int] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, weight = (piece.strip() for piece in part.partition("="))
        if name not in known:
            raise ValueError(f"{name} is no provider: {', '.join(sorted(known))}")
        if not weight.isdecimal() or not weight.isascii() or len(weight) > _DIGITS or name in found:
            raise ValueError(f"write one whole number for {name}, such as {name}=3; 0: it only stands in for the others")
        found[name] = int(weight)
    return found


def _shares(providers: Sequence[Provider], weights: Mapping[str, int]) -> dict[str, int]:
    """The weight of each; where none of them is given one, the first carries all."""
    usual = {providers[0].name: 1} if providers and not any(each.name in weights for each in providers) else weights
    return {each.name: usual.get(each.name, 0) for each in providers}


def _score(key: str, name: str, weight: int) -> float:
    """Weighted rendezvous hashing: of all scores the highest is a provider's with the chance of its share of the weights.

    Source: Schindelhauer and Schomaker, "Weighted distributed hash tables" (2005), logarithmic method.
    """
    chance = (draw(f"provider/{key}/{name}".encode(), _BYTES) + 1) / (256**_BYTES + 1)
    return -weight / math.log(chance) if weight else chance - 1
