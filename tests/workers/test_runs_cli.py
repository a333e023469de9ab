"""`journeys runs …`, `pause`, `resume`, `kill`: what operators see and do by hand (FAULTS E5)."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from rich.console import Console

from api.runs.lines import shut
from api.runs.standing import standing_of
from definitions.cart_abandonment import cart_abandonment
from journeys import JourneyDefinition
from journeys.policies import Limits, Rate, Window
from store import Database
from store.runs.lists import next_of
from store.runs.switches import throw
from store.runs.views import run_by_id
from tests.command_line import in_thread
from workers.cli.operating.run_tables import RunTold, listed
from workers.cli.tables import short

CUSTOMER, RUN, OTHER = UUID(int=1), UUID(int=2), UUID(int=3)
T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
WHY = "KeyError at shop/welcome.py:12"


@pytest.fixture
async def two(database: Database) -> Database:
    """Two open runs of a journey that has left the catalogue: one that fails, one whose message waits for the morning."""
    pool = database.pool
    await pool.execute("insert into profile (id, created_at, updated_at) values ($1, now(), now())", CUSTOMER)
    await pool.execute(
        "insert into identity (kind, value, profile_id, since, created_at) values ('user_id', 'ana', $1, now(), now())",
        CUSTOMER,
    )
    for run, key, failure in ((RUN, "a", WHY), (OTHER, "b", None)):
        await pool.execute(
            "insert into run (id, journey, profile_id, entry_key, entered_by, entered_at, workflow_id, created_at, started_at,"
            " failing_since, failure) values ($1, 'welcome', $2, $3, 'api', $4, $3, $4, $4, $5, $6)",
            *(run, CUSTOMER, key, T0, T0 if failure else None, failure),
        )
    await pool.execute(
        "insert into delivery (run_id, step, occurrence, profile_id, journey, channel, purpose, template, due_at, state,"
        " reason, retry_at) values ($1, 'push:hello', 1, $2, 'welcome', 'push', 'marketing', 'hello', $3, 'deferred',"
        " 'quiet hours', $3)",
        *(OTHER, CUSTOMER, T0),
    )
    return database


@pytest.mark.usefixtures("two")
async def test_runs_with_what_they_do_next_and_the_place_of_an_error(dsn: str) -> None:
    shown = await in_thread("runs", "--status", "failing", database_url=dsn)
    assert shown.returncode == 0, shown.stderr
    assert WHY in shown.stdout
    assert "go on when code is deployed" in shown.stdout
    found: list[dict[str, Any]] = json.loads(
        (await in_thread("runs", "--journey", "welcome", "--json", database_url=dsn)).stdout
    )
    assert {(run["id"], run["status"], run["failure"], run["next"]) for run in found} == {
        (str(RUN), "failing", WHY, "code that it can go on with"),
        (str(OTHER), "deferred", None, "push hello again: quiet hours"),
    }
    hers = await in_thread("runs", "--customer", "ana", "--status", "deferred", "--since", "2026-03-01", database_url=dsn)
    assert ("push hello again" in hers.stdout, WHY in hers.stdout) == (True, False)
    assert (await in_thread("runs", "--until", "2026-03-01", database_url=dsn)).stdout == "no such runs\n"
    wrong = await in_thread("runs", "--status", "broken", database_url=dsn)
    assert (wrong.returncode, "choose one of open, in-line, waiting, deferred, failing, in-doubt, ended" in wrong.stderr) == (
        1,
        True,
    )


async def test_a_wait_that_is_over_is_not_what_a_run_does_next_and_each_branch_has_its_own(two: Database) -> None:
    async def expects(wait: int, which: str, hours: int, happened: bool = False) -> None:
        await two.pool.execute(
            "insert into expectation (run_id, wait, which, place, expected, until, begun_at, happened_at)"
            " values ($1, $2, $3, 0, '{}', $4, $5, $6)",
            *(RUN, wait, which, T0 + timedelta(hours=hours), T0, T0 if happened else None),
        )

    async def waits_for(at: datetime = T0) -> tuple[str | None, datetime | None]:
        then = (await next_of(two, [RUN], at))[RUN]
        return then.which, then.until

    await expects(1, "replied", 48)
    await expects(1, "free", 48)
    assert await waits_for() == ("free, replied", T0 + timedelta(hours=48))
    await expects(1, "called", 48, happened=True)
    assert await waits_for() == (None, None), "it sleeps"
    await expects(1_010_001, "left", 30)
    await expects(1_020_001, "paid", 20)
    assert await waits_for() == ("left, paid", T0 + timedelta(hours=20))
    await expects(1_020_002, "moved", 10, happened=True)
    assert await waits_for() == ("left", T0 + timedelta(hours=30))
    assert await waits_for(T0 + timedelta(hours=31)) == (None, None)
    await expects(2, "bought", 72)
    assert await waits_for(T0 + timedelta(hours=31)) == ("bought", T0 + timedelta(hours=72)), "after the branches"


@pytest.mark.usefixtures("two")
async def test_one_run_whole(dsn: str) -> None:
    told = (await in_thread("runs", "show", str(OTHER), database_url=dsn)).stdout
    hers = f"ana ({CUSTOMER})"
    assert all(each in told for each in (str(OTHER), hers, "push hello again: quiet hours", "2026-03-01 12:00:00 UTC"))
    assert (await in_thread("runs", "show", str(uuid4()), database_url=dsn)).returncode == 1
    both = await in_thread("runs", "show", "00000000-0000", database_url=dsn)
    assert (both.returncode, f"several runs begin with 00000000-0000: {RUN}, {OTHER}" in both.stderr) == (1, True)
    assert f"ana ({CUSTOMER})" in (await in_thread("runs", "show", str(OTHER).replace("-", "")[:32], database_url=dsn)).stdout


@pytest.mark.usefixtures("two")
async def test_who_waits_in_line_is_told_what_keeps_them_out(two: Database) -> None:
    await two.pool.execute("update run set waits_from = $2, waits_until = $3 where id = $1", OTHER, T0, T0 + timedelta(hours=4))
    run = await run_by_id(two, OTHER)
    assert run is not None

    async def told(limits: Limits, catalogue: bool = True) -> str | None:
        definition = cast(
            "JourneyDefinition", SimpleNamespace(spec=replace(cart_abandonment.spec, name="welcome", limits=limits))
        )
        closed = await shut({"welcome": definition} if catalogue else {}, two, [run], T0)
        return standing_of(run, None, closed[run.id]).next

    line = "to be let in, or too late: "
    assert await told(Limits(capacity=1)) == f"{line}1 of 1 are in it"
    assert await told(Limits(hours=Window("14:00", "15:00"))) == f"{line}enters 14:00 to 15:00 (UTC)"
    await two.pool.execute("update run set let_in_at = $2 where id = $1", RUN, T0)
    assert await told(Limits(rate=Rate(1, timedelta(hours=1)))) == f"{line}1 have entered, of 1 in 1 h"
    assert await told(Limits(), catalogue=False) == f"{line}the journey has left the catalogue"
    assert await told(Limits()) == f"{line}it is their turn"


async def test_runs_are_ended_by_a_filter_after_they_were_counted(two: Database, dsn: str) -> None:
    every = "runs", "end", "--journey", "welcome"
    assert (await in_thread("runs", "end", database_url=dsn)).returncode == 1, "not everybody, for lack of a filter"
    looked = await in_thread(*every, "--dry-run", database_url=dsn)
    assert (looked.returncode, "2 open runs of 1 person; 0 were told to end" in looked.stdout) == (0, True)
    asked = await in_thread(*every, database_url=dsn)
    assert (asked.returncode, "end 2 runs of 1 person? say --yes" in asked.stderr) == (1, True)
    assert await told_to_end(two) == {}
    done = await in_thread(*every, "--status", "failing", "--yes", "--json", database_url=dsn)
    assert json.loads(done.stdout) == {"runs": 1, "people": 1, "ended": 1}
    assert await told_to_end(two) == {RUN: "ended by an operator"}
    await in_thread("runs", "end", str(OTHER), "--yes", database_url=dsn)
    assert len(await told_to_end(two)) == 2


async def told_to_end(database: Database) -> dict[UUID, str]:
    rows = await database.pool.fetch("select id, exit_reason from run where exit_reason is not null")
    return {row["id"]: row["exit_reason"] for row in rows}


async def test_switches_are_thrown_and_say_whom_they_concern(two: Database, dsn: str) -> None:
    paused = await in_thread("pause", "welcome", "--by", "ops", database_url=dsn)
    assert paused.stdout == "welcome is paused: 2 runs go on up to their next message; 0 messages are at a provider\n"
    await two.pool.execute("update delivery set reason = 'journey paused'")
    resumed = await in_thread("resume", "welcome", database_url=dsn)
    assert resumed.stdout == "welcome lives: 1 messages that waited leave within about 1 s\n"
    assert "would end" in (await in_thread("kill", "--all", "--dry-run", database_url=dsn)).stdout
    assert (await in_thread("kill", "--all", database_url=dsn)).returncode == 1, "asked, and nobody answered"
    killed = json.loads((await in_thread("kill", "--all", "--yes", "--json", database_url=dsn)).stdout)
    assert killed["concerned"] == {"open_runs": 2, "waiting_messages": 1, "in_flight": 0}
    rows = await two.pool.fetch("select journey, state, by = 'ops' as by, killed_at is null as never from journey_control")
    assert {tuple(row) for row in rows} == {("welcome", "live", False, False), ("*", "killed", False, False)}
    for wrong in (("pause",), ("pause", "welcome", "--all")):
        assert "say which journey, or --all" in (await in_thread(*wrong, database_url=dsn)).stderr


async def test_what_waits_for_a_failing_provider_says_what_that_said_last_and_when_it_is_asked(two: Database, dsn: str) -> None:
    waits = (
        "update delivery set state = 'released', reason = null, channel = 'email', detail = $1, settled_at = $2, retry_at = $3,"
        " attempts = 1, provider = 'resend', gates = $4"
    )
    error, gates = {"error": "resend 503 application_error"}, [{"at": T0.isoformat(), "answer": "go"}]
    await two.pool.execute(waits, error, T0, T0, gates)
    shown = words_of((await in_thread("runs", "show", str(OTHER), database_url=dsn)).stdout)
    assert "email hello again: resend 503 application_error" in shown
    assert "released │ resend 503 application_error │ within 5 min of 2026-03-01 12:00" in shown
    await two.pool.execute(waits, error, T0, T0 + timedelta(minutes=7), gates)
    shown = words_of((await in_thread("runs", "show", str(OTHER), database_url=dsn)).stdout)
    assert "released │ resend 503 application_error │ 2026-03-01 12:07" in shown


async def test_why_a_journey_paused_itself_is_told_with_the_command_that_resumes_it(two: Database, dsn: str) -> None:
    assert (await in_thread("switches", database_url=dsn)).stdout == "everything lives\n"
    why = "8 dead addresses among 103 messages (7.77%, at most 1.00%)"
    await throw(two, "welcome", "paused", T0, "journeys", why)
    await throw(two, "farewell", "killed", T0, "olga")
    line = f"welcome is paused by itself since 2026-03-01 12:00 UTC: {why}; once that is mended: journeys resume welcome"
    shown = words_of((await in_thread("switches", database_url=dsn)).stdout)
    assert line in shown
    assert "farewell is killed since 2026-03-01 12:00 UTC, by olga; to let it live: journeys resume farewell" in shown
    listed_too = words_of((await in_thread("runs", "--journey", "welcome", database_url=dsn)).stdout)
    assert (line in listed_too, "farewell" in listed_too) == (True, False)
    [asked] = json.loads((await in_thread("why-not", "ana", "welcome", "--json", database_url=dsn)).stdout)["because"][1:2]
    assert (asked["rule"], asked["remedy"]) == ("journey-paused", "once that is mended: journeys resume welcome")
    assert why in asked["what"]
    await throw(two, "*", "paused", T0, "olga")
    everything = json.loads((await in_thread("switches", "--json", database_url=dsn)).stdout)[0]
    assert (everything["journey"], everything["state"], everything["by"]) == ("*", "paused", "olga")


def words_of(text: str) -> str:
    return " ".join(text.split())


def test_runs_can_be_read_on_a_narrow_terminal() -> None:
    now, twin = datetime.now(UTC), UUID(int=RUN.int + 1)
    next_ = "push hello again: quiet hours"
    runs = [
        RunTold(RUN, "cart_abandonment", CUSTOMER, "failing", WHY, None, T0, None, "code", None),
        RunTold(uuid4(), "cart_abandonment", CUSTOMER, "deferred", None, None, now, None, next_, now + timedelta(hours=9)),
    ]
    screen = Console(width=80, record=True, file=StringIO())
    for part in listed(runs):
        screen.print(part)
    lines = (shown := screen.export_text()).splitlines()
    assert "…" not in shown
    assert max(map(len, lines)) <= 80
    assert (
        len([line for line in lines if "cart_abandonment" in line and line.startswith(tuple(str(r.id)[:13] for r in runs))])
        == 2
    )
    assert f"{now:%a %H:%M}" in shown
    assert f"  why, or next: {next_}; when: {short(now + timedelta(hours=9), now)}" in lines
    screen.print(*listed([replace(runs[0], id=twin), runs[0]]))
    assert str(RUN) in screen.export_text(), "as much of an id as tells one from the other"


@pytest.mark.usefixtures("two")
async def test_a_misspelt_journey_is_no_empty_list(dsn: str) -> None:
    wrong = await in_thread("runs", "--journey", "wellcome", database_url=dsn)
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "no journey 'wellcome', and no run of one; the catalogue has: after_purchase, " in wrong.stderr
    near = await in_thread("pause", "win_bak", database_url=dsn)
    assert near.stderr == "journeys: no journey 'win_bak', and no run of one; did you mean win_back?\n"
    assert (await in_thread("pause", "wellcome", database_url=dsn)).returncode == 1
    left = await in_thread(
        "runs", "--journey", "welcome", "--status", "ended", database_url=dsn
    )  # not in the catalogue any more
    assert (left.returncode, left.stdout) == (0, "no such runs\n")
