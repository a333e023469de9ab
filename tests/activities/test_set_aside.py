"""An entry that cannot be decided is set aside, by itself and under its journey's name: everybody else goes on."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest

from activities.dispatch.admission import admit
from activities.dispatch.undecided import Undecided
from activities.versions import OnlyOwn, Served
from journeys.clock import Clock
from journeys.contracts import JourneySpec, WatchShard
from journeys.policies import Limits
from segments import Segment, did
from store import Database
from store.runs import rows as runs
from store.runs.views import standing_of_journeys
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


DEPLOYED = """
insert into catalogue_version (id, package, archive, signature, journeys, deployed_at)
select id, '', '', '', '{}', '2026-03-01'::timestamptz + n * interval '1 day'
from unnest($1::text[]) with ordinality as v (id, n)
"""
LOGGED = "insert into segment_transition (segment, profile_id, kind, at, dispatched_at) values ('leads', $1, 'entered', $2, $2)"


async def test_what_could_not_be_decided_is_asked_again_of_each_later_version_once(database: Database) -> None:
    who = uuid4()
    await database.pool.execute("insert into profile (id, created_at, updated_at) values ($1, $2, $2)", who, NOON)
    await database.pool.execute(DEPLOYED, ["before", "first", "second", "third"])
    await database.pool.execute(LOGGED, who, NOON)
    row = runs.OutboxRow(1, "leads", who, "entered", NOON, {}, None)
    broken, fine = replace(POISONED, name="fine"), FINE
    async with database.transaction() as connection:
        await admit(connection, _served("first", broken), [row], NOON, _nothing_is_over)
    assert (await standing_of_journeys(database, NOON - timedelta(days=1)))["fine"].undecided == 1

    async def again(version: str, spec: JourneySpec, at: timedelta = timedelta(minutes=1)) -> int:
        clock = cast("Clock", SimpleNamespace(now=lambda: NOON + at))
        return await Undecided(database, OnlyOwn(_served(version, spec)), clock, _nothing_is_over).ask_again()

    assert [await again(version, fine) for version in ("before", "first")] == [0, 0], "of none that was there before"
    assert await again("second", broken) == 1
    assert await again("second", broken) == 0
    assert await again("third", fine) == 1
    (run,) = await database.pool.fetch("select journey, transition_id, entered_at from run")
    assert (run["journey"], run["transition_id"], run["entered_at"]) == ("fine", 1, NOON)
    assert "undecided" not in str(await standing_of_journeys(database, NOON - timedelta(days=1))).replace("undecided=0", "")


async def test_whoever_is_too_late_when_it_can_be_decided_stays_out(database: Database) -> None:
    who = uuid4()
    await database.pool.execute("insert into profile (id, created_at, updated_at) values ($1, $2, $2)", who, NOON)
    await database.pool.execute(DEPLOYED, ["first", "second"])
    await database.pool.execute(LOGGED, who, NOON)
    async with database.transaction() as connection:
        broken = _served("first", replace(POISONED, name="fine"))
        await admit(connection, broken, [runs.OutboxRow(1, "leads", who, "entered", NOON, {}, None)], NOON, _nothing_is_over)
    clock = cast("Clock", SimpleNamespace(now=lambda: NOON + timedelta(hours=5)))
    assert await Undecided(database, OnlyOwn(_served("second", FINE)), clock, _nothing_is_over).ask_again() == 1
    refused = await database.pool.fetch("select reason, asked_again_at is null as open from entry_refused order by id")
    assert [(each["reason"], each["open"]) for each in refused] == [("cannot be decided", False), ("too late", True)]


def _served(version: str, spec: JourneySpec) -> Served:
    return Served(version, {spec.name: spec}, {}, cast("Any", None), {}, {}, {spec.name: dict})


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
