"""`journeys products …`: files with their bad rows, and one product as it is kept."""

import json
from pathlib import Path
from typing import Any

from store import Database
from tests.command_line import in_thread

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
