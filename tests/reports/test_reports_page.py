"""docs/reports.md shows every report as it is printed of the planted shop; `RECORD_GOLDEN=1` writes the examples anew."""

import os
import shlex
from datetime import UTC, datetime, time
from pathlib import Path

from api.reports.known import REPORTS, report
from store import Database
from store.reports.report import Asked, Named
from tests.reports.planted import START, UNTIL, plant
from tests.reports.test_drawing import shown

PAGE = Path(__file__).parents[2] / "docs" / "reports.md"
BEGINS = "## What there is\n\n"
_DAYS = f"--from {START.date()} --to {UNTIL}"
#: What is typed for the examples, after the name.
EXAMPLES = {
    "messages": f"carts {_DAYS}",
    "funnel": f"carts {_DAYS}",
    "deliverability": _DAYS,
    "experiments": f"carts --to {UNTIL}",
    "versions": f"carts --to {UNTIL}",
    "attribution": _DAYS,
    "paths": _DAYS,
    "commerce": _DAYS,
    "drivers": f"carts {_DAYS}",
}


async def example(database: Database, named: Named) -> str:
    typed = EXAMPLES.get(named.name, f"--to {UNTIL}")
    words = shlex.split(typed)
    options = dict(zip(words[-2::-2], words[-1::-2], strict=False))
    journey = words[0] if not words[0].startswith("--") else None
    asked = Asked.of(datetime.combine(UNTIL, time(), UTC), since=options.get("--from"), until=options["--to"], journey=journey)
    text = "\n".join(line.rstrip() for line in shown(await report(database, named.name, asked)).splitlines())
    takes = ", ".join(f"`{each}`" for each in sorted(named.takes | named.needs)) or "nothing but `to`"
    by = f" Told apart by {', '.join(f'`{each}`' for each in named.by)}." if named.by else ""
    about = f"### {named.name}\n\n{named.about} Takes {takes}.{by}\n"
    return f"{about}\n```console\n$ journeys report {named.name} {typed}\n{text}\n```\n"


async def test_the_page_shows_every_report_as_it_is_printed(database: Database) -> None:
    await plant(database)
    told = "\n".join([await example(database, named) for named in REPORTS.values()])
    before, begins, said = PAGE.read_text(encoding="utf-8").partition(BEGINS)
    assert begins
    if os.environ.get("RECORD_GOLDEN"):
        PAGE.write_text(before + BEGINS + told, encoding="utf-8")
        said = told
    assert said == told
