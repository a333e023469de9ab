"""Predictions that product teams declare by JSON (ML-15): tried, checked, approved, taken up everywhere, let go of again."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from predicting.conftest import BUYS, CATALOGUE, DAY, MONTH, ORDERED, Planted
from temporalio.client import WorkflowExecutionStatus

import api
from segments.predictions.prediction import Prediction
from store import predictions
from store.audit import Which, page
from store.keys import Role, create_key
from store.predictions import PredictionRow
from tests.command_line import in_thread
from workers.worker import keep_predicting

WILL_BUY = {"owner": "crm", "predicate": {"prediction": "buys", "over": 0.6}}


@asynccontextmanager
async def keeps_up(planted: Planted) -> AsyncIterator[None]:
    """What a worker's process does beside its queues."""
    predicting = planted.shop.parts.predicting
    running = asyncio.create_task(predicting.keep_up(partial(keep_predicting, predicting.client)))
    try:
        yield
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def stands(planted: Planted, name: str = "buys") -> PredictionRow | None:
    return next(iter(await predictions.found(planted.database, name)), None)


async def scored(planted: Planted) -> dict[UUID, float]:
    rows = await planted.database.pool.fetch("select profile_id, score from prediction_score where prediction = 'buys'")
    return {row["profile_id"]: row["score"] for row in rows}


async def schedule_is(planted: Planted, name: str, status: WorkflowExecutionStatus) -> None:
    """The schedule as the server keeps it: in a namespace of seconds nobody answers questions about schedules."""
    handle = planted.shop.client.get_workflow_handle(f"temporal-sys-scheduler:predict/{name}/train")
    async with asyncio.timeout(60):
        while True:
            with suppress(Exception):  # it is not there yet
                if (await handle.describe()).status is status:
                    return
            await asyncio.sleep(0.1)


async def test_ml_15_declared_by_json_it_is_trained_scored_and_asked_for(planted: Planted) -> None:
    """No process is started anew: what runs takes it up, the trainer trains it, a segment lets people in by it."""
    shop = planted.shop
    await planted.people(600)
    await planted.pass_until(0)
    async with keeps_up(planted):
        answer = await shop.operate("PUT", "/v1/segments/will-buy", json=WILL_BUY)
        assert (answer.status_code, "'buys': is not declared; there are: churn" in answer.text) == (422, True)
        answer = await shop.operate("PUT", "/v1/models/buys", json=BUYS)
        assert (answer.status_code, answer.json()["new"], answer.json()["number"]) == (201, True, 1), answer.text
        detail = (await shop.operate("GET", "/v1/models/buys")).json()
        assert (detail["state"], detail["origin"]) == ("waiting", "api")
        assert detail["declared"] == Prediction.from_json(BUYS | {"name": "buys"}).to_json()
        answer = await shop.operate("PUT", "/v1/segments/will-buy", json=WILL_BUY)
        assert answer.status_code == 201, answer.text
        await schedule_is(planted, "buys", WorkflowExecutionStatus.RUNNING)
        await shop.parts.predicting.wake()
        client = shop.parts.predicting.client
        told = await client.get_workflow_handle("predict/buys/train/asked", result_type=str).result()
        assert "it is champion" in told, told
        row = await stands(planted)
        assert row is not None
        assert (row.champion, row.people > 500, row.asked_at) == (1, True, None)
        scores = await scored(planted)
        over = await planted.database.pool.fetchval("select count(*) from event where type = '$crossed:buys:0.6:0.6'")
        assert over == sum(each >= 0.6 for each in scores.values()) > 20
        told_of = (await shop.operate("GET", f"/v1/profiles/{next(iter(scores))}/scores")).json()["scores"]
        (why,) = [each for each in told_of if each["prediction"] == "buys"]
        assert (why["unexplained"], bool(why["reasons"])) == (None, True)


async def test_ml_15_every_version_is_kept_and_a_new_model_is_trained_only_where_it_means_something_else(
    planted: Planted,
) -> None:
    shop = planted.shop
    assert (await shop.operate("PUT", "/v1/models/buys", json=BUYS)).status_code == 201
    await planted.database.pool.execute("update prediction set asked_at = null")
    same = await shop.operate("PUT", "/v1/models/buys", json=BUYS)
    assert (same.status_code, same.json()["unchanged"], same.json()["number"]) == (200, True, 1)
    older = await shop.operate("PUT", "/v1/models/buys", json=BUYS | {"max_age": 2 * MONTH, "name": "buys"})
    assert (older.status_code, older.json()["number"]) == (200, 2)
    row = await stands(planted)
    assert row is not None
    assert (row.max_age.days, row.asked_at) == (60, None), "the same is foretold: no new model"
    narrower = BUYS | {"of": ORDERED | {"at_least": 2}}
    assert (await shop.operate("PUT", "/v1/models/buys", json=narrower)).json()["number"] == 3
    row = await stands(planted)
    assert row is not None
    assert row.asked_at is not None, "something else is foretold"
    versions = (await shop.operate("GET", "/v1/models/buys/declarations")).json()["versions"]
    assert [(each["number"], each["holds"], each["definition"]["of"]) for each in versions] == [
        (3, True, narrower["of"]), (2, False, ORDERED), (1, False, ORDERED),
    ]  # fmt: skip
    changes = await page(planted.database, Which(kind="prediction", name="buys"), limit=9)
    assert [(each.verb, (each.was or {}).get("of"), (each.became or {}).get("of")) for each in changes] == [
        ("declare", ORDERED, narrower["of"]), ("declare", ORDERED, ORDERED), ("declare", None, ORDERED),
    ]  # fmt: skip


async def test_ml_15_what_is_asked_for_stays_and_what_is_let_go_of_is_nowhere_any_more(planted: Planted) -> None:
    shop = planted.shop
    for path, body in (("/v1/models/buys", BUYS), ("/v1/segments/will-buy", WILL_BUY)):
        assert (await shop.operate("PUT", path, json=body)).status_code == 201
    async with keeps_up(planted):
        await schedule_is(planted, "buys", WorkflowExecutionStatus.RUNNING)
        answer = await shop.operate("DELETE", "/v1/models/buys")
        assert (answer.status_code, "asked for by segment 'will-buy'" in answer.text) == (409, True), answer.text
        assert (await shop.operate("DELETE", "/v1/segments/will-buy")).status_code == 204
        await shop.signs_up("ana")
        await planted.database.pool.execute(
            "insert into prediction_score (prediction, profile_id, score, version, as_of)"
            " select 'buys', id, 0.5, 1, now() from profile where merged_into is null"
        )
        assert (await shop.operate("DELETE", "/v1/models/buys")).status_code == 204
        assert (await shop.operate("DELETE", "/v1/models/buys")).status_code == 404
        assert [each["name"] for each in (await shop.operate("GET", "/v1/models")).json()["models"]] == ["churn"]
        assert (await shop.operate("GET", "/v1/models/buys")).status_code == 404
        assert (await shop.operate("POST", "/v1/models/buys/train")).status_code == 404
        assert (await shop.operate("PUT", "/v1/segments/will-buy", json=WILL_BUY)).status_code == 422
        async with asyncio.timeout(30):
            while await scored(planted):  # noqa: ASYNC110 - a process of its own takes them away
                await asyncio.sleep(0.1)
        await schedule_is(planted, "buys", WorkflowExecutionStatus.TERMINATED)
        await schedule_is(planted, "churn", WorkflowExecutionStatus.RUNNING)
        assert (await shop.operate("PUT", "/v1/models/buys", json=BUYS)).json()["new"] is True
        row = await stands(planted)
        assert row is not None
        assert row.asked_at is not None


async def test_a_dry_run_counts_whom_it_is_of_and_what_has_come_of_those_of_a_horizon_ago(planted: Planted) -> None:
    shop = planted.shop
    await planted.people(400)
    await planted.pass_until(0)
    now = shop.clock.now()
    answer = await shop.operate("POST", "/v1/models/check", json=BUYS | {"name": "buys"})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    orders = [(who, at) for at, who, _ in planted.orders if at <= now]
    then = {who for who, at in orders if at <= now - 30 * DAY}
    came = {who for who, at in orders if now - 30 * DAY < at} & then
    assert (told["people"], told["people_then"], told["came_true"]) == (len({who for who, _ in orders}), len(then), len(came))
    assert (told["not_true"], told["enough"], told["before"]) == (len(then - came), True, None)
    assert "enough to train by" in told["told"]
    assert told["features"]["days_since_order"] == 'days since the last "Order Completed"'
    rare = BUYS | {"name": "buys", "label": {"did": "Wedding"} | {"within": MONTH}}
    told = (await shop.operate("POST", "/v1/models/check", json=rare)).json()
    assert (told["came_true"], told["enough"]) == (0, False)
    assert "less rare" in told["told"]
    long = BUYS | {"name": "buys", "label": ORDERED | {"within": MONTH}, "horizon": 60 * MONTH}
    told = (await shop.operate("POST", "/v1/models/check", json=long)).json()
    assert (told["people_then"], "nobody was there on" in told["told"]) == (0, True)
    assert [each["name"] for each in (await shop.operate("GET", "/v1/models")).json()["models"]] == ["churn"]


#: Which of the two it meets first is a matter of how deep Python may go, which other tests change.
PARTS = "too many parts, or is nested too deeply|more than 2,000 conditions"
WRONG = [
    ({"name": "churn"}, 409, "", "declared in code"),
    ({"label": ORDERED | {"within": 2 * MONTH}}, 422, "/label", "looks back 60 days"),
    ({"label": {"not": ORDERED}}, 422, "/label", "narrow it with"),
    ({"label": {"all": [ORDERED | {"within": -1}]}}, 422, "/label/all/0", "longer than zero"),
    ({"of": {"trait": "tier", "is": "==", "value": "gold"}}, 422, "/of", "known as it is now only"),
    ({"of": {"any": [{"did": f"Page {n}"} for n in range(3_000)]}}, 422, "", PARTS),
    ({"of": {"member_of": "at-risk"}}, 422, "/of", "write what it means in its place"),
    ({"features": [{"name": "old", "trait": "age"}]}, 422, "/features/0", "stands under never"),
    ({"features": [*BUYS["features"], {"name": "x", "days_since": {"did": 7}}]}, 422, "/features/2/days_since", "name"),
    ({"features": [{"name": "x"}]}, 422, "/features/0", "needs one of days_since"),
    ({"features": []}, 422, "/features", "1 to 200 features"),
    ({"horizon": 60}, 422, "/horizon", "an hour or more"),
    ({"max_age": 86_400}, 422, "/max_age", "nobody would enter in between"),
    ({"holdout": 0.9}, 422, "/holdout", "a share from 0"),
    ({"labels": ORDERED}, 422, "/labels", "unknown here"),
    ({"kind": "luck"}, 422, "/kind", "probability"),
]


@pytest.mark.parametrize(("change", "status", "pointer", "said"), WRONG)
async def test_what_cannot_be_foretold_is_refused_at_its_place(
    planted: Planted, change: dict[str, Any], status: int, pointer: str, said: str
) -> None:
    body = BUYS | change
    path = f"/v1/models/{body.get('name', 'buys')}"
    for method, where, sent in (("PUT", path, body), ("POST", "/v1/models/check", {"name": "buys"} | body)):
        answer = await planted.shop.operate(method, where, json=sent)
        assert (answer.status_code, any(each in answer.text for each in said.split("|"))) == (status, True), answer.text
        if pointer:
            assert answer.json()["errors"][0]["pointer"] == pointer, answer.text
    assert await planted.database.pool.fetchval("select count(*) from prediction_declaration") == 0
    assert [each.name for each in await predictions.found(planted.database)] == ["churn"]


async def test_where_the_deployment_wants_it_somebody_else_approves_first(planted: Planted) -> None:
    shop = planted.shop
    config = shop.api._transport.app.state.config  # type: ignore[attr-defined]
    app = api.create_app(replace(config, approve_predictions=True), database=planted.database)
    second = await create_key(planted.database.pool, "olga", Role.OPERATE)
    own = (shop.operate_key, "")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop.test") as http:
        assert (await http.post("/v1/models/check", json=BUYS, auth=own)).status_code == 422, "it has no name"
        would = await http.post("/v1/models/check", json=BUYS | {"name": "buys"}, auth=own)
        assert would.json()["needs_approval"] is True
        made = await http.put("/v1/models/buys", json=BUYS, auth=own)
        assert (made.status_code, made.json()["waits_for_approval"]) == (201, True), made.text
        assert await stands(planted) is None, "nothing has changed"
        assert (await http.put("/v1/segments/will-buy", json=WILL_BUY, auth=own)).status_code == 422
        refused = await http.post("/v1/models/buys/approve", auth=own)
        assert (refused.status_code, refused.json()["code"]) == (403, "own-declaration")
        approved = await http.post("/v1/models/buys/approve", auth=(second, ""))
        assert (approved.status_code, approved.json()["approved_by"], approved.json()["holds"]) == (200, "olga", True)
        assert await stands(planted) is not None
        again = await http.post("/v1/models/buys/approve", auth=(second, ""))
        assert (again.status_code, again.json()["code"]) == (409, "no-approval")
        assert (await http.post("/v1/models/nobody/approve", auth=(second, ""))).status_code == 404
        narrower = BUYS | {"of": ORDERED | {"at_least": 2}}
        assert (await http.put("/v1/models/buys", json=narrower, auth=(second, ""))).json()["waits_for_approval"] is True
        said = (await http.get("/v1/models/buys", auth=own)).json()["declared"]
        assert said["of"] == ORDERED, "the version before holds until it is approved"
        assert (await http.post("/v1/models/buys/approve", auth=own)).status_code == 200
        assert (await http.get("/v1/models/buys", auth=own)).json()["declared"]["of"] == narrower["of"]


async def test_the_command_line_declares_from_a_file_what_show_has_written(planted: Planted, dsn: str, tmp_path: Path) -> None:
    await planted.people(400)
    await planted.pass_until(0)
    given = {"database_url": dsn, "catalogue": CATALOGUE, "path": ("tests",)}
    file = tmp_path / "buys.json"
    file.write_text(json.dumps(BUYS))

    async def told(*arguments: str, code: int = 0) -> str:
        done = await in_thread("models", *arguments, **given)
        assert done.returncode == code, done.stderr + done.stdout
        return done.stdout + done.stderr

    await planted.database.pool.execute("delete from audit where kind = 'rules'")
    would = json.loads(await told("declare", str(file), "--dry-run", "--json"))
    assert (would["people"] > 300, would["needs_approval"]) == (True, True), "nobody has told the rules: it waits"
    assert "nothing was written" in await told("declare", str(file), "--dry-run")
    assert "journeys models approve buys" in await told("declare", str(file))
    assert "whoever declared it does not approve it" in await told("approve", "buys", code=1)
    await planted.database.pool.execute("update prediction_declaration set by = 'olga'")
    assert "version 1 of buys holds" in await told("approve", "buys")
    assert "stands so already" in await told("declare", str(file))
    shown = json.loads(await told("show", "buys", "--json"))["declared"]
    file.write_text(json.dumps(shown))
    assert "stands so already" in await told("declare", str(file)), "what is shown can be declared"
    file.write_text(json.dumps(BUYS | {"label": ORDERED | {"within": 2 * MONTH}}))
    assert "narrow it with" in await told("declare", str(file), code=1)
    assert "declared in code" in await told("delete", "churn", code=1)
    assert "buys is out of use" in await told("delete", "buys")
    assert "journeys models list" in await told("delete", "buys", code=1)
