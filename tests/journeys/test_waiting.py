"""Waiting for somebody: events, traits, segments, answers to messages; time-outs, what is so already, and what it costs."""

import json
from collections import Counter
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from temporalio.api.enums.v1 import EventType

from journeys.contracts import WatchShard
from segments.watch.tick import tick
from store.runs.ends import Closing, close
from store.runs.expectations import to_tell
from store.runs.rows import request_exits
from store.runs.views import Run
from tests.command_line import in_thread
from tests.journeys.test_history import history
from workers.testing.shop import CHANNELS, Shop


async def begin(shop: Shop, journey: str, user: str = "ana") -> Run:
    answer = await shop.operate("POST", f"/v1/journeys/{journey}/runs", json={"customer": {"user_id": user}})
    assert answer.status_code == 201, answer.text
    await shop.look()
    return (await shop.runs(journey))[-1]


async def channels(shop: Shop, run: Run) -> list[str]:
    await shop.over(run)
    return [message.channel for message in await shop.messages(run)]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("order", ["whatsapp", "push"]),
        ("trait", ["whatsapp", "push"]),
        ("segment", ["whatsapp", "push", "email"]),
        ("nothing", ["whatsapp", "email"]),
    ],
)
async def test_the_first_of_several_leads_on(trial: Shop, event: str, expected: list[str]) -> None:
    await trial.signs_up("ana", tier="silver")
    run = await begin(trial, "waits_for_one_of_several")
    await trial.asleep(run)
    match event:
        case "order":
            await trial.does("ana", "Order Completed")
        case "trait":
            await trial.signs_up("ana", tier="platinum")
        case "segment":
            await trial.signs_up("ana", tier="gold")
    await trial.look()
    assert await channels(trial, run) == expected


async def test_of_what_one_change_brings_a_run_hears_what_is_written_first_once_the_move_is_known(trial: Shop) -> None:
    """Also where the change was said long before the watch sees it, and what is told before what is logged."""
    await trial.signs_up("ana", tier="silver")
    run = await begin(trial, "waits_for_two_of_one_change")
    await trial.asleep(run)
    await trial.signs_up("ana", tier="platinum")
    await tick(trial.database, trial.watch.live[WatchShard()].now, 0, 1, trial.clock.now(), also=trial.watch.hearing.hear)
    assert await to_tell(trial.database, 0, 1, 10) == [], "who has moved may have moved before"
    await trial.look()
    await trial.asleep(run, timers=2)
    await trial.does("ana", "Order Completed")
    await trial.look()
    assert await channels(trial, run) == ["email", "whatsapp"]


async def test_what_is_so_already_is_the_answer_at_once(trial: Shop) -> None:
    await trial.signs_up("ana", tier="platinum")
    run = await begin(trial, "waits_for_one_of_several")
    assert (await trial.workflow(run).result()).sent == 2
    assert [message.channel for message in await trial.messages(run)] == ["whatsapp", "push"]


async def test_events_before_entry_are_no_answer(trial: Shop) -> None:
    await trial.signs_up("ana")
    await trial.does("ana", "Order Completed", trial.opened_at - timedelta(hours=1))
    run = await begin(trial, "waits_for_one_of_several")
    assert await channels(trial, run) == ["whatsapp", "email"]


async def test_a_journey_branches_on_the_entering_event(trial: Shop) -> None:
    await trial.signs_up("ana")
    await trial.signs_up("bea")
    await trial.does("ana", "Rated", score=9, because="I like it, says Ana")
    await trial.does("bea", "Rated", score="3")
    await trial.look()
    first, second = await trial.runs("by_entry")
    assert (await channels(trial, first), await channels(trial, second)) == (["push"], ["email"])
    history = str((await trial.workflow(first).fetch_history()).events)
    assert "score" in history
    assert "says Ana" not in history, "free text stays in Postgres"


async def test_a_start_brings_what_stands_in_the_place_of_the_entering_event(trial: Shop) -> None:
    await trial.signs_up("ana")
    body: dict[str, Any] = {"customer": {"user_id": "ana"}, "entry": {}}
    for entry, pointer in (({}, "/entry/score"), ({"score": "ana@shop.example"}, "/entry/score")):
        refused = await trial.operate("POST", "/v1/journeys/by_entry/runs", json=body | {"entry": entry})
        assert (refused.status_code, [each["pointer"] for each in refused.json()["errors"]]) == (422, [pointer])
    body["entry"] = {"score": 9, "because": "I like it, says Ana"}
    assert (await trial.operate("POST", "/v1/journeys/by_entry/runs", json=body)).status_code == 201
    await trial.look()
    assert await channels(trial, await trial.run("by_entry")) == ["push"]


async def test_an_event_unlike_what_is_declared_enters_nobody_and_says_so(trial: Shop) -> None:
    await trial.signs_up("ana")
    await trial.does("ana", "Rated", score="as ana@example.com said: great")
    await trial.look()
    assert await trial.runs("by_entry") == []
    assert await trial.database.pool.fetchval("select reason from entry_refused") == "event not as declared"
    told = (await trial.operate("GET", "/v1/journeys/by_entry/why-not?user_id=ana")).json()
    refused, inside = told["because"]
    assert refused["what"] == "was refused: event not as declared; score is not as declared: type integer"
    assert refused["remedy"] == "send the property so, or declare it otherwise in the model of j.entry"
    assert inside["what"] == "entered segment raters and is in it still; who is in it does not enter once more"


async def test_a_journey_branches_on_a_segment(trial: Shop) -> None:
    await trial.signs_up("ana", tier="gold")
    await trial.signs_up("bea")
    assert await channels(trial, await begin(trial, "asks_for_a_segment", "ana")) == ["push"]
    assert await channels(trial, await begin(trial, "asks_for_a_segment", "bea")) == []


async def test_an_arm_is_by_lot_and_for_good(trial: Shop) -> None:
    arms: dict[str, set[str]] = {}
    users = [f"user-{n}" for n in range(12)]
    for user in users:
        await trial.signs_up(user)
    for user in users + users:
        run = await begin(trial, "experiments", user)
        arms.setdefault(user, set()).update(await channels(trial, run))
        await trial.closed(run)
    assert all(len(found) == 1 for found in arms.values())
    exposed = await trial.database.pool.fetch("select arm, share from exposure where experiment = 'channel'")
    assert Counter(row["arm"] for row in exposed) == Counter(arm for found in arms.values() for arm in found)
    assert {row["share"] for row in exposed} == {0.5}
    assert len({row["arm"] for row in exposed}) == 2


async def test_every_week_for_three_weeks(trial: Shop) -> None:
    await trial.signs_up("ana")
    run = await begin(trial, "weekly")
    assert await channels(trial, run) == ["push"] * 3
    first, second, third = [message.due_at for message in await trial.messages(run)]
    week, slack = timedelta(days=7), timedelta(seconds=30)
    assert abs(second - first - week) < slack
    assert abs(third - second - week) < slack


async def test_a_message_that_is_not_told_delivered_goes_by_the_next_channel(trial: Shop) -> None:
    await trial.signs_up("ana")
    run = await begin(trial, "until_it_arrives")
    assert await channels(trial, run) == ["push", "whatsapp"]


@pytest.mark.parametrize("how", ["bought", "already"])
async def test_a_wait_costs_six_events_of_history_at_most(trial: Shop, how: str) -> None:
    """The row, the timer, the word, and a workflow task's three; where it is so already, one."""
    await trial.signs_up("ana", **({"tier": "platinum"} if how == "already" else {}))
    run = await begin(trial, "waits_once")
    if how == "bought":
        await trial.asleep(run)
        await trial.does("ana", "Order Completed")
        await trial.look()
    await trial.workflow(run).result()
    events = [EventType.Name(e.event_type)[11:] for e in (await trial.workflow(run).fetch_history()).events]
    around = 5  # started; the first workflow task's three; the end
    assert len(events) - around == {"bought": 6, "already": 1}[how], events


async def task_of(shop: Shop, **asked: str) -> dict[str, Any]:
    (task,) = (await shop.operate("GET", "/v1/tasks", params=asked)).json()["tasks"]
    return dict(task)


async def test_people_say_how_a_task_went_and_the_journey_goes_on(trial: Shop) -> None:
    await trial.signs_up("ana")
    run = await begin(trial, "asks_people")
    await trial.asleep(run)
    task = await task_of(trial, assignee="care")
    assert (task["title"], task["state"], task["choices"], task["late"]) == (
        "Call the customer",
        "open",
        ["won", "lost"],
        False,
    )
    done = f"/v1/tasks/{task['id']}/done"
    refused = await trial.operate("POST", done, json={"outcome": "maybe"})
    assert (refused.status_code, refused.json()["detail"]) == (422, "the outcome is one of won, lost")
    assert (await trial.operate("POST", done, json={"outcome": "won"})).json()["state"] == "done"
    assert (await trial.operate("POST", done, json={"outcome": "lost"})).status_code == 409
    await trial.look()
    assert await channels(trial, run) == ["push"]


async def test_what_was_over_before_it_was_told_to_end_was_not_ended_by_that(trial: Shop) -> None:
    for user in ("ana", "bea"):
        await trial.signs_up(user)
    ana, bea = await begin(trial, "waits_once"), await begin(trial, "waits_once", "bea")
    at = trial.clock.now()
    async with trial.database.transaction() as connection:
        await request_exits(connection, [(run.id, "journey killed", at) for run in (ana, bea)])
    late = [Closing(ana.workflow_id, "finished", at - timedelta(seconds=0.5), by_itself=True)]
    await close(trial.database, [*late, Closing(bea.workflow_id, "journey killed", at, by_itself=True)])
    ends = {run.id: (run.outcome, run.exit_reason) for run in await trial.runs("waits_once")}
    assert ends == {ana.id: ("finished", None), bea.id: ("journey killed", "journey killed")}


async def test_what_finished_before_it_heard_of_an_exit_has_not_ended_by_it(trial: Shop) -> None:
    """As where its last step tells the event that is its exit, and the watch is there before its end is written down."""
    for user in ("ana", "bea"):
        await trial.signs_up(user)
    ana, bea = await begin(trial, "waits_once"), await begin(trial, "waits_once", "bea")
    at = trial.clock.now()
    async with trial.database.transaction() as connection:
        named = {run.id: "told" for run in (ana, bea)}
        await request_exits(connection, [(id_, "exit reached", at) for id_ in named], named)
    ended = (Closing(run.workflow_id, as_, at, by_itself=True) for run, as_ in ((ana, "finished"), (bea, "exit reached")))
    await close(trial.database, list(ended))
    ends = {run.id: (run.outcome, run.ended_by) for run in await trial.runs("waits_once")}
    assert ends == {ana.id: ("finished", None), bea.id: ("exit reached", "told")}


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        (b'{"outcome": "ana@shop.example"}', "/outcome"),
        (b'{"outcome": "won", "values": {"SECRET ana@shop.example": 1}}', "/values"),
        (b'{"outcome": "won", "values": {"minutes": 1}}', "/values"),
        (b'{"outcome": "won", "values": {"calls": 1e999}}', "/values/calls"),
        (b'{"outcome": "won", "values": {"calls": 123456789012345678901234567890}}', "/values/calls"),
    ],
)
async def test_only_what_its_author_declared_is_told_of_a_task(trial: Shop, said: bytes, pointer: str) -> None:
    await trial.signs_up("ana")
    await trial.asleep(await begin(trial, "asks_people"))
    path, headers = f"/v1/tasks/{(await task_of(trial))['id']}/done", {"content-type": "application/json"}
    answer = await trial.operate("POST", path, content=said, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert "ana@" not in answer.text
    assert (await task_of(trial))["state"] == "open"


async def test_what_people_write_of_a_task_without_choices_stays_with_it(trial: Shop) -> None:
    await trial.signs_up("ana")
    run = await begin(trial, "asks_anybody")
    await trial.asleep(run)
    task = await task_of(trial)
    assert (await trial.operate("POST", f"/v1/tasks/{task['id']}/done", json={"outcome": "ana@shop.example"})).is_success
    await trial.look()
    assert await channels(trial, run) == ["push"]
    told = (await history(trial, run)).text
    assert "Look after" in told, "it shows payloads as they are"
    assert "ana@shop" not in told
    assert (await task_of(trial, state="done"))["outcome"] == "ana@shop.example"


async def test_numbers_of_a_task_can_be_branched_on(trial: Shop) -> None:
    await trial.signs_up("ana")
    run = await begin(trial, "asks_people")
    await trial.asleep(run)
    task = await task_of(trial)
    await trial.operate("POST", f"/v1/tasks/{task['id']}/done", json={"outcome": "lost", "values": {"calls": 3}})
    await trial.look()
    assert await channels(trial, run) == ["whatsapp"]


async def test_a_task_that_is_due_goes_on_to_somebody_else_and_one_that_nobody_waits_for_is_withdrawn(trial: Shop) -> None:
    await trial.signs_up("ana")
    run = await begin(trial, "asks_people")
    await trial.asleep(run)
    task = await task_of(trial, assignee="care")
    trial.clock.set(trial.clock.now() + timedelta(days=3))
    assert (await trial.operate("GET", "/v1/tasks", params={"assignee": "care"})).json()["tasks"] == []
    assert (await task_of(trial, assignee="care-lead"))["late"]
    trial.clock.set(trial.clock.now() + timedelta(days=2))
    withdrawn = (await trial.operate("GET", f"/v1/tasks/{task['id']}")).json()
    assert withdrawn["state"] == "withdrawn"
    refused = await trial.operate("POST", f"/v1/tasks/{task['id']}/done", json={"outcome": "won"})
    assert (refused.status_code, refused.json()["code"]) == (409, "task-over")
    assert await channels(trial, run) == ["email"]


async def test_a_task_is_given_to_somebody_else_and_escalated_and_stays_with_them(trial: Shop) -> None:
    await trial.signs_up("ana")
    run = await begin(trial, "asks_people")
    await trial.asleep(run)
    path = f"/v1/tasks/{(await task_of(trial))['id']}"
    given = await trial.operate("PUT", f"{path}/assignee", json={"assignee": "olga"})
    assert (given.json()["assignee"], given.json()["escalates_to"]) == ("olga", "care-lead")
    assert (await task_of(trial, assignee="olga", journey="asks_people"))["state"] == "open"
    assert (await trial.operate("GET", "/v1/tasks", params={"journey": "weekly"})).json()["tasks"] == []
    trial.clock.set(trial.clock.now() + timedelta(days=3))
    assert (await task_of(trial))["assignee"] == "olga", "it was given to her, so it does not go on"
    escalated = await trial.operate("PUT", f"{path}/assignee", json={"escalate": True})
    assert escalated.json()["assignee"] == "care-lead"
    assert (await trial.operate("PUT", f"{path}/assignee", json={"escalate": True, "assignee": "olga"})).status_code == 422
    command = ("tasks", "assign", path.rpartition("/")[2], "--to", "pia", "--json")
    told = await in_thread(*command, database_url=trial.database.dsn)
    assert (told.returncode, [each["assignee"] for each in json.loads(told.stdout)]) == (0, ["pia"])
    rows = await trial.database.pool.fetch("select was, became from audit where verb = 'assign' order by id")
    moves = [(row["was"]["assignee"], row["became"]["assignee"]) for row in rows]
    assert moves == [("care", "olga"), ("olga", "care-lead"), ("care-lead", "pia")]
    assert (await trial.operate("POST", f"{path}/done", json={"outcome": "won"})).is_success
    assert (await trial.operate("PUT", f"{path}/assignee", json={"assignee": "olga"})).status_code == 409


@pytest.mark.parametrize("zone", ["Asia/Tokyo", None])
async def test_moments_are_those_of_the_customers_wall_clock(trial: Shop, zone: str | None) -> None:
    born = (trial.opened_at + timedelta(days=40)).date()
    here = ZoneInfo(zone or "Europe/Madrid")
    told = {"timezone": zone} if zone else {"birthday": born.replace(year=1990).isoformat()}
    await trial.signs_up("ana", channels=("push", "email") if not zone else CHANNELS, **told)
    if not zone:
        await trial.send("identify", userId="ana", traits={"phone": None})
    run = await begin(trial, "by_the_clock")
    assert await channels(trial, run) == (["push", "email"] if zone else ["push", "whatsapp", "email"])
    shown = [message.due_at.astimezone(here) for message in await trial.messages(run)]
    assert f"{shown[0]:%a %H:%M}" == "Sat 09:30"
    assert shown[0] - run.entered_at < timedelta(days=8)
    if not zone:
        assert f"{shown[1]:%m-%d %H:%M}" == f"{born - timedelta(days=3):%m-%d} 10:00"
    assert f"{shown[-1]:%H:%M}" == "12:00"
