"""A run as Temporal describes it: how it ended, or whether it can go on and why not.

Promise: of an error only its kind and place are read back, as `workers.redaction` wrote them; and whose doing an end was is
told apart: the run's own, an operator's, Temporal's.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, PendingActivityState, WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowHistoryEventFilterType,
)
from temporalio.service import RPCError, RPCStatusCode

from journeys.clock import Clock
from journeys.contracts import Reason, RunOver
from store.runs.ends import Closing

Handle = WorkflowHandle[object, RunOver]
#: How a run ended, and by which goal or exit.
Outcome = tuple[Reason, str | None]

#: Under this name the server itself ends a workflow, e.g. one whose history has grown too long.
_SERVER = "history-service"
#: Activities in these states are with a worker: what they do is not to be cut short.
_AT_WORK = (PendingActivityState.PENDING_ACTIVITY_STATE_STARTED, PendingActivityState.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED)
#: A step that has raised so often in a row (Temporal waits 1, 2, 4 … seconds in between) is more than a moment's trouble.
OFTEN = 3
#: Errors by which steps say themselves that they shall be tried again.
PUT_OFF = ("TryLater", "WorkerStops")
_LOOK_BACK = 20  # events: a failed task is among the last ones
UNFIT = "its code no longer fits what the run has done (steps behind it were added, removed or moved; TMPRL1100)"
UNKNOWN = "its task does not end: a loop without a wait, or a worker that dies of it"


@dataclass(frozen=True, slots=True)
class Seen:
    """What Temporal says of a run: how it ended, or that it is open; then whether it can go on, and is at work right now.

    It cannot go on where its code fails, or where a step that a worker does for it has raised often: `raises` says how.
    """

    workflow_id: str
    ending: Closing | None = None
    failing: bool = False
    raises: str | None = None
    at_work: bool = False


async def look_at(client: Client, clock: Clock, workflow_id: str) -> Seen:
    """Ask Temporal about a run."""
    handle: Handle = client.get_workflow_handle(workflow_id, result_type=RunOver)
    try:
        seen = await handle.describe()
        if seen.status in (None, WorkflowExecutionStatus.RUNNING) or seen.close_time is None:
            return _open(workflow_id, seen)
        by_itself = seen.status is WorkflowExecutionStatus.COMPLETED
        outcome, which = await _OUTCOMES[seen.status](handle)
        return Seen(workflow_id, Closing(workflow_id, outcome.value, clock.business(seen.close_time), by_itself, which))
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:  # past its retention, or the server's data is gone
            return Seen(workflow_id, Closing(workflow_id, Reason.UNKNOWN.value, clock.now()))
        raise


async def why_failing(client: Client, workflow_id: str) -> str:
    """The kind and place of the error at which a run's task failed last."""
    asked = GetWorkflowExecutionHistoryReverseRequest(
        namespace=client.namespace, execution=WorkflowExecution(workflow_id=workflow_id), maximum_page_size=_LOOK_BACK
    )
    answer = await client.workflow_service.get_workflow_execution_history_reverse(asked)
    for event in answer.history.events:
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
            return _in_words(event)
    return UNKNOWN


def _in_words(event: HistoryEvent) -> str:
    failed = event.workflow_task_failed_event_attributes
    if failed.cause == WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR:
        return UNFIT
    return failed.failure.message or UNKNOWN


def _open(workflow_id: str, seen: WorkflowExecutionDescription) -> Seen:
    raw = seen.raw_description
    raising = (told_of(each.activity_type.name, each.last_failure.message) for each in raw.pending_activities if _raises(each))
    return Seen(
        workflow_id,
        failing=raw.HasField("pending_workflow_task") and raw.pending_workflow_task.attempt > 1,
        raises=next(raising, None),
        at_work=any(activity.state in _AT_WORK for activity in raw.pending_activities),
    )


def told_of(step: str, error: str) -> str:
    """That a step raises each time, in words."""
    return f"{step} raises each time: {error}"


def _raises(step: PendingActivityInfo) -> bool:
    """Whether it has been tried often; what is put off for a while says so itself."""
    failed = step.attempt > OFTEN and step.HasField("last_failure")
    return failed and step.last_failure.application_failure_info.type not in PUT_OFF


async def _result(handle: Handle) -> Outcome:
    try:
        over = await handle.result()
    except WorkflowFailureError:
        return Reason.FAILED, None
    return over.outcome, over.ended_by


async def _whose_end(handle: Handle) -> Outcome:
    """A termination is an operator's, unless the server signed it."""
    closing = WorkflowHistoryEventFilterType.CLOSE_EVENT
    async for event in handle.fetch_history_events(event_filter_type=closing):
        told = event.workflow_execution_terminated_event_attributes
        if told.identity == _SERVER:
            return Reason.TOO_LONG if "exceeds limit" in told.reason else Reason.STOPPED, None
    return Reason.OPERATOR, None


def _always(reason: Reason) -> Callable[[Handle], Awaitable[Outcome]]:
    async def answer(_: Handle) -> Outcome:
        return reason, None

    return answer


_OUTCOMES: dict[WorkflowExecutionStatus, Callable[[Handle], Awaitable[Outcome]]] = {
    WorkflowExecutionStatus.COMPLETED: _result,
    WorkflowExecutionStatus.TERMINATED: _whose_end,
    WorkflowExecutionStatus.CANCELED: _always(Reason.OPERATOR),
    WorkflowExecutionStatus.TIMED_OUT: _always(Reason.TIMED_OUT),
    WorkflowExecutionStatus.FAILED: _always(Reason.FAILED),
    WorkflowExecutionStatus.CONTINUED_AS_NEW: _always(Reason.STOPPED),
}
