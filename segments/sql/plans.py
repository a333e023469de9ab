"""How Postgres plans what is asked of segments: about a few customers by index, about everybody set by set.

Promise: no plan hangs on an estimate. Statistics are old, or missing, just when a shop grows; `selection` writes each question
so that one way to answer it is left, and these settings, which end with the transaction, take the other ways away.
"""

from store import Connection, queries

_SQL = queries("segments")


async def plan_for_a_few(connection: Connection) -> None:
    """From here on to the end of the transaction, only some customers are asked about."""
    await connection.execute(_SQL["plan_for_a_few"])


async def plan_as_ever(connection: Connection) -> None:
    """From here on, statements of any kind."""
    await connection.execute(_SQL["plan_as_ever"])


async def plan_for_everybody(connection: Connection) -> None:
    """From here on, statements about everybody; one about a few is answered, too, but planned for each time."""
    await connection.execute(_SQL["plan_for_everybody"])
