"""docs/reading-an-experiment.md reads the report of the demo's shop after four weeks; `RECORD_GOLDEN=1` writes it anew."""

import os
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from playwright.async_api import async_playwright

from activities.measuring.deciding import decide
from activities.measuring.folding import Folding
from api.reports.known import report
from api.reports.page import as_html
from definitions.come_back import come_back, hour
from journeys.clock import Clock
from store import Database
from store.measuring import experiments, values
from store.measuring.experiments import Said
from store.measuring.values import Declared
from store.reports.report import Asked, Report
from tests.programs import browser

PAGE = Path(__file__).parents[2] / "docs" / "reading-an-experiment.md"
PICTURE = PAGE.with_name("images") / "experiment.png"
START = datetime(2026, 3, 2, 11, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
A_DAY, DAYS = 100, 28
NAME, VERSION = "come_back", "v1"
#: Who orders within a week: of the holdout, of whom the message reaches by day, of whom it reaches in the evening.
RATES = {"withheld": 0.06, "all-day": 0.10, "evening": 0.11}
BEGINS, ENDS = "```console\n$ journeys report experiments come_back --to 2026-03-30\n", "```\n"


def shop() -> Iterator[tuple[UUID, datetime, str, str, float | None]]:
    """Whoever looked and left: who, when, in which arms, and what they ordered for."""
    chance = Random(20)
    for n in range(A_DAY * DAYS):
        held = "withheld" if chance.random() < come_back.spec.holdout else "written to"
        arm = "evening" if chance.random() < hour.arms["evening"] else "all-day"
        buys = chance.random() < RATES[arm if held == "written to" else held]
        yield UUID(int=n + 1), START + (n // A_DAY) * DAY, held, arm, round(chance.lognormvariate(4, 0.6), 2) if buys else None


async def four_weeks(database: Database) -> None:
    """The shop's rows, folded into the sums; each night has written down what it found."""
    people, rule = list(shop()), come_back.spec.measured
    assert rule is not None
    assert come_back.spec.held_out is not None
    await values.declare(database, [Declared(NAME, VERSION, rule.to_json(), rule.types)], START - DAY)
    said = [Said(each.name, VERSION, each.to_json()) for each in (come_back.spec.held_out, hour)]
    await experiments.declare(database, said, START - DAY)
    for table, rows in _rows(people).items():
        names, marks = ", ".join(rows[0]), ", ".join(f"${n}" for n in range(1, len(rows[0]) + 1))
        await database.pool.executemany(
            f"insert into {table} ({names}) values ({marks})", [tuple(row.values()) for row in rows]
        )
    await Folding(database, None, Clock()).fold()
    for n in range(1, DAYS + 2):
        night = START + n * DAY
        await decide(database, night.date(), night)


def _rows(people: list[tuple[UUID, datetime, str, str, float | None]]) -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in ("profile", "run", "exposure", "delivery", "event")}
    for who, at, held, arm, order in people:
        rows["profile"].append({"id": who, "created_at": at, "updated_at": at})
        run = {"id": who, "journey": NAME, "profile_id": who, "entered_by": "segment", "segment": "left-the-site"}
        run |= {"entered_at": at, "workflow_id": str(who), "created_at": at, "version": VERSION}
        rows["run"].append(run | {"ended_at": at + 2 * DAY, "outcome": "finished"})
        share = come_back.spec.holdout if held == "withheld" else 1 - come_back.spec.holdout
        drawn = [(f"$holdout/{NAME}", held, share)]
        drawn += [(hour.name, arm, hour.arms[arm])] if held != "withheld" else []  # who sees neither arm
        for name, in_arm, of in drawn:
            seen = {"experiment": name, "profile_id": who, "arm": in_arm, "share": of}
            rows["exposure"].append(seen | {"exposed_at": at, "run_id": who, "version": VERSION})
        sent = {"state": "sent", "provider": "ses", "cost": 50_000, "currency": "EUR", "reason": None}
        withheld = {"state": "withheld", "provider": None, "cost": None, "currency": None, "reason": "holdout"}
        message = {"run_id": who, "step": "email:still-looking", "occurrence": 1, "profile_id": who, "journey": NAME}
        message |= {"purpose": "marketing", "template": "still-looking", "channel": "email", "version": VERSION}
        message |= {"segment": "left-the-site", "due_at": at, "settled_at": at, "claimed_at": at}
        message |= {"arms": {name: in_arm for name, in_arm, _ in drawn}}
        rows["delivery"].append(message | (withheld if held == "withheld" else sent))
        if order is not None:
            told = {"order_id": str(who), "revenue": order, "currency": "EUR"}
            event = {"profile_id": who, "ts": at + 8 * HOUR, "type": "Order Completed", "kind": "track", "message_id": str(who)}
            rows["event"].append(event | {"properties": told, "source": "shop", "received_at": at + 8 * HOUR})
    return rows


async def read(database: Database) -> Report:
    """As somebody reads it on the day after the last."""
    until = (START + DAYS * DAY).date()
    return await report(database, "experiments", Asked(now=datetime.combine(until, time(9), UTC), until=until, journey=NAME))


async def test_the_page_says_what_the_report_says(database: Database) -> None:
    await four_weeks(database)
    found = await read(database)
    decisions = [(row["experiment"], row["decision"], row["look"]) for row in found.table("decisions").dicts()]
    assert [each[:2] for each in decisions] == [(f"$holdout/{NAME}", "higher"), (hour.name, "not shown")]
    for _, _, look in decisions:
        assert look is not None
        assert look < DAYS, "as many as each needs have come by then"
    said = "\n".join(textwrap.fill(each, 120) for each in found.findings) + "\n"
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGINS)
    _, _, after = rest.partition(ENDS)
    if os.environ.get("RECORD_GOLDEN"):
        PAGE.write_text(f"{before}{BEGINS}{said}{ENDS}{after}", encoding="utf-8")
        await _picture(found)
    assert PAGE.read_text(encoding="utf-8").partition(BEGINS)[2].partition(ENDS)[0] == said
    assert f"look {decisions[0][2]}" in PAGE.read_text(encoding="utf-8")


async def _picture(found: Report) -> None:
    async with async_playwright() as driver:
        chromium = await driver.chromium.launch(executable_path=browser(), args=["--no-sandbox"])
        page = await chromium.new_page(viewport={"width": 1_000, "height": 500})
        await page.set_content(as_html(found, datetime.combine(found.until, time(9), UTC)))
        await page.screenshot(path=PICTURE)
        await chromium.close()
