"""Who may change the membership of a shard: one transaction at a time, also where shards of another split share its customers.

Promise: locks end with their transaction; whoever takes several takes them in one order.
"""

from datetime import UTC, datetime

from store import Connection, queries
from store.locks import Lock

#: The `evaluated_to` of a version that has to be evaluated anew.
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


async def lock_shard(connection: Connection, shard: int, shards: int) -> None:
    """Have a shard's membership alone until the transaction ends."""
    await connection.execute(queries("segments")["lock_shard"], Lock.SHARD, shards * 256 + shard)


async def alone(connection: Connection, shard: int, shards: int) -> None:
    """Have it alone against the shards of every known split that share customers with it, too."""
    for row in await connection.fetch(queries("backfill")["splits"], shard, shards):
        await lock_shard(connection, row["shard"], row["shards"])
