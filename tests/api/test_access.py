"""Keys, roles, limits and a store that is away."""

import asyncio
import base64
import socket
from datetime import UTC, datetime, timedelta
from functools import partial

import httpx
import pytest

from api import ApiConfig
from store import Database
from store.keys import Grant, KeyNameTaken, Role, create_key, list_keys, revoke_key, rotate_key
from tests.api.server import INGEST_KEY, OPERATE_KEY, Api, serving

TRACK = {"userId": "42", "event": "Product Added"}


def basic(user: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:".encode()).decode()


@pytest.mark.parametrize("header", [basic(INGEST_KEY), f"Bearer {INGEST_KEY}", f"bearer  {INGEST_KEY}"])
async def test_a_key_comes_by_basic_or_bearer(ingest_api: Api, header: str) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{ingest_api.url}/v1/track", json=TRACK, headers={"Authorization": header})
    assert answer.status_code == 200


@pytest.mark.parametrize("header", ["", basic("wrong"), "Basic ???", "Bearer", "Digest x", basic(""), "Basic //8="])
async def test_without_a_valid_key_the_answer_says_how_to_send_one(ingest_api: Api, header: str) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{ingest_api.url}/v1/track", json=TRACK, headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "HTTP Basic" in answer.json()["detail"]


async def test_each_role_has_its_own_calls(ingest_api: Api) -> None:
    answer = await ingest_api.post("track", TRACK, auth=(OPERATE_KEY, ""))
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    answer = await ingest_api.http.get("/v1/dead-letters")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_a_revoked_key_stops_working_within_seconds(ingest_api: Api) -> None:
    key = await create_key(ingest_api.database.pool, "app", Role.INGEST)
    assert (await ingest_api.post("track", TRACK, auth=(key, ""))).status_code == 200
    assert await revoke_key(ingest_api.database.pool, "app")
    assert not await revoke_key(ingest_api.database.pool, "app")
    await asyncio.sleep(0.3)
    assert (await ingest_api.post("track", TRACK, auth=(key, ""))).status_code == 401


async def status(api: Api, key: str) -> int:
    return (await api.post("track", TRACK, auth=(key, ""))).status_code


async def test_gov_02_a_key_is_good_until_it_ends_and_its_former_secret_for_a_while(ingest_api: Api) -> None:
    pool, now = ingest_api.database.pool, datetime.now(UTC)
    over = await create_key(pool, "over", Grant(Role.INGEST, ends_at=now - timedelta(seconds=1)))
    first = await create_key(pool, "app", Grant(Role.INGEST, ends_at=now + timedelta(hours=1)))
    second = await rotate_key(pool, "app", now + timedelta(hours=1))
    assert [await status(ingest_api, key) for key in (over, first, second)] == [401, 200, 200]
    [told] = await list_keys(pool, "app")
    assert told.used_at is not None
    third = await rotate_key(pool, "app", now)
    asked = await create_key(pool, "later", Role.INGEST)
    assert await revoke_key(pool, "later")
    assert [await status(ingest_api, key) for key in (third, asked)] == [200, 401]
    await asyncio.sleep(0.3)  # until what was looked up before is forgotten
    assert [await status(ingest_api, key) for key in (first, second, third)] == [401, 401, 200]


async def test_gov_02_a_key_with_a_limit_is_told_when_to_come_back(ingest_api: Api) -> None:
    limited = await create_key(ingest_api.database.pool, "script", Grant(Role.READ, per_minute=3))
    ask = partial(ingest_api.http.get, "/v1/journeys", auth=(limited, ""))
    answers = [await ask() for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 20
    assert (await ingest_api.http.get("/v1/journeys", auth=(OPERATE_KEY, ""))).status_code == 200, "others have their own"


async def test_only_the_hash_of_a_key_is_kept_and_names_are_used_once(keyed: Database) -> None:
    key = await create_key(keyed.pool, "app", Role.INGEST)
    text = await keyed.pool.fetchval("select string_agg(api_key::text, ' ') from api_key")
    assert key not in text
    assert [row.name for row in await list_keys(keyed.pool)] == ["shop-web", "operator", "app"]
    with pytest.raises(KeyNameTaken, match="choose another name"):
        await create_key(keyed.pool, "app", Role.OPERATE)


async def test_a_key_that_sends_too_fast_is_told_when_to_come_back(dsn: str, keyed: Database) -> None:
    async with serving(ApiConfig(dsn=dsn, events_per_second=5)) as url, httpx.AsyncClient(auth=(INGEST_KEY, "")) as http:
        batch = {"batch": [{"type": "track", **TRACK} for _ in range(20)]}
        assert (await http.post(f"{url}/v1/batch", json=batch)).status_code == 200
        answer = await http.post(f"{url}/v1/batch", json=batch)
        assert (answer.status_code, answer.json()["code"]) == (429, "too-many-requests")
        assert 1 <= int(answer.headers["retry-after"]) <= 3
        await asyncio.sleep(int(answer.headers["retry-after"]))
        assert (await http.post(f"{url}/v1/batch", json=batch)).status_code == 200
    assert await keyed.pool.fetchval("select count(*) from event") == 40


async def test_more_than_fits_at_once_is_told_to_come_back(dsn: str, keyed: Database) -> None:
    """Two requests hold their places while Postgres makes them wait; the third is turned away, none is lost."""
    config = ApiConfig(dsn=dsn, in_flight=2, turn_seconds=0.2)
    async with serving(config) as url, httpx.AsyncClient(auth=(INGEST_KEY, ""), timeout=30) as http:
        assert (await http.post(f"{url}/v1/track", json=TRACK)).status_code == 200
        async with keyed.transaction() as connection:
            await connection.execute("lock table event_dedupe in exclusive mode")
            held = [asyncio.create_task(http.post(f"{url}/v1/track", json=TRACK)) for _ in range(2)]
            await asyncio.sleep(0.3)
            refused = await http.post(f"{url}/v1/track", json=TRACK)
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) >= 1
        assert [answer.status_code for answer in await asyncio.gather(*held)] == [200, 200]


async def test_while_postgres_is_down_clients_are_asked_to_send_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    async with serving(ApiConfig(dsn=f"postgres://u:p@127.0.0.1:{port}/x")) as url, httpx.AsyncClient() as http:
        for path in ("/v1/batch", "/readyz"):
            method = "GET" if path == "/readyz" else "POST"
            answer = await http.request(method, url + path, headers={"Authorization": basic(INGEST_KEY)})
            assert (answer.status_code, answer.json()["code"]) == (503, "store-unavailable")
            assert int(answer.headers["retry-after"]) >= 1
        assert (await http.get(f"{url}/healthz")).json() == {"status": "ok"}


async def test_a_store_that_comes_back_takes_what_is_sent_again(ingest_api: Api) -> None:
    """Every connection is cut while requests are on their way: each answer is 200 or 503, and a retry completes the rest."""
    calls = [{"type": "track", "messageId": f"m-{n}", **TRACK} for n in range(60)]

    async def send(n: int) -> int:
        return (await ingest_api.post("batch", {"batch": [calls[n]]})).status_code

    async def cut() -> None:
        await ingest_api.database.pool.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )

    first = [asyncio.create_task(send(n)) for n in range(60)]
    await asyncio.sleep(0.02)
    await cut()
    assert set(await asyncio.gather(*first)) <= {200, 503}
    for n in range(60):
        while (status := await send(n)) != 200:
            assert status == 503
    assert await ingest_api.database.pool.fetchval("select count(*) from event") == 60
