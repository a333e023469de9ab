"""What became of messages, written together where many become known at once.

Promise: each is written as it would be alone, and who waits for it hears nothing before it stands. A statement for many waits
for nobody else's lock: who is held is written alone after it.
"""

from collections.abc import Sequence

import structlog

from activities.together import Gathered
from store import Database
from store.away import AWAY
from store.deliveries import ledger
from store.deliveries.ledger import MessageKey, Settlement

log = structlog.get_logger(__name__)

Told = tuple[Database, MessageKey, Settlement, int]
#: So many at most are settled in one statement.
TOGETHER = 64
#: Seconds between two such statements; a message that finds none under way waits for none.
PAUSE = 0.025


class Settling:
    """Writes the settlements of one process."""

    def __init__(self) -> None:
        """Whoever settles while others are being settled is settled with those who wait by then."""
        self._gathered: Gathered[Told, bool] = Gathered(_together, TOGETHER, PAUSE)

    async def settle(self, database: Database, key: MessageKey, settlement: Settlement, attempt: int) -> None:
        """Write what became of a claimed message, as the attempt with this number saw it."""
        told = database, key, settlement, attempt
        if settlement.inbox is not None or not await self._gathered.ask(told):
            await ledger.settle(*told)


async def _together(told: Sequence[Told]) -> Sequence[bool]:
    """Which of them have been written; not one that is alone."""
    if len(told) == 1:
        return [False]
    last = {key: (key, said, attempt) for _, key, said, attempt in told}
    try:
        written = await ledger.settle_all(told[0][0], list(last.values()), wait=False)
    except AWAY:
        raise
    except Exception as error:  # noqa: BLE001 - each of them raises its own, alone
        log.warning("messages are settled one by one, not together", messages=len(told), kind=type(error).__name__)
        return [False] * len(told)
    return [key in written and last[key] == (key, said, attempt) for _, key, said, attempt in told]
