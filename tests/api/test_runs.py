"""Starting journeys by API, and reading what became of them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from store import Database
from store.keys import Role, create_key
from workers.testing.shop import Shop, open_shop


@pytest.fixture
async def trial(database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(database, dsn, temporal_address, tmp_path, catalogue="trial_catalogue") as opened:
        yield opened


def start(trial: Shop, journey: str = "by_choice", user: str = "ana", key: str | None = None, **body: Any) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    return trial.operate("POST", f"/v1/journeys/{journey}/runs", json={"customer": {"user_id": user}} | body, headers=headers)


def problem(answer: httpx.Response) -> tuple[int, str, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    return answer.status_code, body["code"], body["detail"]


async def test_gov_13_a_run_from_start_to_timeline(trial: Shop) -> None:
    await trial.signs_up("ana")
    answer = await start(trial, params={"route": "push", "note": "call her Anita"}, entry={"name": "boots"})
    assert answer.status_code == 201
    run = answer.json()
    assert run["status"] == "starting"
    assert answer.headers["location"] == f"/v1/runs/{run['id']}"
    await trial.look()
    await trial.over(await trial.run())
    await trial.closed(await trial.run())
    seen = (await trial.operate("GET", f"/v1/runs/{run['id']}")).json()
    assert (seen["status"], seen["outcome"], seen["entered_by"]) == ("ended", "finished", "api")
    assert [(m["channel"], m["template"], m["state"]) for m in seen["timeline"]] == [("push", "note", "sent")]
    assert trial.sandbox.messages[0].body == "boots"


async def test_one_idempotency_key_starts_one_run(trial: Shop) -> None:
    await trial.signs_up("ana")
    answers = await asyncio.gather(*(start(trial, key="order-17") for _ in range(8)))
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    again = await start(trial, key="order-17", params={"route": "email"})
    assert problem(again)[:2] == (422, "key-reused")


async def test_two_keys_that_send_the_same_idempotency_key_do_not_meet(trial: Shop) -> None:
    for user in ("ana", "bea"):
        await trial.signs_up(user)
    other = (await create_key(trial.database.pool, "other", Role.START), "")

    async def asked(user: str, auth: tuple[str, str]) -> tuple[int, str]:
        body, headers = {"customer": {"user_id": user}, "key": "c-1"}, {"Idempotency-Key": "order-17"}
        answer = await trial.api.post("/v1/journeys/each_cart/runs", json=body, headers=headers, auth=auth)
        return answer.status_code, answer.json()["id"]

    own = (trial.operate_key, "")
    first, second = await asked("ana", own), await asked("bea", other)
    assert (first[0], second[0]) == (201, 201)
    assert (await asked("ana", own), await asked("bea", other)) == ((200, first[1]), (200, second[1]))


async def test_one_idempotency_key_is_for_one_body(trial: Shop) -> None:
    """Another customer, cart, parameter or entering event is another request; the same one in other words is the same."""
    for user in ("ana", "bea"):
        await trial.signs_up(user)

    async def asked(user: str = "ana", **more: Any) -> int:
        body = {"customer": {"user_id": user}, "key": "c-1", "entry": {"price": 1e300, "n": 3}} | more
        path, headers = "/v1/journeys/each_cart/runs", {"Idempotency-Key": "k"}
        return (await trial.operate("POST", path, json=body, headers=headers)).status_code

    assert await asked() == 201
    assert await asked() == await asked(entry={"n": 3.0, "price": 1e300}) == 200
    others: list[dict[str, Any]] = [{"user": "bea"}, {"key": "c-2"}, {"entry": {"n": 4}}, {"entry": {}}]
    assert [await asked(**other) for other in others] == [422] * 4
    assert len(await trial.runs()) == 1


async def test_a_customer_who_is_in_is_not_let_in_again(trial: Shop) -> None:
    await trial.signs_up("ana")
    assert (await start(trial, "while_vip")).status_code == 201
    status, code, detail = problem(await start(trial, "while_vip"))
    assert (status, code) == (409, "entry-refused")
    assert "already running" in detail


async def test_what_is_wrong_is_said(trial: Shop) -> None:
    await trial.signs_up("ana")
    assert problem(await start(trial, "no_such"))[:2] == (404, "unknown-journey")
    assert "by_choice" in problem(await start(trial, "no_such"))[2]
    assert problem(await start(trial, user="nobody"))[:2] == (404, "unknown-customer")
    status, code, _ = problem(answer := await start(trial, params={"route": "fax"}))
    assert (status, code, answer.json()["errors"][0]["pointer"]) == (422, "invalid-params", "/params/route")
    status, code, detail = problem(answer := await start(trial, params={"rout": "email"}))
    assert (status, code, answer.json()["errors"][0]["pointer"]) == (422, "invalid-params", "/params/rout"), "E11: not dropped"
    assert "did you mean 'route'?" in detail
    assert problem(await start(trial, "urgent", params={"x": 1}))[:2] == (422, "invalid-params")
    assert problem(await start(trial, customer={"user_id": "ana", "id": str(uuid4())}))[0] == 422
    assert problem(await start(trial, entry={"name": "a\u0000b"}))[0] == 422
    assert problem(await start(trial, unknown_field=1))[0] == 422
    assert problem(await start(trial, "each_cart"))[1] == "entry-refused"
    assert problem(await trial.operate("GET", f"/v1/runs/{UUID(int=1)}"))[:2] == (404, "unknown-run")
    assert problem(await trial.operate("GET", "/v1/runs/not-a-uuid"))[0] == 422
    assert problem(await trial.operate("GET", "/v1/runs", params={"after": "rubbish"}))[:2] == (400, "bad-cursor")


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b"null", b'"x"', b'{"customer": "ana"}', b"\xff\xfe", b'{"customer":{"user_id":"\\ud800"}}', b"[" * 5_000],
)
async def test_a_malformed_body_gets_a_problem(trial: Shop, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    answer = await trial.operate("POST", "/v1/journeys/by_choice/runs", content=body, headers=headers)
    assert problem(answer)[0] in (400, 422)


async def test_roles_are_kept_apart(trial: Shop) -> None:
    path = "/v1/journeys/by_choice/runs"
    body = {"customer": {"user_id": "ana"}}
    assert problem(await trial.api.post(path, json=body, auth=(trial.ingest_key, "")))[0] == 403
    assert problem(await trial.api.post(path, json=body))[0] == 401
    assert problem(await trial.api.post("/v1/track", json={}, auth=(trial.operate_key, "")))[0] == 403


async def test_lists_by_journey_and_by_customer_page_by_page(trial: Shop) -> None:
    for user in ("ana", "bea", "cleo"):
        await trial.signs_up(user)
        assert (await start(trial, "while_vip", user)).status_code == 201
    await start(trial, "urgent", "ana")
    first = (await trial.operate("GET", "/v1/runs", params={"journey": "while_vip", "limit": 2})).json()
    second = (
        await trial.operate("GET", "/v1/runs", params={"journey": "while_vip", "limit": 2, "after": first["next"]})
    ).json()
    ids = [run["id"] for run in first["runs"] + second["runs"]]
    assert (len(first["runs"]), len(set(ids))) == (2, 3)
    hers = (await trial.operate("GET", "/v1/runs", params={"user_id": "ana"})).json()
    assert {run["journey"] for run in hers["runs"]} == {"while_vip", "urgent"}
    assert (await trial.operate("GET", "/v1/runs", params={"status": "ended"})).json() == {"runs": [], "next": None}


async def test_ending_a_run(trial: Shop) -> None:
    await trial.signs_up("ana")
    run_id = (await start(trial, "while_vip")).json()["id"]
    await trial.look()
    answer = await trial.operate("POST", f"/v1/runs/{run_id}/end")
    assert (answer.status_code, answer.json()["status"]) == (202, "ending")
    await trial.look()
    run = await trial.run()
    assert (await trial.workflow(run).result()).outcome.value == "ended by an operator"
    await trial.closed(run)
    assert problem(await trial.operate("POST", f"/v1/runs/{run_id}/end"))[:2] == (409, "run-over")


async def test_a_run_that_is_ended_before_it_began_never_begins(trial: Shop) -> None:
    await trial.signs_up("ana")
    run_id = (await start(trial, "by_choice")).json()["id"]
    await trial.operate("POST", f"/v1/runs/{run_id}/end")
    await trial.look()
    run = await trial.run()
    assert (run.outcome, run.started_at) == ("ended by an operator", None)
    assert trial.sandbox.messages == []


async def test_the_catalogue_can_be_read(trial: Shop) -> None:
    found = {j["name"]: j for j in (await trial.operate("GET", "/v1/journeys")).json()}
    # E14: the rule in words, not as Python prints it.
    rules = {name: found[name]["reentry"] for name in ("while_vip", "each_cart", "three_messages")}
    assert rules == {
        "while_vip": "once",
        "each_cart": "once per cart_id",
        "three_messages": "again 0 s after the last run ended",
    }
    assert found["by_choice"]["params"]["properties"]["route"]["enum"] == ["push", "email"]
    assert found["three_messages"]["entry_segment"] == "carts"
    assert "Order Completed" in found["three_messages"]["goal"]
    await trial.operate("PUT", "/v1/journeys/by_choice/state", json={"state": "paused"})
    assert {j["name"]: j["state"] for j in (await trial.operate("GET", "/v1/journeys")).json()}["by_choice"] == "paused"
