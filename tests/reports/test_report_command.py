"""`journeys report`: tables and charts in a terminal, files to pass on, and what cannot be asked in one line."""

import csv
import json
from pathlib import Path

import pytest

from api.reports import known
from store import Database
from store.reports.report import Argument
from tests.command_line import in_thread
from tests.reports.planted import START, UNTIL, plant

DAYS = ("--from", START.date().isoformat(), "--to", UNTIL.isoformat())


async def test_without_a_name_what_there_is_is_listed(dsn: str) -> None:
    listed = await in_thread("report", database_url=dsn)
    assert "funnel JOURNEY" in listed.stdout
    told = json.loads((await in_thread("report", "--json", database_url=dsn)).stdout)
    assert {each["name"]: each["needs"] for each in told}["versions"] == ["journey"]


async def test_a_report_is_printed_with_its_rules_or_as_json(database: Database, dsn: str) -> None:
    await plant(database)
    printed = await in_thread("report", "funnel", "carts", *DAYS, database_url=dsn)
    assert printed.returncode == 0, printed.stderr
    assert "Funnel of carts" in printed.stdout
    assert "By which rules" in printed.stdout
    assert "█" in printed.stdout
    plain = await in_thread("report", "messages", "carts", "--by", "step,channel", *DAYS, "--json", database_url=dsn)
    rows = json.loads(plain.stdout)["tables"][0]["rows"]
    assert [(row["step"], row["sent"], row["delivery_rate"]) for row in rows] == [
        ("email:first", 375, 0.935), ("push:second", 75, None)
    ]  # fmt: skip


@pytest.mark.parametrize("name", known.REPORTS)
async def test_every_report_is_json_however_it_is_told_apart(name: str, database: Database, dsn: str) -> None:
    await plant(database)
    told = known.REPORTS[name]
    about = ("report", name, *(["carts"] if told.needs else []), "--to", UNTIL.isoformat(), "--json")
    if Argument.FROM in told.takes:
        about += ("--from", START.date().isoformat())
    for by in ((), *(("--by", each) for each in told.by)):
        done = await in_thread(*about, *by, database_url=dsn)
        assert done.returncode == 0, (by, done.stderr)
        (table, *_) = json.loads(done.stdout)["tables"]
        assert table["rows"] or (name, by) == ("drivers", ("--by", "segment")), by
        assert all(set(row) == {column["name"] for column in table["columns"]} for row in table["rows"])


async def test_files_to_pass_on(database: Database, dsn: str, tmp_path: Path) -> None:
    await plant(database)
    page, table = tmp_path / "report.html", tmp_path / "report.csv"
    asked = ("report", "experiments", "--to", UNTIL.isoformat(), "--html", str(page), "--csv", str(table), "--table", "revenue")
    done = await in_thread(*asked, database_url=dsn)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert f"{table}: {table.stat().st_size:,} bytes" in done.stderr
    rows = {row["experiment"]: row for row in csv.DictReader(table.open(newline=""))}
    assert rows["layout"]["lift"] == ""
    assert float(rows["$holdout/carts"]["lift"]) > 0.5
    assert "<svg" in page.read_text()
    piped = await in_thread("report", "ranking", "--to", UNTIL.isoformat(), "--csv", "-", database_url=dsn)
    assert piped.stdout.splitlines()[1].startswith("1,carts,higher,")
    nowhere = await in_thread("report", "ranking", "--csv", str(tmp_path / "no" / "x.csv"), database_url=dsn)
    assert nowhere.returncode == 1
    assert "No such file or directory" in nowhere.stderr


async def test_days_without_anything_say_which_have_something(database: Database, dsn: str) -> None:
    await plant(database)
    for name in ("messages", "deliverability", "attribution", "paths"):
        done = await in_thread("report", name, "--from", "2025-01-01", "--to", "2025-02-01", database_url=dsn)
        assert "there are messages from 2026-03-02 to 2026-03-13: --from 2026-03-02 --to 2026-03-14." in done.stdout, name
    within = await in_thread("report", "messages", "carts", "--from", "2026-03-05", "--to", "2026-03-06", database_url=dsn)
    assert "There is nothing on these days" not in within.stdout
    between = await in_thread("report", "messages", "news", "--from", "2026-03-02", "--to", "2026-03-03", database_url=dsn)
    assert "there are messages from 2026-03-13 to 2026-03-13: --from 2026-03-13 --to 2026-03-14." in between.stdout


async def test_what_cannot_be_asked_is_told_in_a_line(database: Database, dsn: str) -> None:
    await plant(database)
    for asked, said in (
        (("sales",), "there is no report sales; there are messages"),
        (("funnel",), "the report funnel needs a journey"),
        (("messages", "--from", "soon"), "from: soon is no day"),
        (("versions", "carts", "--version", "v1"), "name two versions"),
        (("funnel", "cart"), "of a journey cart nothing was ever counted"),
    ):
        done = await in_thread("report", *asked, database_url=dsn)
        assert done.returncode == 1
        assert said in done.stderr
        assert "Traceback" not in done.stderr
