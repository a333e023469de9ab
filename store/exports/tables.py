"""The tables that can be exported, and their columns: Postgres is asked for them, so that a view says it once.

Promise: no address, no name and no trait is in any column; the views of `store/migrations` (0022, 0025) are all that leaves.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from store.database import Database, Record
from store.named import queries

_SQL = queries("exports")


class Name(StrEnum):
    """What there is, in the order in which it is told."""

    EVENTS = "events"
    DELIVERIES = "deliveries"
    RUNS = "runs"
    TRANSITIONS = "transitions"
    CONSENTS = "consents"
    EXPOSURES = "exposures"
    MERGES = "merges"
    ERASURES = "erasures"


#: By which instant each table is cut: when its rows were stored, or as near to it as there is.
_CLOCKS = {
    Name.EVENTS: "received_at",
    Name.DELIVERIES: "due_at",
    Name.RUNS: "created_at",
    Name.TRANSITIONS: "logged_at",
    Name.CONSENTS: "received_at",
    Name.EXPOSURES: "exposed_at",
    Name.MERGES: "merged_at",
    Name.ERASURES: "erased_at",
}


class Format(StrEnum):
    """How rows are written."""

    ARROW = "arrow"
    PARQUET = "parquet"
    CSV = "csv"


class Span(NamedTuple):
    """From this instant on, up to and without that one; an end that is `None` is open."""

    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its type as Postgres calls it, and what it means in a sentence."""

    name: str
    type: str
    about: str


@dataclass(frozen=True, slots=True)
class Table:
    """A view: what a row is, the instant by which it is cut, and its columns in their order."""

    name: Name
    about: str
    clock: str
    columns: tuple[Column, ...]


async def tables(database: Database) -> dict[Name, Table]:
    """All that can be exported, by name."""
    rows = {row["name"]: row for row in await database.pool.fetch(_SQL["columns"])}
    return {name: _table(name, rows[name]) for name in Name}


def _table(name: Name, row: Record) -> Table:
    return Table(name, row["about"], _CLOCKS[name], tuple(Column(*each) for each in row["columns"]))
