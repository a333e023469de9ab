"""Dead letters (B15): kept once however often they are sent, found by reason and time, read again after a fix, purged."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.api.server import OPERATE_KEY, Api
from tests.api.test_poisoned import broken
from tests.command_line import in_thread

GOOD = {"type": "track", "userId": "42", "event": "Product Added"}
BAD = {"type": "track", "userId": "42", "event": "x", "timestamp": "yesterday"}


async def ask(api: Api, method: str, path: str = "", **more: Any) -> httpx.Response:
    return await api.http.request(method, f"/v1/dead-letters{path}", auth=(OPERATE_KEY, ""), **more)


async def letters(api: Api, **params: Any) -> list[dict[str, Any]]:
    return (await ask(api, "GET", params=params)).json()["dead_letters"]  # type: ignore[no-any-return]


async def test_a_bad_item_that_is_sent_again_and_again_is_one_dead_letter(ingest_api: Api) -> None:
    for n in range(3):
        await ingest_api.batch(BAD, GOOD, {**BAD, "messageId": "other"}, sentAt=datetime(2026, 1, 1, n, tzinfo=UTC).isoformat())
    for n in range(2):
        await ingest_api.post("track", {**BAD, "sentAt": datetime(2026, 1, 1, n, tzinfo=UTC).isoformat()})
    found = await letters(ingest_api)
    assert [(letter["message_id"], letter["times"]) for letter in found] == [(None, 2), ("other", 3), (None, 3)]
    assert all(letter["last_at"] >= letter["received_at"] for letter in found)


async def test_they_are_found_by_reason_source_and_time(ingest_api: Api) -> None:
    await ingest_api.batch(BAD, {**GOOD, "userId": "null"}, {**GOOD, "userId": {}})
    assert [letter["reason"][:12] for letter in await letters(ingest_api, reason="bad-identity")] == ["bad-identity"] * 2
    assert len(await letters(ingest_api, source="shop-web")) == 3
    assert await letters(ingest_api, source="app") == []
    now = datetime.now(UTC)
    for since, until, count in ((-1, 1, 3), (1, 2, 0), (-2, -1, 0)):
        span = {name: (now + timedelta(hours=h)).isoformat() for name, h in (("since", since), ("until", until))}
        assert len(await letters(ingest_api, **span)) == count


async def test_a_fix_and_a_replay_store_each_once_under_its_own_time(ingest_api: Api) -> None:
    """The fix here: Postgres takes again what it refused. What is wrong in itself stays, with the reason of today."""
    said = datetime(2026, 1, 1, 12, tzinfo=UTC)
    calls: list[dict[str, Any]] = [
        {**GOOD, "event": "Poison", "timestamp": said.isoformat()},
        {**GOOD, "event": "Poison", "messageId": "m", "context": {"locale": "es"}},
        {"type": "identify", "userId": "42", "traits": {"plan": "Poison", "big": 10**18}},
        {"type": "group", "userId": "42", "groupId": 7, "traits": {"x": "Poison"}},
        {"type": "alias", "userId": "42", "previousId": "Poison"},
        {"type": "page", "userId": "42", "name": "Poison", "properties": {"n": 1.5}},
    ]
    async with broken(ingest_api, "23514", "new::text like '%Poison%'"):
        answer = await ingest_api.batch(*calls, BAD)
        assert (answer["accepted"], answer["dead_letters"]) == (0, 7)
        refused = (await ask(ingest_api, "POST", "/replay", json={"all": True})).json()
        assert refused == {"stored": 0, "duplicates": 0, "refused": 7, "skipped": 0}
    done = await asyncio.gather(*(ask(ingest_api, "POST", "/replay", json={"source": "shop-web"}) for _ in range(3)))
    assert sum(answer.json()["stored"] for answer in done) == 6
    events = {event["kind"]: event for event in await ingest_api.events()}
    assert len(await ingest_api.events()) == 6
    assert await ingest_api.database.pool.fetchval("select traits from profile") == {"plan": "Poison", "big": 10**18}
    assert (events["group"]["properties"], events["page"]["properties"]) == (
        {"groupId": "7", "x": "Poison"},
        {"name": "Poison", "n": 1.5},
    )
    assert events["alias"]["properties"] == {"previousId": "Poison"}
    assert said in {event["ts"] for event in await ingest_api.events()}
    assert [letter["reason"][:13] for letter in await letters(ingest_api)] == ["bad-timestamp"]
    assert (await ingest_api.batch(calls[1]))["duplicates"] == 1


async def test_a_replay_reads_with_the_clock_and_the_context_of_then(ingest_api: Api) -> None:
    now = datetime.now(UTC)
    wrong = datetime(1999, 1, 1, tzinfo=UTC)
    call = {"type": "track", "userId": "null", "event": "x", "timestamp": (wrong - timedelta(hours=1)).isoformat()}
    await ingest_api.batch(call, sentAt=wrong.isoformat(), context={"locale": "es"})
    await ingest_api.database.pool.execute("update dead_letter set item = replace(item, 'null', 'ana')")  # stands for a fix
    assert (await ask(ingest_api, "POST", "/replay", json={"reason": "bad-identity"})).json()["stored"] == 1
    [event] = await ingest_api.events()
    assert event["context"] == {"locale": "es"}
    assert abs(event["ts"] - (now - timedelta(hours=1))) < timedelta(minutes=1)


async def test_they_are_purged_by_choice(ingest_api: Api) -> None:
    await ingest_api.batch(BAD, {**GOOD, "userId": "null"}, {**GOOD, "userId": {}})
    assert (await ask(ingest_api, "POST", "/purge", json={})).status_code == 422
    assert (await ask(ingest_api, "POST", "/purge", json={"reason": "bad-timestamp"})).json() == {"purged": 1}
    [last, _] = await letters(ingest_api)
    assert (await ask(ingest_api, "POST", "/purge", json={"ids": [last["id"]]})).json() == {"purged": 1}
    assert (await ask(ingest_api, "POST", "/purge", json={"all": True})).json() == {"purged": 1}
    assert (await ingest_api.http.post("/v1/dead-letters/purge", json={"all": True})).status_code == 403


async def test_any_text_in_any_place_can_be_kept_and_read_again(ingest_api: Api) -> None:
    odd = b'{"type":"track","userId":"\\ud800","event":"\\u0000"},{"type":"track"}'
    odd = b'{"batch":[%b],"context":{"n":NaN,"\\u0000":"\\udc00"}}' % odd
    answer = await ingest_api.http.post("/v1/batch", content=odd)
    assert (answer.status_code, answer.json()["dead_letters"]) == (200, 2)
    assert (await ask(ingest_api, "POST", "/replay", json={"all": True})).json()["refused"] == 2


async def test_the_command_line_lists_replays_and_purges(ingest_api: Api, dsn: str) -> None:
    await ingest_api.batch(BAD, {**GOOD, "userId": "null"})
    listed = await in_thread("dead-letters", "list", "--reason", "bad-identity", "--json", database_url=dsn)
    [letter] = json.loads(listed.stdout)
    assert (letter["source"], letter["times"]) == ("shop-web", 1)
    assert "bad-timestamp" in (await in_thread("dead-letters", "list", database_url=dsn)).stdout
    replayed = await in_thread("dead-letters", "replay", "--all", database_url=dsn)
    assert "stored 0, stored before 0, still refused 2" in replayed.stdout
    unsaid = await in_thread("dead-letters", "purge", database_url=dsn)
    assert (unsaid.returncode, "say which" in unsaid.stderr) == (1, True)
    assert (await in_thread("dead-letters", "purge", str(letter["id"]), database_url=dsn)).stdout == "purged 1\n"


async def test_what_no_json_can_say_is_kept_as_it_came_and_refused_again(ingest_api: Api) -> None:
    """Written down as null, it would take the trait away when it is read again."""
    await ingest_api.batch({"type": "identify", "userId": "42", "traits": {"income": 5}})
    for n, number in enumerate((b"NaN", b"-Infinity", b"1e999", b"9" * 4_400)):
        call = b'{"type":"identify","userId":"42","messageId":"m-%d","traits":{"income":%b}}' % (n, number)
        await ingest_api.http.post("/v1/batch", content=b'{"batch":[%b]}' % call)
    answer = (await ask(ingest_api, "POST", "/replay", json={"all": True})).json()
    assert answer == {"stored": 0, "duplicates": 0, "refused": 4, "skipped": 0}
    assert await ingest_api.database.pool.fetchval("select traits from profile") == {"income": 5}


async def test_what_cannot_be_asked_is_told(ingest_api: Api) -> None:
    for since in ("9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"):
        assert (await ask(ingest_api, "GET", params={"since": since})).status_code == 422
    assert (await ingest_api.http.get("/v1/runs", params={"journey": "\0"}, auth=(OPERATE_KEY, ""))).status_code == 422
