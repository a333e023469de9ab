"""When sleeping runs wake: of a plain wait only Temporal knows, so it is read from the end of their histories.

Promise: a look that costs a run no event; where Temporal does not answer, nothing is known, and that is said.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import Client
from temporalio.converter import DataConverter
from temporalio.service import RPCError

from activities.together import together
from workers.settings import Settings
from workers.temporal import TemporalUnreachable, connect_temporal

_LOOK_BACK = 50  # events: the timers that run are among the last
_AT_ONCE = 16
_PATIENCE = 3  # seconds for Temporal to answer at all


@dataclass(frozen=True, slots=True)
class Waking:
    """When a run wakes, in business time, and the summary of its wait."""

    at: datetime
    what: str


async def wakings(given: Settings, workflow_ids: Iterable[str]) -> dict[str, Waking]:
    """When these runs wake; those of which Temporal does not say are left out, all of them where it does not answer."""
    try:
        async with asyncio.timeout(_PATIENCE):
            client = await connect_temporal(given)
    except (TimeoutError, TemporalUnreachable):
        return {}
    found = await together((_waking(client, given, each) for each in workflow_ids), _AT_ONCE)
    return {workflow_id: waking for workflow_id, waking in found if waking}


async def _waking(client: Client, given: Settings, workflow_id: str) -> tuple[str, Waking | None]:
    asked = GetWorkflowExecutionHistoryReverseRequest(
        namespace=client.namespace, execution=WorkflowExecution(workflow_id=workflow_id), maximum_page_size=_LOOK_BACK
    )
    try:
        answer = await client.workflow_service.get_workflow_execution_history_reverse(asked)
    except RPCError:
        return workflow_id, None
    running = soonest(answer.history.events)
    if running is None:
        return workflow_id, None
    at, timer = running
    return workflow_id, Waking(given.clock.business(at), await _summary(timer))


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
    return str(decoded.get(0, "a timer"))
