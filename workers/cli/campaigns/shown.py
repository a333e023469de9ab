"""What `journeys starts` shows: starts and campaigns with how far they are, one of them with its bad rows, a trial."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from workers.cli.operating.run_tables import as_short


def listed(found: Sequence[Mapping[str, Any]]) -> Iterable[RenderableType]:
    """The starts and campaigns."""
    if not found:
        yield Text("nothing yet; begin with `journeys starts file JOURNEY FILE --dry-run`")
        return
    length = as_short([each["id"] for each in found])
    table = Table("id", "name", "state", "rows", "done", "waiting", "made by")
    table.columns[0].no_wrap = True
    for each in found:
        numbers = (f"{each[name]:,}" for name in ("rows", "done", "waiting"))
        table.add_row(each["id"][:length], each["name"], each["state"], *numbers, each["by"])
    yield table


def one(told: Mapping[str, Any]) -> Iterable[RenderableType]:
    """One of them, or what would come of it."""
    counts = f"{told['rows']:,} rows, {told['bad']:,} bad, {told['twice']:,} twice"
    if "would" in told:
        yield Text(f"{counts}; nothing was done")
        yield from _table("would", told["would"])
        yield from _rows(told["problems"])
        yield from _rows(told.get("repeated", ()))
        yield from map(Text, told.get("warnings", ()))
        return
    yield Text(f"{told['name']} ({told['id']}): {told['state']}; {counts}; {told['done']:,} done, {told['waiting']:,} waiting")
    if told.get("refused"):
        yield Text(f"it does not go on, and is tried again: {told['refused']}")
    yield from _table("outcome", told["outcomes"])
    yield from _rows(told.get("bad_rows", ()))
    yield from _rows(told.get("repeated", ()))
    yield from _rows(told.get("left_out", ()))
    if told.get("turns"):
        yield from listed(told["turns"])


def _table(title: str, counted: Mapping[str, int]) -> Iterable[RenderableType]:
    if counted:
        table = Table(title, "customers")
        for what, number in counted.items():
            table.add_row(what, f"{number:,}")
        yield table


def _rows(rows: Iterable[Mapping[str, Any]]) -> Iterable[RenderableType]:
    found = list(rows)
    if found:
        table = Table(*found[0])
        for row in found:
            table.add_row(*map(str, row.values()))
        yield table
