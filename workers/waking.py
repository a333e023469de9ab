"""When sleeping runs wake: of a plain wait only Temporal knows, so it is read from the end of their histories.

Promise: a look that costs a run no event; where Temporal does not answer, nothing is known, and that is said.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import Client
from temporalio.converter import DataConverter
from temporalio.service import RPCError

from api.runs.standing import ASLEEP, Waking
from workers.settings import Settings
from workers.temporal import asking_temporal

_LOOK_BACK = 50  # events: the timers that run are among the last
_AT_ONCE = 16
_PATIENCE = 2  # seconds for Temporal to answer of all


class Wakings:
    """Asks when runs wake, over one connection, which is made when somebody first asks."""

    def __init__(self, given: Settings) -> None:
        self._given = given
        self._client: Client | None = None

    async def __call__(self, workflow_ids: Sequence[str]) -> dict[str, Waking]:
        """When these runs wake, as far as Temporal says so within two seconds; many are asked of side by side."""
        self._client = client = self._client or await asking_temporal(self._given)
        gate = asyncio.Semaphore(_AT_ONCE)
        asked = {asyncio.create_task(self._waking(client, gate, each)): each for each in workflow_ids}
        answered, late = await asyncio.wait(asked, timeout=_PATIENCE)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        return {asked[task]: waking for task in answered if (waking := task.result())}

    async def _waking(self, client: Client, gate: asyncio.Semaphore, workflow_id: str) -> Waking | None:
        asked = GetWorkflowExecutionHistoryReverseRequest(
            namespace=client.namespace, execution=WorkflowExecution(workflow_id=workflow_id), maximum_page_size=_LOOK_BACK
        )
        try:
            async with gate:
                answer = await client.workflow_service.get_workflow_execution_history_reverse(asked)
        except (RPCError, RuntimeError):  # it knows of no such run, or nobody answers there
            return None
        running = soonest(answer.history.events)
        if running is None:
            return None
        at, timer = running
        return Waking(self._given.clock.business(at), await _summary(timer))


def soonest(events: Iterable[HistoryEvent]) -> tuple[datetime, HistoryEvent] | None:
    """The timer that fires first, of the last events of a history, newest first."""
    done: set[str] = set()
    running: list[tuple[datetime, HistoryEvent]] = []
    for event in events:
        done |= {event.timer_fired_event_attributes.timer_id, event.timer_canceled_event_attributes.timer_id}
        if event.event_type == EventType.EVENT_TYPE_TIMER_STARTED:
            told = event.timer_started_event_attributes
            if told.timer_id not in done:
                at = event.event_time.ToDatetime(UTC) + told.start_to_fire_timeout.ToTimedelta()
                running.append((at, event))
    return min(running, key=lambda each: each[0], default=None)


async def _summary(timer: HistoryEvent) -> str:
    payload = timer.user_metadata.summary
    decoded: Mapping[int, Any] = dict(enumerate(await DataConverter.default.decode([payload]))) if payload.data else {}
    return str(decoded.get(0, ASLEEP))
