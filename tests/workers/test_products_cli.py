"""`journeys products …`: files with their bad rows, and one product as it is kept."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from store import Database
from tests.command_line import in_thread
from tests.products.shop import NOON, people, sell

CSV = """id;name;price;currency;available;complementary;attributes.color
p-7;Snow boots;89.90;EUR;yes;p-8|p-9;green
p-8;"Wool; socks";12.50;EUR;no;;
p-9;;1;EUR;yes;;
p-7;Again;1;EUR;yes;;
"""


async def run(dsn: str, *arguments: str) -> str:
    finished = await in_thread("products", *arguments, database_url=dsn)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


async def failure(dsn: str, *arguments: str) -> str:
    finished = await in_thread("products", *arguments, database_url=dsn)
    assert (finished.returncode, finished.stdout) == (1, "")
    assert len(finished.stderr.splitlines()) == 1, finished.stderr
    return finished.stderr


async def test_a_csv_file_with_its_bad_rows(dsn: str, database: Database, tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text(CSV)
    told = await run(dsn, "import", str(file))
    assert told.startswith("4 rows, 2 added, 0 changed, 2 bad\n")
    assert "p-7 stands in row 2 already" in told
    assert "related, but not known as products yet: p-9" in told
    again: dict[str, Any] = json.loads(await run(dsn, "import", str(file), "--json"))
    assert (again["added"], again["changed"]) == (0, 2)
    assert again["problems"][0] == {"row": 4, "problem": "name: Field required"}
    boots: dict[str, Any] = json.loads(await run(dsn, "show", "p-7", "--json"))
    assert (boots["price"], boots["relations"], boots["attributes"]) == (
        "89.90", {"complementary": ["p-8", "p-9"]}, {"color": "green"},
    )  # fmt: skip
    assert "told by command line" in await run(dsn, "show", "p-8")


async def test_what_goes_with_it_is_shown_with_its_numbers_and_who_is_told_of_what(dsn: str, database: Database) -> None:
    await sell(database, "boots", "wax", "coffee")
    learnt = (
        "insert into product_relation (product_id, relation, other_id, rank, by, people, lift, surely, as_of)"
        " values ('boots', 'complementary', 'wax', 1, 'orders', 1234, 9.456, 4.0, $1)"
    )
    await database.pool.execute(learnt, NOON)
    shown = await run(dsn, "show", "boots")
    assert all(each in shown for each in ("customers", "times chance", "at least", "1,234", "9.46", "wax")), shown
    (ana,) = await people(database, 1)
    due = (
        "insert into product_due (again, profile_id, product_id, last_at, quantity, gaps, days,"
        " low_at, due_at, high_at, remind_at, told_at, as_of)"
        " values ($1, $2, 'coffee', $3, 1, 4, 28, $3, $4, $4, $5, $6, $3)"
    )
    day, now = timedelta(days=1), datetime.now(UTC)
    for name, expected, remind, told in (
        ("ahead", now + 9 * day, now + 6 * day, None),
        ("late", now - 90 * day, now - 93 * day, None),
        ("told", now + day, None, now - 2 * day),
        ("bought", now + 2 * day, None, None),
    ):
        await database.pool.execute(due, name, ana, NOON, expected, remind, told)
    lines = await run(dsn, "due", str(ana))
    assert f"to be told {now + 6 * day:%Y-%m-%d}" in lines
    assert f"told {now - 2 * day:%Y-%m-%d}" in lines
    assert "too late, not told" in lines
    assert "bought meanwhile, not told" in lines
    assert f"{now - 93 * day:%Y-%m-%d}" not in lines


async def test_json_lines_and_files_that_are_none(dsn: str, database: Database, tmp_path: Path) -> None:
    file = tmp_path / "products.jsonl"
    file.write_text('{"id": "p-7", "name": "Snow boots"}\n{"id"\n')
    assert (await run(dsn, "import", str(file))).startswith("2 rows, 1 added, 0 changed, 1 bad\n")
    file.write_bytes(b'{"id": "\xff"}\n')
    assert "JSON is written in UTF-8" in await failure(dsn, "import", str(file))
    table = tmp_path / "products.csv"
    table.write_text("id,price\n")
    assert "the first line must name a column name" in await failure(dsn, "import", str(table))
    assert "a name ends with .csv" in await failure(dsn, "import", str(tmp_path / "products.xml"))
