"""Edits of the engine itself, planted: `journeys replay` catches each, with journey, step and cause, on recorded runs."""

import base64
import json
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory

from journeys.contracts import DeliverRequest, Receipt
from journeys.temporal import current
from journeys.temporal.workflow import JourneyRun
from tests.journeys.test_replay import plain
from workers.replaying import replay
from workers.unfit import unfit

GOLDEN = Path(__file__).parent / "golden"
SLEEP, DELIVER, WAIT = JourneyRun._sleep, JourneyRun._deliver, JourneyRun._wait


async def waits_twice(self: JourneyRun, at: datetime, summary: str) -> None:
    await workflow.sleep(1)
    await SLEEP(self, at, summary)


async def asks_before_it_sends(self: JourneyRun, request: DeliverRequest) -> Receipt:
    await workflow.execute_local_activity("reached", start_to_close_timeout=timedelta(seconds=5))
    return await DELIVER(self, request)


async def never_waits(self: JourneyRun, until: datetime, summary: str, cut_short: Callable[[], bool]) -> None:
    del self, until, summary, cut_short


EDITS: dict[str, tuple[str, Callable[..., Coroutine[Any, Any, Any]]]] = {
    "every wait is two timers": ("_sleep", waits_twice),
    "a question comes before each message": ("_deliver", asks_before_it_sends),
    "a wait is no timer": ("_wait", never_waits),
}


@pytest.fixture(autouse=True)
def reference_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(current, "module", "definitions")
    monkeypatch.setattr(current, "own", None)


def histories() -> list[WorkflowHistory]:
    return [WorkflowHistory.from_json(file.stem, file.read_text()) for file in sorted(GOLDEN.glob("*.json"))]


@pytest.mark.parametrize("edit", [None, *EDITS])
async def test_a_planted_edit_of_the_engine_is_caught_by_replay(edit: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if edit is not None:
        monkeypatch.setattr(JourneyRun, *EDITS[edit])
    wrong = unfit([each async for each in replay(histories(), None)])
    assert bool(wrong) is (edit is not None), "and as the engine stands, all of them replay"
    assert {each.journey for each in wrong} <= {"cart_abandonment"}
    assert all(each.people and each.cause and each.step.startswith(("after ", "at ")) for each in wrong)


async def test_another_message_is_told_where_it_stands_though_temporal_sees_it_later(monkeypatch: pytest.MonkeyPatch) -> None:
    async def other_first(self: JourneyRun, request: DeliverRequest) -> Receipt:
        told = "visit" if request.template == "cart-reminder" else request.template
        return await DELIVER(self, request.model_copy(update={"template": told}))

    monkeypatch.setattr(JourneyRun, "_deliver", other_first)
    monkeypatch.setattr(JourneyRun, "_wait", never_waits)
    (told, *_) = unfit([each async for each in replay(histories(), None)])
    assert (told.step, told.cause) == (
        "at its beginning",
        "there the run asked for push cart-reminder; the code asks for push visit",
    )


async def test_an_answer_of_another_message_is_told_where_that_stood_and_not_where_the_history_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def renamed(self: JourneyRun, request: DeliverRequest) -> Receipt:
        another = {"template": "visit", "step": "push:visit"} if request.template == "cart-reminder" else {}
        return await DELIVER(self, request.model_copy(update=another))

    history = json.loads((GOLDEN / "finished.json").read_text())
    events = {event["eventId"]: event for event in history["events"]}
    for event in events.values():
        if done := event.get("activityTaskCompletedEventAttributes"):  # as a worker of now answers: with the message's name
            asked = plain(events[done["scheduledEventId"]]["activityTaskScheduledEventAttributes"]["input"])
            told = plain(done["result"]) | {"step": asked["step"], "occurrence": asked["occurrence"]}
            done["result"]["payloads"][0]["data"] = base64.b64encode(json.dumps(told).encode()).decode()
    monkeypatch.setattr(JourneyRun, "_deliver", renamed)
    found = unfit([each async for each in replay([WorkflowHistory.from_json("renamed", history)], None)])
    assert {each.step for each in found} == {"at its beginning"}
    assert any("got an answer to push:cart-reminder, and now the code does push:visit" in each.cause for each in found)
