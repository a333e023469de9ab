"""Show 5 of issue 12: the briefs carried out through the door, and who is found held against plain Python (docs/agents.md)."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from api import ApiConfig
from journeys.catalogue import load
from journeys.clock import Clock
from store import Database
from store.keys import Grant, Role, put_key
from tests.api.agents.briefs import BRIEFS, HARDER, NOW, STARTS, Brief, Life, lives
from tests.api.agents.door import over_http
from tests.api.server import serving
from workers.definitions import load_definitions


class _Noon(Clock):
    """It is always the same."""

    def now(self) -> datetime:
        return NOW


SHOP = lives()
PLANTED = ("Message Sent", "Message Read", "Message Clicked")  # of our own making: nobody sends them


@pytest.fixture
async def shop(dsn: str, database: Database, pooled_for_api: Database) -> AsyncIterator[str]:
    await put_key(database.pool, "shop", Role.INGEST, "jk_shop")
    await put_key(database.pool, "agent", Grant(Role.OPERATE, personal=True), "jk_agent")
    catalogue, _ = load_definitions("definitions", doubts=False)
    config = ApiConfig(dsn=dsn, clock=_Noon(), catalogue=load("definitions").journeys, segments=catalogue.segments)
    async with serving(replace(config, secret="a-secret-of-this-test-alone"), pooled_for_api) as url:
        async with httpx.AsyncClient(base_url=url, auth=("jk_shop", ""), timeout=60) as http:
            for n in range(0, len(SHOP), 20):
                calls = [call for life in SHOP[n : n + 20] for call in _calls(life)]
                answer = (await http.post("/v1/batch", json={"batch": calls, "sentAt": NOW.isoformat()})).json()
                assert (answer["accepted"], answer["dead_letters"]) == (len(calls), 0), answer
        await _plant(database)
        yield url


def _calls(life: Life) -> list[dict[str, Any]]:
    email = f"{life.user}@shop.example"
    status = "SUBSCRIBED" if life.emails else "UNSUBSCRIBED"
    context = {"messaging_subscriptions": [{"key": email, "type": "EMAIL", "status": status}]}
    first = (NOW - timedelta(days=600)).isoformat()
    told = [{"type": "identify", "userId": life.user, "traits": life.traits, "context": context, "timestamp": first}]
    return told + [
        {
            "type": "track",
            "userId": life.user,
            "event": each.what,
            "properties": each.properties,
            "timestamp": each.at.isoformat(),
        }
        for each in life.done
        if each.what not in PLANTED
    ]


async def _plant(database: Database) -> None:
    ids = {row["value"]: row["profile_id"] for row in await database.pool.fetch("select value, profile_id from identity")}
    rows = [(ids[life.user], each) for life in SHOP for each in life.done if each.what in PLANTED]
    await database.pool.executemany(
        "insert into event (profile_id, ts, type, kind, message_id, properties, source, received_at)"
        " values ($1, $2, $3, 'track', gen_random_uuid()::text, $4, 'journeys', $2)",
        [(who, each.at, each.what, each.properties) for who, each in rows],
    )


async def test_each_brief_finds_whom_plain_python_finds(shop: str, database: Database) -> None:
    rows = await database.pool.fetch("select value, profile_id from identity")
    users = {str(row["profile_id"]): row["value"] for row in rows}
    wrong, at_first = {}, {}
    async with over_http(shop, "jk_agent") as agent:

        async def found(predicate: dict[str, Any]) -> set[str]:
            told = await agent.asked("preview_definition", predicate=predicate, limit=500)
            return {users[each["customer_id"]] for each in told["customers"]}

        for brief in (*BRIEFS, *HARDER):
            if (members := await found(brief.predicate)) != (right := _right(brief)):
                wrong[brief.wanted] = sorted(members - right), sorted(right - members)
            if brief.at_first is not None:
                at_first[brief.wanted[:9]] = await agent.told("check_definition", predicate=brief.at_first)
        cart = next(brief for brief in HARDER if "in the cart" in brief.wanted)
        assert await found(cart.at_first or {}) < _right(cart), "valid, and without those who never ordered"
    assert wrong == {}
    assert "never received" in at_first["Got three"]["answer"]["hints"][0]
    assert "`otherwise`" in at_first["Began to "]["error"]


def _right(brief: Brief) -> set[str]:
    return {life.user for life in SHOP if brief.right(life)}


@pytest.mark.parametrize("brief", [*BRIEFS, *HARDER], ids=lambda brief: brief.wanted[:40])
def test_a_brief_is_true_of_some_and_not_of_all(brief: Brief) -> None:
    assert 3 <= len(_right(brief)) < len(SHOP) * 0.9


async def test_the_briefs_of_journeys_are_carried_out(shop: str) -> None:
    (_, tool, starts), (_, other, campaign) = STARTS
    async with over_http(shop, "jk_agent", write=True) as agent:
        dry = await agent.told(tool, **starts)
        assert dry["dry_run"]["would"]["would"] == {"enter": 2}, dry
        done = await agent.told(tool, **starts, confirm=dry["confirm"])
        assert done["answer"]["rows"] == 2
        made = await agent.does(other, **campaign)
        assert (made["in_their_zone"], made["segment"], made["state"]) == (True, "abandoned-cart", "scheduled")
