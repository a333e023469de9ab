"""`journeys segments …`: tables for people, JSON for programs, failures in one line."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from segments import Segment, did, trait
from segments.load.backfill import chunk
from segments.load.load import load, register
from store import Database
from store.segments.rows import stored
from tests.command_line import in_thread
from tests.segments.shop import Shop

GOLD = {"trait": "tier", "is": "==", "value": "gold"}
CATALOGUE = "trial_catalogue"


@pytest.fixture
async def shop(database: Database) -> Shop:
    """Ana is gold and viewed a product half an hour ago, bob is not; the watch has looked."""
    shop, now = Shop(database), datetime.now(UTC)
    for user, tier in (("ana", "gold"), ("bob", "silver")):
        customer = await shop.customer(tier=tier)
        await database.pool.execute("insert into identity values ('user_id', $1, $2, $3)", user, customer, now)
        if user == "ana":
            await shop.event(customer, "Product Viewed", now - timedelta(minutes=30))
    vips = Segment("vips", trait("tier") == "gold")
    viewers = Segment("viewers", did("Product Viewed").within(hours=1))
    await load(database, [vips, viewers], now)
    return shop


async def run(dsn: str, *arguments: str, of: str = "segments") -> str:
    finished = await in_thread(of, *arguments, database_url=dsn, catalogue=CATALOGUE)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


async def run_json(dsn: str, *arguments: str, of: str = "segments") -> Any:
    return json.loads(await run(dsn, *arguments, "--json", of=of))


async def failure(dsn: str, *arguments: str, of: str = "segments") -> str:
    finished = await in_thread(of, *arguments, database_url=dsn, catalogue=CATALOGUE)
    assert (finished.returncode, finished.stdout) == (1, "")
    assert len(finished.stderr.splitlines()) == 1, finished.stderr
    return finished.stderr


async def test_help_tells_a_newcomer_where_to_begin() -> None:
    told = (await in_thread("segments", "--help")).stdout
    assert "Begin with `journeys segments list`" in told
    commands = ("list", "explain", "count", "preview", "days", "why", "concerns", "coverage", "put", "delete", "snapshot")
    for command in (*commands, "wait", "announce"):
        assert f" {command} " in told


async def test_segments_are_listed_explained_and_counted(dsn: str, shop: Shop) -> None:
    table = await run(dsn, "list")
    assert "vips" in table
    assert "while_vip" in table
    assert "never received; check its source" in table
    found = {each["name"]: each for each in await run_json(dsn, "list")}
    assert (found["vips"]["members"], found["vips"]["journeys"]) == (1, ["while_vip"])
    told = await run(dsn, "explain", "vips")
    assert 'tier is "gold"' in told
    assert "reads traits" in told
    assert (await run_json(dsn, "explain", "vips"))["predicate"] == GOLD
    assert await run(dsn, "count", "vips") == '1 customer: tier is "gold"\n'
    [member] = (await run_json(dsn, "preview", "vips"))["customers"]
    assert member["traits"] == {"tier": "gold"}
    assert member["customer_id"] in await run(dsn, "preview", "vips")
    assert (await run_json(dsn, "days", "vips"))[-1]["size"] == 1
    assert "█" in await run(dsn, "days", "vips")


async def test_a_load_shows_its_progress_and_is_waited_for(dsn: str, shop: Shop) -> None:
    assert await run(dsn, "wait", "vips") == "vips is live, with 1 member\n"
    changed = Segment("vips", trait("tier") == "silver")
    await load(shop.database, [changed], datetime.now(UTC))  # as if a worker with another catalogue had come and gone
    assert "vips is still waiting after 0 seconds" in await failure(dsn, "wait", "vips", "--seconds", "0")
    vips = Segment("vips", trait("tier") == "gold")
    [(_, backfill)] = await register(shop.database, [(vips, False)], datetime.now(UTC), 0, 1)
    await chunk(shop.database, vips, backfill.id, 1)
    found = {each["name"]: each for each in await run_json(dsn, "list")}
    assert (found["vips"]["state"], found["vips"]["loaded"], found["vips"]["members"]) == ("loading", 0.5, 1)
    assert "1, loading 50%" in await run(dsn, "explain", "vips")
    assert "vips is loading; see `journeys segments wait vips`" in await failure(dsn, "announce", "vips")


async def test_members_are_announced_later_and_once(dsn: str, shop: Shop) -> None:
    assert await run(dsn, "announce", "vips") == "1 member of vips announced\n"
    assert await run(dsn, "announce", "vips") == "0 members of vips announced\n"
    rows = await shop.database.pool.fetch("select kind, cause ? 'announced' as announced from segment_transition")
    assert [tuple(row) for row in rows] == [("entered", True)]


async def test_a_definition_in_a_file_is_counted_without_being_saved(dsn: str, shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "silver.json"
    file.write_text(json.dumps({"trait": "tier", "is": "in", "value": ["silver", "gold"]}))
    assert (await run_json(dsn, "count", "--definition", str(file)))["members"] == 2
    assert len((await run_json(dsn, "preview", "--definition", str(file), "--limit", "1"))["customers"]) == 1
    file.write_text('{"trait": "tier", "is": "like", "value": "x"}')
    assert "unknown operator 'like'" in await failure(dsn, "count", "--definition", str(file))
    file.write_text("{")
    assert "is not JSON" in await failure(dsn, "count", "--definition", str(file))
    assert "give either a segment's name or --definition FILE" in await failure(dsn, "count")


async def test_why_is_a_tree_with_what_each_part_saw(dsn: str, shop: Shop) -> None:
    told = await run(dsn, "why", "viewers", "--user-id", "ana")
    assert "is a member of viewers since" in told
    assert '✓ did "Product Viewed" within 60 minutes' in told or '✓ did "Product Viewed" within 1 hour' in told
    assert "saw count 1, last at 20" in told
    assert "until " in told
    answer = await run_json(dsn, "why", "vips", "--user-id", "bob")
    assert (answer["member"], answer["finding"]["saw"]) == (False, "silver")
    assert await failure(dsn, "why", "vips", "--user-id", "nobody") == "journeys: no such customer\n"
    assert await failure(dsn, "why", "vips", "--customer-id", "17") == "journeys: the customer_id is no UUID\n"
    assert "exactly one of --user-id" in await failure(dsn, "why", "vips")


async def test_concerns_and_coverage(dsn: str, shop: Shop) -> None:
    found = await run_json(dsn, "concerns", "--most", "1")
    assert {"GOV-04", "GOV-05"} <= {each["id"] for each in found}
    assert "check its source" in await run(dsn, "concerns", "--source-silence", "crm=48")
    assert "write a source and hours, such as crm=48" in await failure(dsn, "concerns", "--source-silence", "crm")
    report = await run_json(dsn, "coverage")
    [tier] = report["traits"]
    assert (report["customers"], tier["trait"], tier["having"], tier["inferred_share"]) == (2, "tier", 2, 0)
    told = await run(dsn, "coverage", "--segment", "vips")
    assert "100.0%" in told
    assert "PRO-04" not in told
    await shop.customer()
    told = " ".join((await run(dsn, "coverage", "--enough", "0.9")).split())
    assert "PRO-04 vips: tier is known of 66.7% of all customers, less than 90%; collect it" in told


async def test_a_segment_is_defined_changed_and_deleted(dsn: str, shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "gold.json"
    file.write_text(json.dumps({"predicate": GOLD, "owner": "growth", "review_by": "2020-01-01"}))
    assert await run(dsn, "put", "gold", str(file)) == 'defined gold: tier is "gold"\n'
    assert await run(dsn, "put", "gold", str(file)) == 'changed gold: tier is "gold"\n'
    table = await run(dsn, "list")
    assert "2020-01-01 OVERDUE" in table
    assert "not yet evaluated" in table
    [row] = await stored(shop.database)
    assert (row.name, row.by, row.announce) == ("gold", "command line", False)
    assert await run(dsn, "delete", "gold") == "deleted gold\n"
    assert "no segment 'gold' was defined by API" in await failure(dsn, "delete", "gold")
    assert "is defined in code" in await failure(dsn, "put", "vips", str(file))
    file.write_text(json.dumps({"predicate": GOLD}))
    assert "owner: Field required" in await failure(dsn, "put", "gold", str(file))
    file.write_text(json.dumps({"predicate": {"all": [{"trait": "a", "is": "?"}]}, "owner": "o"}))
    assert "all[0].trait('a'): unknown operator '?'" in await failure(dsn, "put", "gold", str(file))
    assert "No such file" in await failure(dsn, "put", "gold", str(tmp_path / "none.json"))


async def test_a_csv_file_becomes_a_list(dsn: str, shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "guests.csv"
    file.write_text("user_id\nana\nbob\nnobody\n")
    told = await run(dsn, "import", "guests", str(file), of="lists")
    assert told.startswith("guests: 3 rows, 2 added, 0 on it already, 1 bad\n")
    assert "no such customer" in told
    again = await run_json(dsn, "import", "guests", str(file), of="lists")
    assert (again["added"], again["already"], again["problems"]) == (
        0,
        2,
        [{"row": 4, "problem": "no such customer", "value": "nobody"}],
    )
    file.write_text("user_id\nana\n" + "nobody\n" * 150)
    told = await run(dsn, "import", "guests", str(file), "--replace", of="lists")
    assert told.startswith("guests: 151 rows, 0 added, 1 on it already, 150 bad, 1 taken off\n")
    assert "and 50 more bad rows; all of them: journeys lists report " in told.replace("\n", " ")
    report = await run_json(dsn, "report", told.split()[-1], of="lists")
    assert (report["removed"], len(report["problems"]), report["problems"][-1]["row"]) == (1, 150, 152)
    [kept] = await run_json(dsn, "list", of="lists")
    assert kept == {"name": "guests", "members": 1, "by": "command line", "snapshot": None}
    file.write_text("colour\nred\n")
    assert "must name a column user_id" in await failure(dsn, "import", "guests", str(file), of="lists")
    file.write_bytes(b"name;user_id\r\nMu\xf1oz;ana\r\n")
    assert (await run(dsn, "import", "guests", str(file), of="lists")).startswith("guests: 1 rows, 0 added, 1 on it already")
    assert "there is no such file" in await failure(dsn, "import", "guests", str(tmp_path / "none.csv"), of="lists")
    assert "a list's name has" in await failure(dsn, "import", "No Name", str(file), of="lists")


async def test_a_list_is_kept_by_hand(dsn: str, shop: Shop) -> None:
    assert await run(dsn, "add", "guests", "ana", "bob", "ana", of="lists") == "guests: 2 added, 0 on it already\n"
    assert await run(dsn, "remove", "guests", "bob", of="lists") == "guests: 1 taken off, 0 were not on it\n"
    told = await failure(dsn, "add", "guests", "bob", "nobody", of="lists")
    assert told == "journeys: no such customer: nobody; nothing was changed\n"
    assert "choose one of anonymous_id, customer_id, email, phone, user_id" in await failure(
        dsn, "add", "guests", "ana", "--kind", "name", of="lists"
    )
    assert (await run_json(dsn, "list", of="lists"))[0]["members"] == 1


async def test_a_segment_is_frozen_as_a_list(dsn: str, shop: Shop) -> None:
    told = await run(dsn, "snapshot", "vips", "vips-today")
    assert told.startswith("vips-today: 1 member of vips (version ")
    assert '{"listed": "vips-today"}' in told
    past = await run_json(dsn, "snapshot", "vips", "vips-then", "--at", "2026-01-01")
    assert (past["list"], past["at"], past["taken_as_now"]) == ("vips-then", "2026-01-01T00:00:00Z", ["traits (tier)"])
    assert "vips at 2026-01-01 00:00:00 UTC" in " ".join((await run(dsn, "list", of="lists")).split())
    assert "is in the future" in await failure(dsn, "snapshot", "vips", "x", "--at", "2100-01-01")
    assert "write an instant such as" in await failure(dsn, "snapshot", "vips", "x", "--at", "soon")
    assert "is a snapshot and never changes" in await failure(dsn, "add", "vips-today", "bob", of="lists")


async def test_a_segment_that_names_another_follows_it(dsn: str, shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "definition.json"
    file.write_text(json.dumps({"predicate": GOLD, "owner": "growth"}))
    await run(dsn, "put", "gold", str(file))
    file.write_text(json.dumps({"predicate": {"all": [{"member_of": "gold"}, {"member_of": "viewers"}]}, "owner": "growth"}))
    assert await run(dsn, "put", "gold-viewers", str(file)) == (
        'defined gold-viewers: in segment "gold" and in segment "viewers"\n'
    )
    found = await run_json(dsn, "explain", "gold-viewers")
    assert found["predicate"] == {"all": [{"member_of": "gold"}, {"member_of": "viewers"}]}
    assert found["made_of"] == ["gold", "viewers"]
    assert (await run_json(dsn, "count", "gold-viewers"))["members"] == 1
    assert (await run_json(dsn, "count", "--definition", str(file)))["members"] == 1
    told = await failure(dsn, "delete", "gold")
    assert told == "journeys: segment 'gold' is named by segment 'gold-viewers'; change that first\n"
    file.write_text('{"member_of": "golden"}')
    assert await failure(dsn, "count", "--definition", str(file)) == (
        "journeys: member_of: there is no segment 'golden'; define it first\n"
    )


async def test_an_unknown_segment_is_told_with_those_there_are(dsn: str, shop: Shop) -> None:
    told = await failure(dsn, "explain", "none")
    assert told.startswith("journeys: no segment 'none'; there are: ")
    assert "vips" in told


async def test_a_profile_is_shown_with_where_it_comes_from(dsn: str, shop: Shop) -> None:
    ana = await shop.database.pool.fetchval("select profile_id from identity where value = 'ana'")
    await shop.say(ana, datetime(2026, 1, 1, tzinfo=UTC), {"likes": ["boots"]}, "model-3", 0.82)
    told = await in_thread("profile", "ana", database_url=dsn, catalogue=CATALOGUE)
    assert told.returncode == 0, told.stderr
    for part in ("likes", '["boots"]', "model-3", "0.82", "vips", "declared"):
        assert part in told.stdout
    same = await in_thread("profile", str(ana), "--by", "customer_id", "--json", database_url=dsn, catalogue=CATALOGUE)
    assert [each["source"] for each in json.loads(same.stdout)["traits"]] == ["model-3", None]
    for arguments, problem in ((("nobody",), "no such customer"), (("x", "--by", "email"), "the email is no address")):
        failed = await in_thread("profile", *arguments, database_url=dsn, catalogue=CATALOGUE)
        assert (failed.returncode, failed.stderr) == (1, f"journeys: {problem}\n")
