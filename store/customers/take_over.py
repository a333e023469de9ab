"""Events that turn out to be another customer's go there, with all that came with them.

Promise: what a device said without a user id is its owner's of that time: events, the traits and consents that they told, and
addresses last seen with them. Runs and messages stay where they are; memberships follow at the next tick of the watch.
"""

from collections.abc import Sequence
from datetime import datetime

from store.customers.endpoints import replace_addresses
from store.customers.owners import Move
from store.customers.traits import retell
from store.database import Connection
from store.named import queries

_SQL = queries("identity")


async def hand_over(connection: Connection, moves: Sequence[Move], at: datetime) -> None:
    """Carry out these moves between profiles that this transaction has locked, at this business time."""
    for move in moves:
        if move.giver != move.taker:
            await _hand_over(connection, move, at)


async def _hand_over(connection: Connection, move: Move, at: datetime) -> None:
    span = (move.device, move.since, move.until)
    row = await connection.fetchrow(_SQL["hand_over_events"], move.giver, move.taker, *span, at)
    assert row is not None, "an aggregate always answers"
    if row["any"]:
        both = [move.giver, move.taker]
        await connection.execute(_SQL["date_profiles"], both)
        if row["traits"]:
            await retell(connection, both)
        await replace_addresses(connection, both)
