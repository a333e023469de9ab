"""Suppressed addresses, listed, looked up and taken back over HTTP and from the command line (A6)."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from activities.channels import suppression_digest, suppression_digests
from api import ApiConfig
from store import Database
from store.deliveries import ledger as deliveries
from tests.api.server import OPERATE_KEY, Api, serving
from tests.command_line import in_thread

SECRET = "nine ducks and five geese on a lake"
NOON = datetime(2026, 11, 16, 12, tzinfo=UTC)


@pytest.fixture
async def operator(dsn: str, keyed: Database, pooled_for_api: Database) -> AsyncIterator[Api]:
    """A real API, and a client with the operate key."""
    config = ApiConfig(dsn=dsn, key_ttl=0.2, secret=SECRET)
    async with (
        serving(config, pooled_for_api) as url,
        httpx.AsyncClient(base_url=url, auth=(OPERATE_KEY, ""), timeout=30) as http,
    ):
        yield Api(url, keyed, http)


def digest(address: str, channel: str = "email") -> bytes:
    return suppression_digest(SECRET, channel, address)


async def suppressed(database: Database, *addresses: str, scope: str = "all", reason: str = "hard bounce") -> None:
    for n, address in enumerate(addresses):
        at = NOON + timedelta(hours=n)
        await deliveries.suppress(database, "email", digest(address), scope, reason, at)


async def asked(api: Api, path: str, **body: str) -> dict[str, Any]:
    answer = await api.post(f"suppressions/{path}", {"channel": "email"} | body)
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def test_they_are_listed_newest_first_and_page_by_page(operator: Api) -> None:
    people = [f"c{n}@shop.example" for n in range(5)]
    await suppressed(operator.database, *people)
    seen: list[str] = []
    place: str | None = ""
    while place is not None:
        answer = await operator.http.get("/v1/suppressions", params={"limit": 2} | ({"before": place} if place else {}))
        page = answer.json()
        seen += [each["digest"] for each in page["suppressions"]]
        place = page["next"]
    assert seen == [digest(address).hex() for address in reversed(people)]
    assert "shop.example" not in answer.text
    other = await operator.http.get("/v1/suppressions", params={"channel": "whatsapp"})
    assert other.json() == {"suppressions": [], "next": None}


async def test_an_address_is_looked_up_however_it_is_typed(operator: Api) -> None:
    await suppressed(operator.database, "ana@xn--espaol-zwa.example")
    for typed in ("Ana@Español.example", " ana@xn--espaol-zwa.example"):
        [found] = (await asked(operator, "look-up", address=typed))["suppressions"]
        assert (found["channel"], found["scope"], found["reason"]) == ("email", "all", "hard bounce")
    assert (await asked(operator, "look-up", address="luis@shop.example"))["suppressions"] == []


@pytest.mark.parametrize("named", ["address", "digest"])
async def test_one_that_is_taken_back_is_alive_again(operator: Api, named: str) -> None:
    await operator.database.pool.execute(
        "insert into profile (id, created_at, updated_at) values (gen_random_uuid(), now(), now())"
    )
    await operator.database.pool.execute(
        "insert into endpoint (id, profile_id, channel, address, first_seen_at, last_seen_at, invalid_at, invalid_reason)"
        " select gen_random_uuid(), id, 'email', unnest(array['ana@shop.example', 'luis@shop.example']), now(), now(), now(),"
        " 'smtp 550 hard bounce' from profile"
    )
    await suppressed(operator.database, "ana@shop.example", "luis@shop.example")
    told = {"address": "ANA@shop.example", "digest": digest("ana@shop.example").hex()}[named]
    assert await asked(operator, "take-back", **{named: told}) == {"lifted": 1, "revived": 1, "kept": 0}
    assert await asked(operator, "take-back", **{named: told}) == {"lifted": 0, "revived": 0, "kept": 0}
    alive = await operator.database.pool.fetchval("select address from endpoint where invalid_at is null")
    assert alive == "ana@shop.example"


async def test_what_its_owner_said_is_not_taken_back(operator: Api) -> None:
    await suppressed(operator.database, "ana@shop.example", scope="marketing", reason="STOP")
    assert await asked(operator, "take-back", address="ana@shop.example") == {"lifted": 0, "revived": 0, "kept": 1}
    assert len((await asked(operator, "look-up", address="ana@shop.example"))["suppressions"]) == 1


async def test_a_wrong_file_is_undone_with_a_reason_and_what_the_owner_told_us_is_not(operator: Api) -> None:
    file = b"email\nana@shop.example\n"
    answer = await operator.http.post("/v1/suppressions/import", content=file, headers={"content-type": "text/csv"})
    assert answer.json()["added"] == 1
    await suppressed(operator.database, "luis@shop.example", scope="all", reason="said no")
    assert await asked(operator, "take-back", address="ana@shop.example") == {"lifted": 0, "revived": 0, "kept": 1}
    told = {"why": "the wrong file"}
    assert await asked(operator, "take-back", address="ana@shop.example", **told) == {"lifted": 1, "revived": 0, "kept": 0}
    assert await asked(operator, "take-back", address="luis@shop.example", **told) == {"lifted": 0, "revived": 0, "kept": 1}
    lifted = await operator.database.pool.fetchrow("select source, why from suppression_lifted")
    assert dict(lifted or {}) == {"source": "import: operator", "why": "the wrong file"}


@pytest.mark.parametrize(
    "body",
    [{}, {"address": "a@b.example", "digest": "0" * 64}, {"digest": "xyz"}, {"address": "a@b.example", "channel": "fax"}],
)
async def test_what_names_no_address_is_refused(operator: Api, body: dict[str, str]) -> None:
    answer = await operator.post("suppressions/take-back", {"channel": "email"} | body)
    assert answer.status_code == 422


@pytest.mark.parametrize("before", ["x", "2026-11-16T12:00:00+00:00~zz", "0001-01-01T00:00:00+14:00~"])
async def test_a_place_that_no_page_gave_is_refused(operator: Api, before: str) -> None:
    assert (await operator.http.get("/v1/suppressions", params={"before": before})).status_code == 422


async def test_an_ingest_key_sees_none_of_it(operator: Api, ingest_api: Api) -> None:
    assert (await ingest_api.http.get("/v1/suppressions")).status_code == 403
    assert (await ingest_api.post("suppressions/take-back", {"channel": "email", "address": "a@b.example"})).status_code == 403


async def test_the_command_line_lists_looks_up_and_takes_back(dsn: str, database: Database) -> None:
    await suppressed(database, "ana@shop.example")

    async def run(*arguments: str, secret: str = SECRET) -> str:
        finished = await in_thread("suppressions", *arguments, database_url=dsn, secret=secret)
        return finished.stdout + finished.stderr

    assert await run("list") == f"email\t{digest('ana@shop.example').hex()}\tall\thard bounce\tsince 2026-11-16 12:00\n"
    assert "hard bounce" in await run("look-up", "ANA@shop.example")
    assert await run("take-back", "ana@shop.example") == ("lifted 1, addresses alive again 0, kept 0\n")
    assert await run("look-up", "ana@shop.example") == "no suppressions\n"


async def test_the_command_line_suppresses_an_address(dsn: str, database: Database) -> None:
    async def run(*arguments: str) -> str:
        finished = await in_thread("suppressions", *arguments, database_url=dsn, secret=SECRET)
        return finished.stdout + finished.stderr

    told = await run("add", "Bo@Shop.example", "--reason", "asked by phone")
    assert told.startswith(f"email\t{digest('bo@shop.example').hex()}\tmarketing\tasked by phone\tsince ")
    assert "asked by phone" in await run("look-up", "bo@shop.example")
    again = await run("add", digest("bo@shop.example").hex(), "--all", "--until", "2096-12-24")
    assert ("\tall\tasked by the customer" in again, "until 2096-12-24 00:00" in again) == (True, True)
    assert "--until is over" in await run("add", "bo@shop.example", "--until", "2020-01-01")
    assert "no address for whatsapp" in await run("add", "bo@shop.example", "--channel", "whatsapp")
    assert await database.pool.fetchval("select count(*) from suppression") == 2


@pytest.mark.parametrize(("channel", "told"), [("email", "no e-mail address"), ("whatsapp", "no phone number")])
async def test_what_is_no_address_is_not_looked_up_in_silence(dsn: str, channel: str, told: str) -> None:
    for command in ("look-up", "take-back"):
        asked = (command, "not an address", "--channel", channel)
        wrong = await in_thread("suppressions", *asked, database_url=dsn, secret=SECRET)
        assert (wrong.returncode, wrong.stdout) == (1, "")
        assert told in wrong.stderr


OPT_OUTS = """email;reason;expires
Ana@Shop.example;asked by phone;
no address;;
bea@shop.example;;2096-12-24
ana@shop.example;again;
"""


async def test_opt_outs_of_another_system_are_tried_first_and_taken_once(operator: Api) -> None:
    tried = (await operator.http.post("/v1/suppressions/import?dry_run=true", content=OPT_OUTS)).json()
    assert (tried["rows"], tried["added"], tried["already"], tried["bad"], tried["dry_run"]) == (4, 2, 1, 1, True)
    assert tried["problems"] == [{"row": 3, "problem": "this is no address for email"}]
    assert await operator.database.pool.fetchval("select count(*) from suppression") == 0
    taken = (await operator.http.post("/v1/suppressions/import", content=OPT_OUTS)).json()
    assert (taken["added"], taken["already"]) == (2, 1)
    again = (await operator.http.post("/v1/suppressions/import", content=OPT_OUTS)).json()
    assert (again["added"], again["already"]) == (0, 3)
    looked = (
        await operator.http.post("/v1/suppressions/look-up", json={"channel": "email", "address": "bea@shop.example"})
    ).json()
    [found] = looked["suppressions"]
    assert (found["scope"], found["source"], found["expires_at"]) == ("marketing", "import: operator", "2096-12-24T00:00:00Z")
    assert (await operator.http.post("/v1/suppressions/import", content="name\nAna\n")).json()["code"] == "bad-file"


async def test_an_opt_out_by_hash_is_found_by_the_address(operator: Api) -> None:
    hashed = hashlib.sha256(b"ana@shop.example").hexdigest()
    answer = await operator.http.post("/v1/suppressions/import", content=f"sha256\n{hashed}\n123\n")
    assert (answer.json()["added"], answer.json()["bad"]) == (1, 1)
    async with operator.database.pool.acquire() as connection:
        digests = suppression_digests(SECRET, (), "email", " Ana@shop.example")
        assert await deliveries.suppressed(connection, "email", digests, "marketing", NOON) != set()
        assert await deliveries.suppressed(connection, "email", digests, "transactional", NOON) == set()


async def test_a_suppression_with_an_end_ends_and_a_bounce_outlasts_it(operator: Api) -> None:
    body = {"channel": "email", "address": "ana@shop.example", "scope": "all", "reason": "on holiday"}
    answer = await operator.http.post("/v1/suppressions", json=body | {"expires_at": "2096-11-20T00:00:00Z"})
    assert answer.status_code == 201
    assert answer.json()["suppressions"][0]["source"] == "API: operator"
    async with operator.database.pool.acquire() as connection:
        asked = ("email", [digest("ana@shop.example")], "marketing")
        assert await deliveries.suppressed(connection, *asked, NOON) == {digest("ana@shop.example")}
        assert await deliveries.suppressed(connection, *asked, datetime(2097, 1, 1, tzinfo=UTC)) == set()
        await deliveries.suppress(operator.database, "email", digest("ana@shop.example"), "all", "hard bounce", NOON)
        assert await deliveries.suppressed(connection, *asked, datetime(2097, 1, 1, tzinfo=UTC)) == {digest("ana@shop.example")}
    why = {"channel": "email", "address": "ana@shop.example", "why": "our relay was set up wrongly"}
    assert (await operator.http.post("/v1/suppressions/take-back", json=why)).json()["lifted"] == 1
    kept = await operator.database.pool.fetchrow("select reason, lifted_by, why from suppression_lifted")
    assert tuple(kept or ()) == ("hard bounce", "operator", "our relay was set up wrongly")


BAD_ROWS = """email,phone,reason,since,expires
ana@shop.example,+34600000001,,,
bea@shop.example,+34600000002,a\0b,,
cat@shop.example,+34600000003,,,9999-12-31T23:59:59-12:00
dan@shop.example,+34600000004,,0001-01-01T00:00:00+12:00,
eve@shop.example,+34600000005,,,2020-01-01
fay@shop.example,600 000 006,,2026-01-01T00:00:00+02:00,9999-12-31T23:59:59Z
"""


@pytest.mark.parametrize(("channel", "taken"), [("email", "fay@shop.example"), ("sms", "+34600000006")])
async def test_a_bad_row_is_told_by_its_line_and_costs_no_other(operator: Api, channel: str, taken: str) -> None:
    """Of several columns of addresses the channel's is read."""
    answer = await operator.http.post(f"/v1/suppressions/import?channel={channel}", content=BAD_ROWS)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["rows"], answer.json()["added"], answer.json()["bad"]) == (6, 2, 4)
    assert [(each["row"], each["problem"]) for each in answer.json()["problems"]] == [
        (3, "a field holds the character U+0000, which cannot be stored"),
        (4, "since and expires are instants of the years 1 to 9999 (UTC)"),
        (5, "since and expires are instants of the years 1 to 9999 (UTC)"),
        (6, "it has expired already, so that it suppresses nobody"),
    ]
    looked = await operator.post("suppressions/look-up", {"channel": channel, "address": taken})
    assert looked.json()["suppressions"][0]["since"] == "2025-12-31T22:00:00Z"


@pytest.mark.parametrize("channel", ["in_app", "wallet"])
async def test_a_channel_without_addresses_is_refused_everywhere(operator: Api, channel: str) -> None:
    file = {"content": "address\nx\n", "params": {"channel": channel, "dry_run": True}}
    named = {"channel": channel, "address": "x", "reason": "asked by phone"}
    answers = [
        await operator.http.post("/v1/suppressions/import", **file),
        await operator.http.get("/v1/suppressions", params={"channel": channel}),
        await operator.http.post("/v1/suppressions", json=named),
        await operator.post("suppressions/look-up", {"channel": channel, "address": "x"}),
        await operator.post("suppressions/take-back", {"channel": channel, "address": "x"}),
    ]
    for answer in answers:
        assert (answer.status_code, "there are no addresses on" in answer.text) == (422, True), answer.text


async def test_a_file_without_a_column_of_the_channel_s_is_refused(operator: Api) -> None:
    answer = await operator.http.post("/v1/suppressions/import?channel=sms", content="email\nana@shop.example\n")
    assert (answer.status_code, answer.json()["code"]) == (422, "bad-file")
    assert "phone, address or sha256" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"channel": "sms", "address": "garbage"}, "this is no address for sms"),
        ({"channel": "whatsapp", "address": "ana@shop.example"}, "this is no address for whatsapp"),
        ({"address": "\0"}, "this is no address for email"),
        ({"address": "a\0@shop.example"}, "this is no address for email"),
        ({"channel": "push", "address": "to\0ken"}, "this is no address for push"),
        ({"channel": "web_push", "address": "garbage"}, "this is no address for web_push"),
        ({"reason": "a\0b"}, "leave out NUL"),
        ({"expires_at": "9999-12-31T23:59:59-12:00"}, "years 1 to 9999"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at is over"),
    ],
)
async def test_what_would_suppress_nobody_is_refused(operator: Api, wrong: dict[str, str], told: str) -> None:
    body = {"channel": "email", "address": "ana@shop.example", "reason": "asked by phone"} | wrong
    answer = await operator.http.post("/v1/suppressions", json=body)
    assert answer.status_code == 422, answer.text
    assert told in answer.json()["detail"]
    assert await operator.database.pool.fetchval("select count(*) from suppression") == 0


async def test_a_number_is_suppressed_as_it_is_written_to(operator: Api) -> None:
    body = {"channel": "sms", "address": "600 000 001", "reason": "asked by phone"}
    assert (await operator.http.post("/v1/suppressions", json=body)).status_code == 201
    assert await operator.database.pool.fetchval("select digest from suppression") == digest("+34600000001", "sms")


@pytest.mark.parametrize("channel", ["email", "sms"])
async def test_nobody_waits_for_a_long_file(operator: Api, channel: str) -> None:
    """Read at once, twenty thousand rows were seconds in which nobody was answered."""
    rows = "".join(f"c{n}@shop.example,+346{n:08}\n" for n in range(8_000))
    importing = asyncio.create_task(
        operator.http.post(f"/v1/suppressions/import?channel={channel}", content=f"email,phone\n{rows}", timeout=120)
    )
    waits = []
    while not importing.done():
        begun = asyncio.get_running_loop().time()
        await asyncio.sleep(0.01)
        waits.append(asyncio.get_running_loop().time() - begun)
    assert (await importing).json()["added"] == 8_000
    assert len(waits) > 10
    assert max(waits) < 0.5, "of the API's own loop, also where other programs take the processor"


async def test_opt_outs_on_the_command_line(operator: Api, tmp_path: Path) -> None:
    file, given = tmp_path / "out.csv", {"database_url": operator.database.dsn, "secret": SECRET}
    file.write_text(OPT_OUTS, encoding="utf-16")
    tried = await in_thread("suppressions", "import", str(file), "--dry-run", **given)
    assert tried.stdout == "4 rows: 2 would be added, 1 suppressed already, 1 bad\n", tried.stderr
    assert "line 3: this is no address for email" in tried.stderr
    taken = await in_thread("suppressions", "import", str(file), **given)
    assert taken.stdout == "4 rows: 2 added, 1 suppressed already, 1 bad\n"
    assert "until 2096-12-24 00:00" in (await in_thread("suppressions", "list", **given)).stdout
