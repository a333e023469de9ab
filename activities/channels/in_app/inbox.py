"""In-app: a message goes into the customer's inbox, which stands in the same Postgres as the ledger, and apps ask for it.

Promise: exactly once, whatever crashes. The row in the inbox is written by the statement that settles the message, so there is
no doubt: a claim that was never settled certainly showed nothing, and the gate is asked anew. It is shown from the customer's
next session on, until it expires, its goal is reached, or its run is ended (`store.deliveries.inbox`).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Self

from activities.channels.base import Sends, wrong_content
from activities.channels.http import CONNECTIONS
from activities.channels.message import Accepted, InAppContent, Outgoing, tag_of
from activities.channels.tracing import sending


class Inbox(Sends):
    """Takes every message."""

    name = "inbox"
    idempotent = True
    by_settling = True
    tells_within = timedelta(0)
    connections = CONNECTIONS

    @classmethod
    def configured(cls, settings: Any) -> Self:  # noqa: ARG003 - one signature for all providers
        """It is always there: nothing has to be set."""
        return cls()

    @asynccontextmanager
    async def ready(self) -> AsyncIterator["Inbox"]:
        """At once."""
        yield self

    async def send(self, outgoing: Outgoing) -> Accepted:
        """Hand the content on to the settlement."""
        if not isinstance(outgoing.content, InAppContent):
            wrong_content(self.name, outgoing)
        with sending(self.name, outgoing):
            return Accepted(provider_message_id=id_of(outgoing.key), kept=outgoing.content)

    async def close(self) -> None:
        """Nothing to let go of."""


def id_of(key: str) -> str:
    """What the ledger calls the message: news of it comes from the app, through our own API."""
    return f"inbox-{tag_of(key, None)}"
