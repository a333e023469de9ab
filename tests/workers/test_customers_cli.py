"""`journeys customers …`: a file of customers in, its bad rows out to be mended, and what one is called, did and was sent."""

import csv
import json
import secrets
from pathlib import Path
from typing import Any

from store import Database
from tests.command_line import Finished, in_thread

SECRET = secrets.token_hex(32)
FILE = "Kundennr;E-Mail;Telefon;Alter\nu-1;ana@shop.example;600 00 00 01;34\nu-2;nonsense;;\nu-3;;;old\n"
MAP = ["--map", "Kundennr=user_id", "--map", "E-Mail=email", "--map", "Telefon=phone", "--map", "Alter=age:number"]
MESSAGE = """
with r as (
    insert into run (id, journey, profile_id, entered_by, entered_at, created_at, workflow_id)
    select gen_random_uuid(), 'nps', profile_id, 'api', now(), now(), 'w' from identity where value = 'u-1' returning *
)
insert into delivery
    (run_id, step, occurrence, profile_id, journey, channel, purpose, template, state, reason, attempts, due_at)
select id, 'push:one', 1, profile_id, journey, 'push', 'marketing', 'note', 'skipped', 'no consent', 1, now() from r
"""


async def asked(dsn: str, *arguments: str) -> Finished:
    return await in_thread("customers", *arguments, database_url=dsn, secret=SECRET)


async def told(dsn: str, *arguments: str) -> Any:
    done = await asked(dsn, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


async def test_a_file_comes_in_and_its_bad_rows_go_out_to_be_mended(dsn: str, tmp_path: Path) -> None:
    file, bad = tmp_path / "kunden.csv", tmp_path / "bad.csv"
    file.write_bytes(FILE.encode("cp1252"))
    tried = await told(dsn, "import", str(file), *MAP, "--dry-run")
    assert (tried["created"], tried["bad"], tried["dry_run"]) == (1, 2, True)
    done = await asked(dsn, "import", str(file), *MAP, "--bad", str(bad))
    assert done.stdout == "3 rows: 1 created, 0 changed, 0 taken before, 2 bad\n"
    assert "line 3: email is no address" in done.stderr
    assert "nonsense" not in done.stdout + done.stderr
    with bad.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [(row["problem"], row["Kundennr"]) for row in rows] == [
        ("email is no address", "u-2"),
        ("age is no number; write 1234.5", "u-3"),
    ]
    bad.write_text(bad.read_text(encoding="utf-8-sig").replace("nonsense", "bea@shop.example").replace("old", "40"))
    mended = await told(dsn, "import", str(bad), *MAP, "--map", "problem=-", "--map", "line=-")
    assert (mended["created"], mended["bad"]) == (2, 0)
    again = await told(dsn, "import", str(file), *MAP)
    assert (again["created"], again["already"]) == (0, 1)
    refused = await asked(dsn, "import", str(file))
    assert (refused.returncode, "no column names customers" in refused.stderr) == (1, True)


async def test_what_a_customer_is_called_did_and_was_sent(dsn: str, database: Database, tmp_path: Path) -> None:
    file = tmp_path / "two.csv"
    file.write_text("user_id,anonymous_id,plan\nu-1,a-1,family\n")
    await told(dsn, "import", str(file))
    names = await told(dsn, "names", "u-1")
    assert [(each["kind"], each["value"]) for each in names] == [("user_id", "u-1"), ("anonymous_id", "a-1")]
    page = await told(dsn, "events", "a-1", "--by", "anonymous_id", "--limit", "1")
    assert [each["properties"] for each in page["events"]] == [{"plan": "family"}]
    rest = await told(dsn, "events", "u-1", "--after", page["next"])
    assert (rest["events"], rest["next"]) == ([], None)
    assert "plan: family" in (await asked(dsn, "events", "u-1")).stdout
    assert (await told(dsn, "messages", "u-1"))["messages"] == []
    await database.pool.execute(MESSAGE)
    assert "no consent" in (await asked(dsn, "messages", "u-1")).stdout
    assert (await told(dsn, "messages", "u-1", "--journey", "other"))["messages"] == []
    nobody = await asked(dsn, "names", "u-9")
    assert (nobody.returncode, "no such customer" in nobody.stderr) == (1, True)
