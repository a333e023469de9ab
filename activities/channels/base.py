"""What a provider is: one class per file, one method that sends, and a declared side for doubtful cases.

Promise: `send` returns only when the provider said yes; everything else is one of the errors in `errors`.
"""

from typing import NoReturn, Protocol

from activities.channels.errors import Refused
from activities.channels.message import Accepted, Outgoing
from journeys.contracts import Channel


class Provider(Protocol):
    """One way of sending on one channel."""

    @property
    def name(self) -> str:
        """What the ledger, the metrics and the spans call it."""
        ...

    @property
    def channel(self) -> Channel:
        """The channel that it serves."""
        ...

    @property
    def idempotent(self) -> bool:
        """Whether sending twice under one key is certain to reach the customer once."""
        ...

    async def send(self, outgoing: Outgoing) -> Accepted:
        """Hand one message over.

        Raises:
            ChannelError: one of its kinds; see `activities.channels.errors`.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


def wrong_content(provider: Provider, outgoing: Outgoing) -> NoReturn:
    """Refuse content made for another channel; a feature that a provider lacks is never dropped in silence."""
    raise Refused(f"{provider.name} cannot send {type(outgoing.content).__name__}")
