"""Traits by event time, with where they come from: through the real ingest, in any order, and across a merge."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from itertools import permutations
from random import Random
from typing import Any
from uuid import uuid4

import pytest

from store import Database
from store.ingest.batch import Memory, store
from store.ingest.items import Item, Provenance
from tests.store.items import NOW, alias, identify, track

Take = Callable[..., Awaitable[None]]
HOUR = timedelta(hours=1)


@pytest.fixture
def take(database: Database) -> Take:
    weeks = Memory()

    async def take(*items: Item) -> None:
        await store(database, items, weeks)

    return take


def said(hour: float, value: Any, source: str = "crm", user: str = "ana", **fields: Any) -> Item:
    return identify(user, traits={"plan": value}, ts=NOW + hour * HOUR, source=source, **fields)


def inferred(hour: float, value: Any, confidence: float = 0.8, user: str = "ana", **fields: Any) -> Item:
    return said(hour, value, user=user, origins={"plan": Provenance("model", confidence)}, **fields)


def hour_of(text: str) -> float:
    return (datetime.fromisoformat(text) - NOW) / HOUR


async def plan(database: Database, user: str = "ana") -> tuple[Any, ...] | None:
    """The value, the source, the confidence, when it was said, and since when: the hours after NOW."""
    row = await database.pool.fetchrow(
        "select traits, traits_at, traits_from from profile join identity on profile_id = profile.id where value = $1", user
    )
    assert row is not None
    assert set(row["traits_from"]) == set(row["traits"])
    if "plan" not in row["traits"]:
        return None
    origin = row["traits_from"]["plan"]
    hours = (hour_of(row["traits_at"]["plan"]), hour_of(origin["since"]))
    return (row["traits"]["plan"], origin["source"], origin.get("confidence"), *hours)


async def test_each_trait_keeps_its_source_its_time_and_since_when_it_is_so(database: Database, take: Take) -> None:
    await take(said(0, "pro"))
    assert await plan(database) == ("pro", "crm", None, 0, 0)
    await take(said(1, "pro", "shop-web"))
    assert await plan(database) == ("pro", "shop-web", None, 1, 0)
    await take(said(2, "free", "shop-web"))
    assert await plan(database) == ("free", "shop-web", None, 2, 2)
    await take(said(3, None))
    assert await plan(database) is None
    await take(said(4, "free"))
    assert await plan(database) == ("free", "crm", None, 4, 4)


async def test_the_same_is_what_json_says_is_the_same(database: Database, take: Take) -> None:
    await take(said(0, {"a": 1, "b": [1.0]}))
    await take(said(1, {"b": [1], "a": 1.0}))
    assert (await plan(database))[3:] == (1, 0)  # type: ignore[index]
    await take(said(2, {"b": ["1"], "a": 1}))
    assert (await plan(database))[3:] == (2, 2)  # type: ignore[index]


async def test_late_words_are_resolved_by_event_time_trait_by_trait(database: Database, take: Take) -> None:
    await take(identify("ana", traits={"plan": "pro", "city": "Vigo"}, ts=NOW + 5 * HOUR, source="crm"))
    await take(identify("ana", traits={"plan": "old", "size": 40}, ts=NOW + HOUR, source="late"))
    assert await plan(database) == ("pro", "crm", None, 5, 5)
    traits = await database.pool.fetchval("select traits from profile")
    assert traits == {"plan": "pro", "city": "Vigo", "size": 40}
    sources = await database.pool.fetchval("select traits_from from profile")
    assert {name: origin["source"] for name, origin in sources.items()} == {"plan": "crm", "city": "crm", "size": "late"}


async def test_a_late_word_that_says_otherwise_moves_since_but_not_the_value(database: Database, take: Take) -> None:
    await take(said(1, "pro"), said(5, "pro"))
    assert await plan(database) == ("pro", "crm", None, 5, 1)
    await take(said(0, "free"))
    assert await plan(database) == ("pro", "crm", None, 5, 1)
    await take(said(3, "free"))
    assert await plan(database) == ("pro", "crm", None, 5, 5)


async def test_a_batch_that_changes_its_mind_says_since_when(database: Database, take: Take) -> None:
    await take(said(0, "pro"))
    await take(said(4, "pro"), said(2, "pro"), said(1, "free"), said(3, "pro"))
    assert await plan(database) == ("pro", "crm", None, 4, 2)


async def test_what_is_inferred_never_replaces_what_is_declared(database: Database, take: Take) -> None:
    await take(inferred(0, "pro", 0.5))
    assert await plan(database) == ("pro", "model", 0.5, 0, 0)
    await take(inferred(2, "free", 0.9))
    await take(inferred(1, "pro", 1))
    assert await plan(database) == ("free", "model", 0.9, 2, 2)
    await take(said(1, "gold"))  # late, and yet: what the customer says is worth more than a guess
    assert await plan(database) == ("gold", "crm", None, 1, 1)
    await take(inferred(9, "free"))
    assert await plan(database) == ("gold", "crm", None, 1, 1)


async def test_a_null_takes_a_trait_away_with_its_origin_and_guesses_may_come_after_it(database: Database, take: Take) -> None:
    await take(said(1, "gold"), said(3, None))
    await take(inferred(2, "free"))
    assert await plan(database) is None
    await take(inferred(5, "free"))
    assert await plan(database) == ("free", "model", 0.8, 5, 5)
    await take(said(2, "gold"))  # older than the word that took it away
    assert await plan(database) == ("free", "model", 0.8, 5, 5)
    await take(said(4, "gold"))
    assert await plan(database) == ("gold", "crm", None, 4, 4)


async def test_a_late_null_does_not_take_away_a_newer_guess_but_older_declarations(database: Database, take: Take) -> None:
    await take(inferred(5, "free"))
    await take(said(3, None))
    assert await plan(database) == ("free", "model", 0.8, 5, 5)
    await take(said(2, "gold"))
    assert await plan(database) == ("free", "model", 0.8, 5, 5)
    await take(said(6, None))
    assert await plan(database) is None


HISTORIES: list[list[Item]] = [
    [said(1, "a"), said(2, "b", "web"), said(3, "a")],
    [said(1, "a"), said(2, None), inferred(3, "c")],
    [inferred(1, "a"), said(2, "b"), inferred(3, "c")],
    [inferred(1, "a", 0.9), inferred(2, "a", 0.1), said(0, "a")],
    [inferred(4, {"b": None}), said(2, None), said(1, "a")],
]


@pytest.mark.parametrize("history", HISTORIES, ids=range(len(HISTORIES)))
async def test_any_order_of_arrival_ends_at_the_same(database: Database, take: Take, history: list[Item]) -> None:
    ends = []
    for order in permutations(history):
        for cut in range(len(order)):
            user = f"u{len(ends)}"
            await take(*(_about(item, user) for item in order[:cut]))
            await take(*(_about(item, user) for item in order[cut:]))
            found = await plan(database, user)
            ends.append(found and found[:4])
    assert ends.count(ends[0]) == len(ends), ends


def _about(item: Item, user: str) -> Item:
    return item._replace(user_id=user, message_id=str(uuid4()))


async def test_a_merge_says_it_again_of_the_survivor(database: Database, take: Take) -> None:
    await take(said(2, "gold", "web"), identify("ana", traits={"city": "Vigo"}, ts=NOW, source="web"))
    await take(identify(anonymous="phone", traits={"plan": "gold", "size": 4}, ts=NOW + HOUR, source="app"))
    await take(identify(anonymous="phone", traits={"plan": "gold", "city": "Lugo"}, ts=NOW + 4 * HOUR, source="app"))
    await take(track("ana", "phone", ts=NOW + 5 * HOUR))
    assert await plan(database) == ("gold", "app", None, 4, 2)
    rows = await database.pool.fetch("select traits, traits_at, traits_from from profile order by merged_into nulls first")
    assert rows[0]["traits"] == {"plan": "gold", "city": "Lugo", "size": 4}
    assert rows[0]["traits_from"]["city"]["source"] == "app"
    assert [tuple(row) for row in rows[1:]] == [({}, {}, {})]


async def test_a_merge_is_as_good_as_one_profile_from_the_beginning(database: Database, take: Take) -> None:
    """Random words about one customer under two names: merged, they say what they say in one profile."""
    random, cases = Random(11), range(80)
    words = [[_anything(random, hour) for hour in random.sample(range(20), 6)] for _ in cases]
    for n in range(6):
        await take(
            *(_about(words[case][n], f"one{case}") for case in cases),
            *(_about(words[case][n], f"{'other' if n % 2 else 'two'}{case}") for case in cases),
        )
    await take(*(alias(f"other{case}", f"two{case}", ts=NOW + 30 * HOUR) for case in cases))
    for case in cases:
        expected, found = await plan(database, f"one{case}"), await plan(database, f"two{case}")
        assert (found and found[:4]) == (expected and expected[:4]), [(word.ts, word.changes) for word in words[case]]


def _anything(random: Random, hour: int) -> Item:
    if random.random() < 0.4:
        return inferred(hour, random.choice("ab"), random.choice([0.2, 0.9]))
    return said(hour, random.choice(["a", "b", None]))
