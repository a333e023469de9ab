"""When a run that merely sleeps wakes: told at every door alike, and soon, also where Temporal does not answer."""

import asyncio
import json
import time
from datetime import datetime, timedelta
from typing import Any

import httpx

from api.runs.standing import NOT_TOLD
from tests.command_line import in_thread
from workers.testing.shop import Shop
from workers.waking import Wakings

WAIT = "until 1 h after entry"


async def asleep(shop: Shop) -> str:
    """A run of ana's that sits in its first wait, by Temporal's own history."""
    await shop.signs_up("ana")
    await shop.does("ana", "Product Added")
    await shop.look()
    run = await shop.run("three_messages")
    async with asyncio.timeout(30):
        while run.workflow_id not in await Wakings(shop.settings)([run.workflow_id]):  # noqa: ASYNC110 - the worker gets it there
            await asyncio.sleep(0.1)
    return str(run.id)


async def called(shop: Shop, path: str, **params: Any) -> Any:
    answer = await shop.operate("GET", path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def typed(shop: Shop, dsn: str, *command: str) -> Any:
    temporal = {
        "temporal_address": shop.settings.temporal_address or "",
        "temporal_namespace": shop.settings.temporal_namespace,
    }
    told = await in_thread(*command, "--json", database_url=dsn, catalogue="trial_catalogue", **temporal)
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)


async def test_when_a_plain_wait_ends_is_told_at_every_door(trial: Shop, dsn: str) -> None:
    id_ = await asleep(trial)
    run = await trial.run("three_messages")
    [listed] = (await called(trial, "/v1/runs", user_id="ana"))["runs"]
    shown = await called(trial, f"/v1/runs/{id_}")
    [by_hand] = await typed(trial, dsn, "runs", "--customer", "ana")
    one = (await typed(trial, dsn, "runs", "show", id_))["run"]
    assert {each["next"] for each in (listed, shown, by_hand, one)} == {WAIT}
    for each in (listed, shown, by_hand, one):
        at = datetime.fromisoformat(each["next_at"])
        assert abs(at - run.entered_at - timedelta(hours=1)) < timedelta(minutes=5), each

    origin = {"Origin": str(trial.api.base_url).rstrip("/")}
    async with httpx.AsyncClient(transport=trial.api._transport, base_url=trial.api.base_url, headers=origin) as browser:
        assert (await browser.post("/console/login", data={"key": trial.operate_key})).status_code == 303
        wakes = f"{datetime.fromisoformat(listed['next_at']):%Y-%m-%d %H:%M}"
        for page in (f"/console/customers/{run.profile_id}", "/console/journeys/three_messages"):
            text = (await browser.get(page)).text
            assert (WAIT in text, wakes in text) == (True, True), page


async def test_where_temporal_is_away_that_is_said_and_nobody_waits_for_it(trial: Shop, dsn: str) -> None:
    id_ = await asleep(trial)
    held: list[asyncio.StreamWriter] = []
    mute = await asyncio.start_server(lambda _, writer: held.append(writer), "127.0.0.1", 0)
    for port in (1, mute.sockets[0].getsockname()[1]):  # nobody listens; somebody who never answers
        away = trial.settings.model_copy(update={"temporal_address": f"127.0.0.1:{port}"})
        began = time.monotonic()
        assert await Wakings(away)([f"three_messages/{n}" for n in range(50)]) == {}
        assert time.monotonic() - began < 8, "two seconds for all of them"
    told = await in_thread("runs", "show", id_, "--json", database_url=dsn, temporal_address="127.0.0.1:1")
    run = json.loads(told.stdout)["run"]
    assert (run["status"], run["next"], run["next_at"]) == ("waiting", NOT_TOLD, None)
    mute.close()
    for each in held:
        each.close()
