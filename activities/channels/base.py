"""What a provider is: one class per file that sends in two steps, and a declared side for doubtful cases.

Promise: whatever waits (a connection, a token, a place) waits in `ready`, before a message is claimed; `send` returns only
when the provider proved that it took the message. Everything else is one of the errors in `errors`.
"""

from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any, NoReturn, Protocol

from activities.channels.errors import Refused
from activities.channels.message import Accepted, Outgoing
from store import Database
from store.deliveries.ledger import MessageKey


class Line(Protocol):
    """The way to a provider, open and free: what is sent now leaves now."""

    async def send(self, outgoing: Outgoing) -> Accepted:
        """Hand one message over.

        Raises:
            ChannelError: one of its kinds; see `activities.channels.errors`.
        """
        ...


class Provider(Protocol):
    """One way of sending on one channel."""

    @property
    def name(self) -> str:
        """What the ledger, the metrics and the spans call it."""
        ...

    @property
    def idempotent(self) -> bool:
        """Whether sending twice under one key, within `forgets_after`, is certain to reach the customer once."""
        ...

    @property
    def forgets_after(self) -> timedelta:
        """How long (real time) it knows a key again."""
        ...

    @property
    def by_settling(self) -> bool:
        """Whether a message is delivered by the statement that settles it: a claim without a settlement delivered nothing."""
        ...

    @property
    def connections(self) -> int:
        """How many messages may be on their way at once from one process; the others wait in Temporal's queue."""
        ...

    @property
    def tells_within(self) -> timedelta:
        """How long the provider may take to report by itself what became of a message; zero where it never does."""
        ...

    @property
    def platforms(self) -> frozenset[str]:
        """The platforms that it alone carries to; none: it carries to all."""
        ...

    @property
    def parts(self) -> "tuple[Provider, ...]":
        """Who carries its messages: itself, or one for some platforms and one for others."""
        ...

    def carrier(self, platform: str | None) -> "Provider":
        """Which of these carries messages to a platform: limits, breakers and the ledger are about that one.

        Raises:
            TryLater: nobody is configured for it.
        """
        ...

    @property
    def senders(self) -> frozenset[str]:
        """Whom its messages come from, where limits may be set for each of them: numbers, a domain."""
        ...

    def number(self, address: str) -> str:
        """Which of them a message to an address comes from; nothing, where it has none."""
        ...

    def ready(self) -> AbstractAsyncContextManager[Line]:
        """Wait for a place, credentials and a connection. Cancelling it, or its failure, leaves no doubt.

        Raises:
            TryLater: there is none to be had now.
        """
        ...

    async def follow(self, database: Database, key: MessageKey) -> None:
        """Do what follows once a message is on the ledger as sent, if anything does; it may be done again.

        Raises:
            TryLater: it could not all be done now.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class ProviderClass(Protocol):
    """A provider's class, as a channel's row names it."""

    name: str
    #: The setting without which it is not configured; empty where it needs none.
    needs: str
    #: What has to be set besides where that is; `A or B`: one of them will do.
    goes_with: tuple[str, ...]

    def configured(self, settings: Any) -> Provider | None:
        """The provider that the settings describe, or none where they say nothing of it.

        Raises:
            Misconfigured: one of them is not what it has to be.
        """
        ...


class Sends:
    """What `ready` makes possible for every provider, and what holds for most of them."""

    needs = ""
    goes_with: tuple[str, ...] = ()
    platforms: frozenset[str] = frozenset()
    by_settling = False

    forgets_after = timedelta.max

    @property
    def parts(self: Provider) -> tuple[Provider, ...]:
        """Itself."""
        return (self,)

    def carrier(self: Provider, platform: str | None) -> Provider:  # noqa: ARG002 - most carry to all of them
        """Itself."""
        return self

    @property
    def senders(self) -> frozenset[str]:
        """None to tell apart."""
        return frozenset()

    def number(self: Provider, address: str) -> str:  # noqa: ARG002 - most have one sender
        """The only one."""
        return next(iter(self.senders), "")

    async def follow(self, database: Database, key: MessageKey) -> None:
        """Nothing follows."""

    async def send(self: Provider, outgoing: Outgoing) -> Accepted:
        """Hand one message over as soon as the provider is ready, with no claim in between."""
        async with self.ready() as line:
            return await line.send(outgoing)


def wrong_content(provider: str, outgoing: Outgoing) -> NoReturn:
    """Refuse content made for another channel; a feature that a provider lacks is never dropped in silence."""
    raise Refused(f"{provider} cannot send {type(outgoing.content).__name__}")
