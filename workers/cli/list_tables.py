"""What `journeys lists` shows: the lists, and what an import did with its bad rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from segments.define.importing import Report
from store.lists import ImportRow
from workers.cli.tables import instant, reading, show

__all__ = ["Import", "imported", "lists", "reading", "show"]


@dataclass(frozen=True, slots=True)
class Import:
    """What an import did; `problems` may hold fewer than all of the `bad` rows."""

    id: UUID
    list: str
    state: str
    rows: int
    added: int
    already: int
    removed: int
    bad: int
    problems: Sequence[Mapping[str, object]]

    @classmethod
    def of(cls, name: str, id_: UUID, done: Report) -> "Import":
        """An import that this process made."""
        problems = tuple(problem | {"value": done.given[int(problem["row"])]} for problem in done.problems)
        return cls(id_, name, "finished", *done.counts, problems)

    @classmethod
    def told(cls, row: ImportRow, problems: Iterable[tuple[int, str]]) -> "Import":
        """An import from the store, with all its bad rows."""
        named = tuple({"row": n, "problem": what} for n, what in problems)
        return cls(row.id, row.list_name, row.state, row.rows, row.added, row.already, row.removed, row.bad, named)


def lists(found: Sequence[dict[str, Any]]) -> Iterable[RenderableType]:
    """The lists."""
    if not found:
        yield Text("no lists yet; make one with `journeys lists import <name> <file>` or `journeys lists add`")
        return
    table = Table("list", "members", "made by", "snapshot of")
    for each in found:
        table.add_row(each["name"], f"{each['members']:,}", each["by"], _frozen(each["snapshot"]))
    yield table


def imported(done: Import) -> Iterable[RenderableType]:
    """What an import did, and its bad rows."""
    removed = f", {done.removed:,} taken off" if done.removed else ""
    state = "" if done.state == "finished" else f" ({done.state})"
    counts = f"{done.rows:,} rows, {done.added:,} added, {done.already:,} on it already, {done.bad:,} bad{removed}"
    yield Text(f"{done.list}: {counts}{state}")
    if done.problems:
        table = Table("row", "problem", *(["value"] if "value" in done.problems[0] else []))
        for problem in done.problems:
            table.add_row(*map(str, problem.values()))
        yield table
    if done.bad > len(done.problems):
        yield Text(f"and {done.bad - len(done.problems):,} more bad rows; all of them: journeys lists report {done.id}")


def _frozen(snapshot: Any) -> str:
    if snapshot is None:
        return "-"
    how_far = "" if snapshot.state == "finished" else f" ({snapshot.state}: {snapshot.written:,} of {snapshot.members:,})"
    return f"{snapshot.segment} at {instant(snapshot.at)}{how_far}"
