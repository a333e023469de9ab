"""`journeys starts …`: a dry run, a file, a segment, what came of it, and failures in one line."""

import json
import re
from getpass import getuser
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from activities.web.addresses import network_of
from api.config import ApiConfig
from api.state import Store
from store import Database
from store.rules import Rules, keep, kept
from tests.command_line import in_thread
from tests.workers.test_segments_cli import CATALOGUE, shop

__all__ = ["shop"]


@pytest.fixture(autouse=True)
async def deployment(database: Database) -> None:
    """An API has started on this database, and asks for no approval."""
    await keep(database, Rules())


async def starts(dsn: str, *arguments: str, code: int = 0) -> str:
    finished = await in_thread("starts", *arguments, database_url=dsn, catalogue=CATALOGUE)
    assert finished.returncode == code, finished.stderr + finished.stdout
    return finished.stderr if code else finished.stdout


async def starts_json(dsn: str, *arguments: str) -> Any:
    return json.loads(await starts(dsn, *arguments, "--json"))


async def test_a_file_is_tried_started_looked_at_paused_and_cancelled(
    database: Database,
    dsn: str,
    shop: object,
    tmp_path: Path,
) -> None:
    file = tmp_path / "customers.csv"
    file.write_text("user_id,route\nana,push\nbob,pigeon\nnobody,push\n")
    told = await starts_json(dsn, "file", "by_choice", str(file), "--dry-run")
    assert told["would"] == {"enter": 1}
    assert await database.pool.fetchval("select count(*) from campaign") == 0
    made = await starts_json(dsn, "file", "by_choice", str(file))
    assert (made["rows"], made["bad"], made["waiting"], made["by"]) == (3, 2, 1, getuser())
    shown = await starts(dsn, "show", made["id"])
    assert "3 rows, 2 bad, 0 twice" in shown
    assert "no such customer" in shown
    short = re.search(made["id"][:8] + r"\S*", await starts(dsn))
    assert short, "as much of it as tells it from the others"
    assert (await starts_json(dsn, "show", short[0]))["id"] == made["id"]
    assert "paused" in await starts(dsn, "pause", short[0])
    assert "no start or campaign x; `journeys starts` lists them" in await starts(dsn, "show", "x", code=1)
    second = await starts_json(dsn, "file", "by_choice", str(file))
    assert f"several starts or campaigns begin with {made['id'][0]}" in await starts(dsn, "cancel", made["id"][0], code=1)
    assert "cancelled" in await starts(dsn, "cancel", second["id"])
    assert "goes on" in await starts(dsn, "resume", made["id"])
    assert "cancelled" in await starts(dsn, "cancel", made["id"])
    assert "it is over already" in await starts(dsn, "cancel", made["id"], code=1)


async def test_everybody_in_a_segment_at_an_instant_on_their_clocks(dsn: str, shop: object) -> None:
    told = await starts_json(dsn, "everybody", "by_choice", "--segment", "vips", "--dry-run")
    assert (told["rows"], told["would"]) == (1, {"enter": 1})
    made = await starts_json(
        dsn, "everybody", "by_choice", "--segment", "vips", "--at", "2099-01-02T09:00:00", "--in-their-zone"
    )
    assert (made["state"], made["begins_at"], made["in_their_zone"]) == ("scheduled", "2099-01-01T19:00:00Z", True)
    assert "no segment 'nobody-knows'" in await starts(dsn, "everybody", "by_choice", "--segment", "nobody-knows", code=1)
    assert "say --segment or --list" in await starts(dsn, "everybody", "by_choice", code=1)
    assert "no journey 'by_choise'" in await starts(dsn, "everybody", "by_choise", "--segment", "vips", code=1)
    assert "in_their_zone takes an `at`" in await starts(
        dsn, "everybody", "by_choice", "--segment", "vips", "--in-their-zone", code=1
    )


async def test_a_wrong_column_is_refused_with_the_near_name(dsn: str, shop: object, tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    file.write_text("user_id,rute\nana,push\n")
    assert "did you mean 'route'?" in await starts(dsn, "file", "by_choice", str(file), code=1)
    assert "there is no such file" in await starts(dsn, "file", "by_choice", str(tmp_path / "none.csv"), code=1)


async def test_a_message_to_everybody_in_a_segment_is_tried_made_and_approved_by_another(
    database: Database, dsn: str, shop: object
) -> None:
    command = ("message", "sale", "--channel", "push", "--template", "note", "--segment", "vips")
    assert (await starts_json(dsn, *command, "--dry-run"))["rows"] == 1
    rules = json.dumps({"quiet_hours": None, "holdout": 0.1})
    made = await starts_json(dsn, *command, "--rules", rules, "--at", "2099-01-02T09:00:00", "--per-second", "5")
    assert (made["message"]["holdout"], made["state"], made["by"]) == (0.1, "scheduled", getuser())
    assert "it waits for no approval" in await starts(dsn, "approve", made["id"], code=1)
    await database.pool.execute("update campaign set needs_approval = true")
    assert "whoever made it does not approve it" in await starts(dsn, "approve", made["id"], code=1)
    await database.pool.execute("update campaign set by = 'olga'")
    assert "approved" in await starts(dsn, "approve", made["id"])
    assert (await starts_json(dsn, "show", made["id"]))["approved_by"] == getuser()
    again = await starts_json(dsn, *command, "--cron", "0 9 * * 1", "--zone", "Europe/Madrid")
    assert (again["state"], again["repeat"]) == ("recurring", {"cron": "0 9 * * 1", "zone": "Europe/Madrid"})
    for wrong, said in (
        (("--rules", "[]"), "--rules is a JSON object"),
        (("--rules", '{"color": 1}'), "message.color"),
        (("--template", "no_such"), "no push template 'no_such'; there are: note"),
        (("--channel", "pigeon"), "message.channel"),
        (("--cron", "every day"), "repeat"),
        (("--list", "x"), "say --segment or --list"),
    ):
        assert said in await starts(dsn, *command, *wrong, code=1)


async def test_one_is_started_by_parameters_once_and_what_is_wrong_is_said(database: Database, dsn: str, shop: object) -> None:
    given = ("one", "by_choice", "ana", "--param", "route=push", "--entry", "price=59.9", "--once", "order-7")
    made = await starts_json(dsn, *given)
    assert (await starts_json(dsn, *given))["run"] == made["run"]
    row = await database.pool.fetchrow("select journey, params, entry, entered_by from run")
    assert row is not None
    assert (row["journey"], row["params"]["route"], row["entry"], row["entered_by"]) == (
        "by_choice",
        "push",
        {"price": 59.9},
        "api",
    )
    told = "select kind, name, by from audit where verb = 'start' order by at"
    assert [tuple(each) for each in await database.pool.fetch(told)] == [("run", made["run"], getuser())]
    assert "did you mean 'route'?" in await starts(dsn, "one", "by_choice", "ana", "--param", "rute=push", code=1)
    assert "no such customer" in await starts(dsn, "one", "by_choice", "nobody", code=1)
    assert "no journey 'by_choise'" in await starts(dsn, "one", "by_choise", "ana", code=1)
    assert "write route=push" in await starts(dsn, "one", "by_choice", "ana", "--param", "route", code=1)


async def test_approval_is_asked_for_where_the_deployment_asks_for_it_whatever_is_set_here(
    database: Database, dsn: str, shop: object, tmp_path: Path
) -> None:
    """A newcomer's H2: from a second terminal, without JOURNEYS_APPROVE_CAMPAIGNS, a campaign went out unseen."""
    command = ("message", "sale", "--channel", "push", "--template", "note", "--segment", "vips")
    api = Store(ApiConfig(dsn=dsn, approve_campaigns=True, default_region="FR", opened=(network_of("127.0.0.1"),)))
    await api.open()
    await api.close()
    made = await starts_json(dsn, *command)
    assert (made["state"], made["needs_approval"]) == ("waiting for approval", True)
    lax = await in_thread(
        "starts", "everybody", "by_choice", "--segment", "vips", "--json",
        database_url=dsn, catalogue=CATALOGUE, approve_campaigns="false",
    )  # fmt: skip
    assert json.loads(lax.stdout)["state"] == "waiting for approval", lax.stderr
    file = tmp_path / "customers.csv"
    file.write_text("user_id\nana\n")
    assert (await starts_json(dsn, "file", "by_choice", str(file)))["state"] == "waiting for approval"

    told = await in_thread(
        *("subscriptions", "put", "crm", "http://127.0.0.1:9911/crm", "--type", "run.ended"),
        database_url=dsn, catalogue=CATALOGUE, secret=token_hex(32),
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    people = tmp_path / "people.csv"
    people.write_text("user_id,phone\nclea,01 42 68 53 00\n")
    came = await in_thread("customers", "import", str(people), database_url=dsn, catalogue=CATALOGUE)
    assert came.returncode == 0, came.stderr
    assert await database.pool.fetchval("select address from endpoint where channel = 'sms'") == "+33142685300"


async def test_what_nobody_has_told_waits_for_approval(database: Database, dsn: str, shop: object) -> None:
    await database.pool.execute("truncate audit")
    assert await kept(database) is None
    made = await starts_json(dsn, "everybody", "by_choice", "--segment", "vips")
    assert made["state"] == "waiting for approval"


async def test_rules_are_kept_once_and_each_change_of_them_is_in_the_audit(database: Database) -> None:
    for each in (Rules(), Rules(approve_campaigns=True), Rules(approve_campaigns=True)):
        await keep(database, each)
    noted = await database.pool.fetch("select was, became from audit where kind = 'rules' order by id")
    assert [row["became"]["approve_campaigns"] for row in noted] == [False, True]
    assert noted[1]["was"] == noted[0]["became"]
    assert await kept(database) == Rules(approve_campaigns=True, private_targets=[])
