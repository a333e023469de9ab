"""How much is too much (FAULTS E7): a run and a customer's day have a ceiling, whatever a journey says."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

from activities.deliver.claim import Claim
from journeys.contracts import Ceilings, Channel, DeliverRequest, Purpose
from store.runs.views import Run
from tests.activities.test_deliver import claimed
from workers.testing.shop import Shop


async def start(trial: Shop, journey: str, **body: Any) -> Run:
    answer = await trial.operate("POST", f"/v1/journeys/{journey}/runs", json={"customer": {"user_id": "ana"}} | body)
    assert answer.status_code == 201, answer.text
    (run,) = [r for r in await trial.runs(journey) if str(r.id) == answer.json()["id"]]
    return run


def request(run: Run, **changes: Any) -> DeliverRequest:
    told = {"run_id": run.id, "journey": run.journey, "step": "push:note", "occurrence": 1, "channel": Channel.PUSH}
    due = {"due_at": run.entered_at, "useless_after": run.entered_at + timedelta(hours=12)}
    return DeliverRequest.model_validate(told | due | {"template": "note", "purpose": Purpose.MARKETING} | changes)


async def test_a_loop_without_a_wait_ends_at_the_runs_ceiling_and_never_passes_the_days(trial: Shop) -> None:
    await trial.signs_up("ana")
    run = await start(trial, "never_stops", params={"on": True})
    await trial.look()
    assert (await trial.over(run)).outcome.value == "message ceiling of the run"
    assert (await trial.closed(run)).outcome == "message ceiling of the run"
    found = [(m.state, m.reason) for m in await trial.messages(run)]
    assert found.count(("sent", None)) == len(trial.sandbox.messages) == 20
    assert found.count(("skipped", "no allowed instant before its deadline")) == 10, "tomorrow is too late for them"
    assert found.count(("skipped", "message ceiling of the run")) == 1
    journeys = {j["name"]: j for j in (await trial.operate("GET", "/v1/journeys")).json()}
    assert "1 runs were ended within a day at their ceiling of messages" in journeys["never_stops"]["warnings"][0]


async def test_a_transactional_loop_ends_as_well(trial: Shop) -> None:
    await trial.signs_up("ana")
    run = await start(trial, "urgent")
    delivery = replace(trial.parts.delivery, ceilings=Ceilings(per_run=2))
    asked = [request(run, occurrence=n, purpose=Purpose.TRANSACTIONAL) for n in (1, 2, 3)]
    receipts = [await delivery.deliver(one) for one in asked]
    assert [(r.outcome.value, r.reason) for r in receipts] == [
        ("sent", None),
        ("sent", None),
        ("skipped", "message ceiling of the run"),
    ]
    assert (await delivery.deliver(asked[1])).sent, "a retry is no further message"


async def test_the_days_ceiling_holds_for_many_journeys_at_once(trial: Shop) -> None:
    await trial.signs_up("ana")
    runs = [await start(trial, "each_cart", key=f"cart-{n}") for n in range(12)]
    delivery = replace(trial.parts.delivery, ceilings=Ceilings(per_day=3))
    answers = await asyncio.gather(
        *(claimed(delivery, request(run, useless_after=run.entered_at + timedelta(days=2)), run.entered_at) for run in runs)
    )
    assert sum(isinstance(answer, Claim) for answer in answers) == 3
    refused = [answer for answer in answers if not isinstance(answer, Claim)]
    assert {(r.outcome.value, r.reason) for r in refused} == {("deferred", "message ceiling of the day")}
    assert all(r.retry_at and r.retry_at - runs[0].entered_at > timedelta(hours=23) for r in refused)
