"""Who had which product when, as a table of the transaction: without what was cancelled or given back."""

from datetime import datetime

from segments.language.predicate import Predicate
from segments.leaves.did import Did
from segments.sql.lines import lines_of
from store import Connection, queries

_SQL = queries("lines")
_LONG = 3600.0


async def purchases(
    connection: "Connection", of: Did, at: datetime, *, line: Predicate | None = None, whole: bool = False
) -> None:
    """Fill the temporary table `purchase`, until the transaction ends, with what is known at an instant."""
    await connection.execute(_SQL["make_told"])
    await connection.execute(_SQL["make_purchase"])
    await connection.execute(_SQL["begin_lines"])
    told = lines_of(of, line, whole=whole)
    await connection.execute(told.sql, *told.args(at), timeout=_LONG)
    await connection.execute(_SQL["settle"], at, timeout=_LONG)
    await connection.execute(_SQL["look_at_purchases"], timeout=_LONG)
