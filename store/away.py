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
#: That, and whatever else Postgres refuses a write for, which may be what somebody else is doing at that moment.
NOT_WRITTEN: tuple[type[BaseException], ...] = (*AWAY, asyncpg.PostgresError)


def passes(error: BaseException) -> bool:
    """Whether Postgres is away or somebody was faster, so that what was being written is not to blame.

    A value that the driver cannot write is, although it counts among the errors of the driver's interface.
    """
    if isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError):
        return False
    return isinstance(error, (*AWAY, asyncpg.TransactionRollbackError))
