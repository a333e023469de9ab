"""What the driver raises while Postgres is down, restarting, full, failing over or silent: all of it passes.

The one list of it: who answers "try again" and who waits and tries again mean the same errors.
"""

import asyncpg

from store.errors import StoreUnreachable

AWAY: tuple[type[BaseException], ...] = (
    StoreUnreachable,
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
)
