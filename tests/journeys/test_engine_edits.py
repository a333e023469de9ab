"""Edits of the engine itself, planted: `journeys replay` catches each, with journey, step and cause, on recorded runs."""

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
