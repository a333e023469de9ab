"""Golden histories: real runs of the past that today's code must replay. Never edit one; add one when a shape changes.

`RECORD_GOLDEN=1 pytest tests/journeys/test_replay.py` writes those that are missing.
"""

import base64
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, WorkflowReplayResult
from temporalio.workflow import NondeterminismError

from journeys.contracts import Done
from journeys.errors import JourneyError
from journeys.handle.branch import HERE, Branch, Unwound
from journeys.temporal import current
from journeys.temporal.log import Log
from journeys.temporal.workflow import JourneyRun
from workers.plugin import plugin
from workers.testing.shop import Shop

GOLDEN = Path(__file__).parent / "golden"
NAMES = ("finished", "goal-while-waiting", "goal-during-start-delay", "provider-came-back")


@pytest.fixture(autouse=True)
def reference_catalogue() -> Iterator[None]:
    before = current.module, current.own
    current.module, current.own = "definitions", None
    yield
    current.module, current.own = before


async def replay(history: WorkflowHistory) -> WorkflowReplayResult:
    # Without the SDK's two seconds a task: that a machine is busy is no deadlock.
    replayer = Replayer(workflows=[JourneyRun], plugins=[plugin(sandboxed=True)], debug_mode=True)
    return await replayer.replay_workflow(history, raise_on_replay_failure=False)


def golden(name: str) -> WorkflowHistory:
    return WorkflowHistory.from_json(name, (GOLDEN / f"{name}.json").read_text())


@pytest.mark.parametrize("name", NAMES)
async def test_golden_histories_replay(name: str) -> None:
    assert (await replay(golden(name))).replay_failure is None


async def test_a_changed_journey_does_not_replay() -> None:
    """The gate can fail: the same history under another journey's steps is refused."""
    changed = json.loads((GOLDEN / "finished.json").read_text().replace('"cart_abandonment"', '"cart_discount"'))
    failure = (await replay(WorkflowHistory.from_json("changed", changed))).replay_failure
    assert isinstance(failure, NondeterminismError)


@pytest.mark.parametrize("another", [False, True])
async def test_a_receipt_of_another_message_fails_the_task_and_is_no_answer(another: bool) -> None:
    """A journey that took other steps on a replay would lose the message whose receipt it takes for its own."""
    history = json.loads((GOLDEN / "finished.json").read_text())
    events = {event["eventId"]: event for event in history["events"]}
    for event in events.values():
        if done := event.get("activityTaskCompletedEventAttributes"):
            asked = events[done["scheduledEventId"]]["activityTaskScheduledEventAttributes"]
            request, receipt = plain(asked["input"]), plain(done["result"])
            step = "push:another" if another else request["step"]
            told = receipt | {"step": step, "occurrence": request["occurrence"]}
            done["result"]["payloads"][0]["data"] = base64.b64encode(json.dumps(told).encode()).decode()
    failure = (await replay(WorkflowHistory.from_json("receipts", history))).replay_failure
    assert ("the run got an answer to push:another, and now the code does push:" in str(failure)) is another
    assert (failure is not None) is another


async def test_an_answer_of_another_step_fails_the_task_whatever_the_journey_catches() -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    log = Log([Done(at=at), Done(at=at, answer=True, what="push b")], lambda: at)
    for _ in range(2):
        with pytest.raises(JourneyError, match="the run did push b, and now the code does push a"):
            await log.effect(bool, never, "push a")
    with pytest.raises(JourneyError):
        log.stay()


async def test_what_a_branch_hears_after_another_has_raised_is_no_answer_of_the_run() -> None:
    """It leaves at once when all is done again: its answer would be taken for the next one of the journey itself."""
    at = datetime(2026, 3, 1, tzinfo=UTC)
    log, (branch,) = Log([], lambda: at), Branch().fork(["asks"])

    async def settled() -> bool:
        branch.stop = Unwound()
        return True

    before = HERE.set(branch)
    try:
        assert await log.effect(bool, settled, "push a")
    finally:
        HERE.reset(before)
    assert [done.what for done in log.done] == [None]


async def never() -> bool:
    raise AssertionError


def plain(payloads: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.b64decode(payloads["payloads"][0]["data"]))
    return found


if os.environ.get("RECORD_GOLDEN"):

    @pytest.mark.parametrize("name", NAMES)
    async def test_record(shop: Shop, name: str) -> None:
        if name == "provider-came-back":
            shop.sandbox.faults.tell("fcm", "503", times=1)
        await shop.signs_up("ana")
        await shop.does("ana", "Product Added", name="Snow boots", cart_id="c-1")
        await shop.look()
        run = await shop.run()
        if name == "goal-while-waiting":
            await shop.forward(run, timedelta(hours=2))
            await shop.settled(run, 1)
        if name.startswith("goal"):
            await shop.does("ana", "Order Completed", run.entered_at + timedelta(minutes=30))
            await shop.look()
        await shop.over(run)
        keep((await shop.workflow(run).fetch_history()).to_json_dict(), GOLDEN / f"{name}.json")


def keep(history: dict[str, object], file: Path) -> None:
    if not file.exists():
        file.write_text(json.dumps(history, indent=1).replace(f"{Path.cwd()}/", "") + "\n")  # stack traces name paths
