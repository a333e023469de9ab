"""Scores as they are written: in Postgres' own format, of who is there still, and where they stood before."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from uuid_utils.compat import uuid7

from activities.predicting.packed import packed
from journeys.clock import Clock
from store import Database, predictions
from store.predictions import NewScores

_DAY = timedelta(days=1)
_PAGES = "select profile_id, (ctid::text::point)[0]::integer as page from prediction_score order by 1"


@pytest.fixture
async def now(database: Database) -> datetime:
    """When a prediction was declared."""
    at = Clock().now()
    await predictions.declare(database, "clv", "1", _DAY, _DAY, _DAY, at)
    return at


async def people(database: Database, count: int, at: datetime) -> Any:
    """So many customers, by their ids in bytes, in the order of these."""
    who = sorted(uuid7().bytes for _ in range(count))
    rows = [(each.hex(), at, at) for each in who]
    await database.pool.executemany("insert into profile (id, created_at, updated_at) values ($1, $2, $3)", rows)
    return np.frombuffer(b"".join(who), "V16")


async def write(database: Database, at: datetime, scores: NewScores) -> None:
    async with database.transaction() as connection:
        await predictions.write(connection, "clv", at, scores)


async def test_all_that_a_model_says_is_written_to_the_last_digit(database: Database, now: datetime) -> None:
    ids = await people(database, 3, now)
    score, low, high = np.array([0.1 + 0.2, 1e-300, -0.0]), np.array([0.1, 0.0, -7.25]), np.array([5e9, 1.0, 0.3333])
    more = np.array([[0.123, 4.0], [np.nan, -1.5], [0.0, 1 / 3]])
    columns = ("id", "version", "score", "low", "high", "label", "more")
    rows = packed([ids, np.array([2, 3, 2]), score, low, high, np.array([2, 0, 1]), more])
    await write(database, now, NewScores(columns, rows, ["often", "seldom, José"], ["alive", "orders"]))
    found = await database.pool.fetch("select * from prediction_score order by profile_id")
    assert [each["profile_id"].bytes for each in found] == [each.tobytes() for each in ids]
    assert [each["score"] for each in found] == score.tolist()
    assert [(each["low"], each["high"]) for each in found] == list(zip(low.tolist(), high.tolist(), strict=True))
    assert [each["label"] for each in found] == ["seldom, José", None, "often"]
    assert [each["version"] for each in found] == [2, 3, 2]
    assert [each["more"] for each in found] == [
        {"alive": 0.123, "orders": 4.0},
        {"alive": None, "orders": -1.5},
        {"alive": 0.0, "orders": 1 / 3},
    ]
    assert {each["as_of"] for each in found} == {now}


async def test_what_a_model_does_not_say_any_more_is_nothing_and_what_is_the_same_keeps_its_date(
    database: Database, now: datetime
) -> None:
    ids = await people(database, 2, now)
    rows = packed([ids, np.array([1, 1]), np.array([0.5, 0.6]), np.array([0.4, 0.4]), np.array([[1.0], [2.0]])])
    await write(database, now, NewScores(("id", "version", "score", "low", "more"), rows, more=["orders"]))
    later = now + _DAY
    await write(database, later, NewScores(("id", "version", "score"), packed([ids, np.array([2, 2]), np.array([0.5, 0.7])])))
    same, other = await database.pool.fetch("select * from prediction_score order by profile_id")
    assert (same["version"], same["as_of"], same["low"], same["more"]) == (1, now, 0.4, {"orders": 1.0})
    assert (other["version"], other["as_of"], other["score"], other["low"], other["more"]) == (2, later, 0.7, None, None)


async def test_who_was_merged_or_erased_meanwhile_gets_none(database: Database, now: datetime) -> None:
    ids = await people(database, 3, now)
    stays, merged, erased = (each.tobytes().hex() for each in ids)
    await database.pool.execute("update profile set merged_into = $2 where id = $1", merged, stays)
    await database.pool.execute("update profile set merged_into = id where id = $1", erased)
    await write(database, now, NewScores(("id", "version", "score"), packed([ids, np.ones(3, int), np.full(3, 0.5)])))
    found = await database.pool.fetch("select profile_id from prediction_score")
    assert [each["profile_id"].bytes.hex() for each in found] == [stays]


async def test_a_scoring_that_writes_all_anew_leaves_nearly_each_row_on_its_page(database: Database, now: datetime) -> None:
    """So no index is written: it is what a daily scoring costs."""
    ids = await people(database, 600, now)
    dice = np.random.default_rng(1)
    before: dict[Any, int] = {}
    for day in range(3):
        scores = NewScores(("id", "version", "score"), packed([ids, np.full(600, day + 1), dice.random(600)]))
        await write(database, now + day * _DAY, scores)
        pages = {each["profile_id"]: each["page"] for each in await database.pool.fetch(_PAGES)}
        stay = [pages[who] == page for who, page in before.items()]
        assert sum(stay) >= 0.9 * len(stay), "the last row of a page may find no room"
        before = pages
        # A page is tidied as it is looked at, unless a transaction of any database is as old; vacuum asks for this one's.
        await database.pool.execute("vacuum prediction_score")
    assert len(set(before.values())) > 5, "there were pages to go to"
    assert await database.pool.fetchval("select min(version) from prediction_score") == 3
