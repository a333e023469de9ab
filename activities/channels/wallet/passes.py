"""Wallet: a pass is issued, or changed, by the statement that settles its message; the wallets that have it are told then.

Promise: exactly once, whatever crashes: the pass stands in the same Postgres as the ledger, so a claim that was never settled
changed nothing. Telling wallets is done again until it is done (`follow`): each is told of the state that is, so the last one
wins, and one that was told twice shows the same.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Self

import structlog

from activities.channels.base import Sends, wrong_content
from activities.channels.errors import ChannelError, EndpointGone, TryLater
from activities.channels.http import CONNECTIONS
from activities.channels.message import Accepted, Outgoing, tag_of
from activities.channels.tracing import sending
from activities.channels.wallet.content import PassContent
from activities.channels.wallet.wallets import Wallets, wallets_of
from store import Database
from store.deliveries import passes
from store.deliveries.ledger import MessageKey

_log = structlog.get_logger(__name__)


class Passes(Sends):
    """Takes every pass; `wallets` are those that are told of changes."""

    name = "wallet"
    needs = "JOURNEYS_WALLET_APPLE_CERTIFICATE or JOURNEYS_WALLET_GOOGLE_SERVICE_ACCOUNT"
    idempotent = True
    by_settling = True
    tells_within = timedelta(0)
    connections = CONNECTIONS

    def __init__(self, wallets: Wallets) -> None:
        self._wallets = wallets

    @classmethod
    def configured(cls, settings: Any) -> Self | None:
        """Where a wallet is set up."""
        wallets = wallets_of(settings)
        return None if wallets is None else cls(wallets)

    @asynccontextmanager
    async def ready(self) -> AsyncIterator["Passes"]:
        """At once."""
        yield self

    async def send(self, outgoing: Outgoing) -> Accepted:
        """Hand the content on to the settlement."""
        if not isinstance(outgoing.content, PassContent):
            wrong_content(self.name, outgoing)
        with sending(self.name, outgoing):
            return Accepted(provider_message_id=id_of(outgoing.key), kept=outgoing.content)

    async def follow(self, database: Database, key: MessageKey) -> None:
        """Tell the wallets that have the pass, but for those that know already.

        Raises:
            TryLater: one could not be told now; the others were.
        """
        late: TryLater | None = None
        for each in await passes.to_tell(database, key):
            try:
                await self._wallets.tell(database, each)
            except EndpointGone as gone:
                await passes.forget(database, each, gone.since)
            except TryLater as error:
                late = error
            except ChannelError as error:
                _log.error("a wallet refuses a pass", template=each.template, platform=each.platform, why=error.detail)
        if late is not None:
            raise late

    async def close(self) -> None:
        """Let go of connections."""
        await self._wallets.close()


def id_of(key: str) -> str:
    """What the ledger calls the message: news of it comes from wallets, through our own API."""
    return f"pass-{tag_of(key, None)}"
