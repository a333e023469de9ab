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


def passes(error: BaseException) -> bool:
    """Whether Postgres is away or somebody was faster, so that what was being written is not to blame.

    A value that the driver cannot write is, although it counts among the errors of the driver's interface.
    """
    if isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError):
        return False
    return isinstance(error, (*AWAY, asyncpg.TransactionRollbackError))
