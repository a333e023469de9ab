"""The table: what was measured, the budget beside it, and whether it is kept; for people and as JSON."""

import json
import platform
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from rich.markup import escape
from rich.table import Table

from benchmarks.table import Row

_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_VERDICTS = {True: "[green]yes[/]", False: "[red]no[/]", None: ""}


def met(row: Row) -> bool | None:
    """Whether the budget is kept; None without one. Both sides are written in the same unit."""
    if not row.budget:
        return None
    measured, budget = _number(row.measured), _number(row.budget)
    return measured >= budget if row.budget.startswith(">=") else measured <= budget


def table(rows: Sequence[Row]) -> Table:
    """The rows, for a terminal."""
    shown = Table(title="Benchmarks", title_justify="left", show_lines=False)
    shown.add_column("what", overflow="fold")
    for name in ("measured", "budget"):
        shown.add_column(name, justify="right", no_wrap=True)
    shown.add_column("met?")
    shown.add_column("note", overflow="fold", style="dim")
    for row in rows:
        shown.add_row(escape(row.what), escape(row.measured), escape(row.budget), _VERDICTS[met(row)], escape(row.note))
    return shown


def to_markdown(rows: Sequence[Row], about: str) -> str:
    """The rows as `docs/benchmarks.md` shows them."""
    words = {True: "yes", False: "**no**", None: ""}
    lines = [f"| {r.what} | {r.measured} | {r.budget} | {words[met(r)]} | {r.note} |" for r in rows]
    head = ["| What | Measured | Budget | Met? | Note |", "|---|---:|---:|---|---|"]
    return "\n".join([f"{datetime.now(UTC):%Y-%m-%d}: {about}.", "", *head, *lines, ""])


def write_json(path: Path, rows: Mapping[str, Sequence[Row]], about: str) -> None:
    """The rows by benchmark, with the date and the circumstances."""
    found: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "about": about,
        "rows": [{"benchmark": name, **row._asdict(), "met": met(row)} for name, group in rows.items() for row in group],
    }
    path.write_text(json.dumps(found, indent=2) + "\n")


def circumstances(others: float, *, quick: bool) -> str:
    """What it ran on, in a line; `others` is the share of the machine that other processes used meanwhile."""
    memory = psutil.virtual_memory().total / 2**30
    system, python = f"{platform.system()} {platform.machine()}", f"Python {platform.python_version()}"
    size = "; quick: amounts too small to compare" if quick else ""
    busy = f"other processes used {others:.0%} of it meanwhile"
    return f"{system}, {psutil.cpu_count()} cores, {memory:.0f} GB, {python}; {busy}{size}"


def _number(text: str) -> float:
    found = _NUMBER.search(text)
    assert found is not None, f"no number in {text!r}"
    return float(found.group().replace(",", ""))
