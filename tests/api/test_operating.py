"""What operators do over the API: lists by status with what is next, ends by a filter, and the switch of everything."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from store import Database
from tests.api.test_runs import problem, start
from tests.journeys.test_switch import waiting
from workers.testing.shop import Shop, open_shop


@pytest.fixture
async def trial(database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(database, dsn, temporal_address, tmp_path, catalogue="trial_catalogue") as opened:
        yield opened


async def listed(trial: Shop, **asked: Any) -> dict[str, tuple[str, str | None]]:
    """Status and what is next, by journey."""
    answer = await trial.operate("GET", "/v1/runs", params=asked)
    assert answer.status_code == 200, answer.text
    return {run["journey"]: (run["status"], run["next"]) for run in answer.json()["runs"]}


async def everything(trial: Shop, state: str) -> dict[str, Any]:
    answer = await trial.operate("PUT", "/v1/state", json={"state": state})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_runs_are_listed_by_how_they_stand_with_what_is_next_and_when(trial: Shop) -> None:
    await trial.signs_up("ana")
    assert (await start(trial, "while_vip")).status_code == 201
    assert await listed(trial) == {"while_vip": ("starting", "its first step")}
    trial.sandbox.faults.tell("fcm", "429", retry_after=3600, times=1)
    await start(trial, "by_choice")
    await trial.look()
    await waiting(trial, await trial.run("by_choice"), "released")
    assert await listed(trial, status="deferred") == {"by_choice": ("deferred", "push note again: fcm 429 QUOTA_EXCEEDED")}
    assert await listed(trial, status="waiting") == {"while_vip": ("waiting", "its first step")}
    assert set(await listed(trial, status="open")) == {"by_choice", "while_vip"}
    assert (
        await listed(trial, status="failing")
        == await listed(trial, status="in-doubt")
        == await listed(trial, status="ended")
        == {}
    )
    run = await trial.run("while_vip")
    (seen,) = (await trial.operate("GET", "/v1/runs", params={"journey": "while_vip"})).json()["runs"]
    assert seen["next_at"] is not None, "ten days of start delay"
    later = {"since": (run.entered_at + timedelta(seconds=1)).isoformat()}
    assert "while_vip" not in await listed(trial, **later)
    assert "while_vip" in await listed(trial, until=later["since"])
    assert problem(await trial.operate("GET", "/v1/runs", params={"status": "broken"}))[0] == 422


async def test_runs_are_ended_by_a_filter_and_not_more_than_were_counted(trial: Shop) -> None:
    for user in ("ana", "bea"):
        await trial.signs_up(user)
        await start(trial, "while_vip", user)
    await start(trial, "urgent", "ana")
    counted = await trial.operate("POST", "/v1/runs/end", json={"journey": "while_vip"})
    assert (counted.status_code, counted.json()) == (202, {"runs": 2, "people": 2, "ended": 0})
    few = await trial.operate("POST", "/v1/runs/end", json={"journey": "while_vip", "at_most": 1})
    assert problem(few)[:2] == (409, "more-runs")
    hers = {"journey": "while_vip", "customer": {"user_id": "bea"}, "at_most": 1}
    assert (await trial.operate("POST", "/v1/runs/end", json=hers)).json()["ended"] == 1
    assert (await trial.operate("POST", "/v1/runs/end", json={"journey": "while_vip", "at_most": 9})).json()["ended"] == 1
    await trial.look()
    assert {run.outcome for run in await trial.runs("while_vip")} == {"ended by an operator"}
    assert [run.outcome for run in await trial.runs("urgent")] == [None]
    assert problem(await trial.operate("POST", "/v1/runs/end", json={"at_most": 9}))[0] == 422, (
        "not everybody, for lack of a filter"
    )
    assert problem(await trial.operate("POST", "/v1/runs/end", json={"journey": "wile_vip"}))[:2] == (404, "unknown-journey")


async def test_everything_is_paused_at_once_and_each_switch_stays_as_it_was(trial: Shop) -> None:
    await trial.signs_up("ana")
    await trial.operate("PUT", "/v1/journeys/by_choice/state", json={"state": "paused"})
    assert (await everything(trial, "paused"))["journey"] is None
    refused = await start(trial, "urgent")
    assert problem(refused)[:2] == (409, "journey-paused")
    await trial.does("ana", "Product Viewed")
    await trial.look()
    run = await trial.run("falls_back")
    assert (await waiting(trial, run)).reason == "journey paused"
    assert await listed(trial) == {"falls_back": ("deferred", "push note when resumed, or dropped")}
    found = {j["name"]: j for j in (await trial.operate("GET", "/v1/journeys")).json()}["urgent"]
    assert (found["state"], "everything is paused since" in found["warnings"][0]) == ("paused", True)
    assert (await everything(trial, "live"))["waiting_messages"] == 1
    await trial.look()
    assert (await trial.workflow(run).result()).sent == 1
    assert {j["name"]: j["state"] for j in (await trial.operate("GET", "/v1/journeys")).json()}["by_choice"] == "paused"
    assert problem(await start(trial, "by_choice"))[:2] == (409, "journey-paused")


async def test_everything_is_killed_at_once_and_nobody_comes_back_with_it(trial: Shop) -> None:
    await trial.signs_up("ana")
    await start(trial, "while_vip")
    await trial.look()
    assert (await everything(trial, "killed"))["open_runs"] == 1
    assert problem(await start(trial, "urgent"))[:2] == (409, "journey-killed")
    await everything(trial, "live")
    assert (await trial.operate("GET", "/v1/state")).json()["state"] == "live"
    await trial.look()
    assert (await trial.closed(await trial.run("while_vip"))).outcome == "journey killed"
    await everything(trial, "killed")
    await trial.does("ana", "Product Viewed")
    await trial.look()
    await everything(trial, "live")
    await trial.look()
    assert await trial.runs("falls_back") == []
    assert (await start(trial, "urgent")).status_code == 201
    assert trial.sandbox.messages == []
