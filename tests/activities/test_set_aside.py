"""An entry that cannot be decided is set aside, by itself and under its journey's name: everybody else goes on."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import uuid4

import pytest

from activities.dispatch.admission import admit
from activities.versions import Served
from journeys.contracts import WatchShard
from journeys.policies import Limits
from segments import Segment, did
from store import Database
from store.runs import rows as runs
from tests.trial_catalogue import three_messages
from workers.testing.shop import Shop

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
FINE = replace(three_messages.spec, name="fine", entry=Segment("leads", did("Signed Up")), goal=None)
#: Its deadline is after the end of the calendar.
POISONED = replace(FINE, name="poisoned", limits=Limits(capacity=5, max_wait=timedelta.max))


async def test_a_journey_at_which_entries_fail_stops_no_other(database: Database) -> None:
    people = [uuid4() for _ in range(5)]
    await database.pool.execute(
        "insert into profile (id, created_at, updated_at) select id, $2, $2 from unnest($1::uuid[]) as id", people, NOON
    )
    served = Served(
        None, {s.name: s for s in (POISONED, FINE)}, {}, cast("Any", None), {}, {}, {"fine": dict, "poisoned": dict}
    )
    rows = [runs.OutboxRow(n, "leads", who, "entered", NOON, {}, None) for n, who in enumerate(people)]
    async with database.transaction() as connection:
        await admit(connection, served, rows, NOON, _nothing_is_over)
    entered = await database.pool.fetch("select journey, profile_id from run order by transition_id")
    assert [(row["journey"], row["profile_id"]) for row in entered] == [("fine", who) for who in people]
    refused = await database.pool.fetch("select journey, reason, detail from entry_refused")
    told = {(row["journey"], row["reason"], row["detail"]["error"]) for row in refused}
    assert (len(refused), told) == (5, {("poisoned", "cannot be decided", "OverflowError")})


async def test_a_postgres_that_is_away_is_nobodys_fault(database: Database) -> None:
    served = Served(None, {"fine": FINE}, {}, cast("Any", None), {}, {}, {"fine": _away})
    who = uuid4()
    await database.pool.execute("insert into profile (id, created_at, updated_at) values ($1, $2, $2)", who, NOON)
    with pytest.raises(ConnectionError):
        async with database.transaction() as connection:
            await admit(
                connection, served, [runs.OutboxRow(1, "leads", who, "entered", NOON, {}, None)], NOON, _nothing_is_over
            )
    assert await database.pool.fetchval("select count(*) from entry_refused") == 0


async def test_a_step_that_fails_stops_no_other(trial: Shop) -> None:
    await trial.signs_up("ana")
    answer = await trial.operate("POST", "/v1/journeys/urgent/runs", json={"customer": {"user_id": "ana"}})
    assert answer.is_success, answer.text
    broken = replace(trial.watch.dispatcher, line=cast("Any", _Broken()))
    with pytest.raises(ZeroDivisionError):
        await broken.dispatch(WatchShard())
    assert (await trial.run("urgent")).started_at is not None


class _Broken:
    async def move(self) -> int:
        return 1 // 0


def _away(_: dict[str, Any]) -> dict[str, Any]:
    raise ConnectionResetError


async def _nothing_is_over(_: list[str]) -> bool:
    return False
