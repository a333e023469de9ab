"""Messages in doubt that an operator wants repeated: handed to Temporal, each once, with what their run asked for them with.

Promise: a row first and a call after, as with runs. What a message was asked with stands in its run's history and nowhere
else, but for a campaign's; where Temporal has forgotten that, nothing is sent, and the row says so.
"""

from contextlib import suppress
from dataclasses import dataclass

import structlog
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHistory
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from journeys.campaigns.message import message_of
from journeys.clock import Clock
from journeys.contracts import WATCH_QUEUE, DeliverRequest
from store import Database
from store.deliveries import doubts
from store.deliveries.doubts import ToRepeat

log = structlog.get_logger(__name__)

_BATCH = 100
_FORGOTTEN = "Temporal no longer has the history of its run, and with it what it was to say"


@dataclass(frozen=True)
class Repeater:
    """Starts the workflows of repetitions."""

    database: Database
    client: Client
    clock: Clock

    async def start(self) -> int:
        """Hand over what Temporal does not know yet; returns how many it took."""
        begun = 0
        for asked in await doubts.to_repeat(self.database, _BATCH):
            try:
                begun += await self._start_one(asked)
            except RPCError as error:
                log.warning(
                    "temporal did not take a repetition; it is tried again", run=str(asked.run_id), status=error.status.name
                )
        return begun

    async def _start_one(self, asked: ToRepeat) -> bool:
        request = await self._request(asked)
        if request is None:
            await doubts.refused(self.database.pool, asked.key, asked.attempt, _FORGOTTEN)
            return False
        with suppress(WorkflowAlreadyStartedError):  # an earlier attempt got through, and it is over already
            await self.client.start_workflow(
                "repeat",
                request.model_copy(update={"repeat": asked.attempt + 1}),
                id=f"repeat/{asked.id}",
                task_queue=WATCH_QUEUE,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                static_summary=f"{request.channel.value} {request.template} once more, on purpose",
            )
        await doubts.begun(self.database, asked.id, self.clock.now())
        return True

    async def _request(self, asked: ToRepeat) -> DeliverRequest | None:
        """What the run asked for the message with: in its history, or in one that it went on from; a campaign's as it says."""
        if asked.message is not None:
            return message_of(asked.message).request(asked.journey, asked.run_id, asked.entered_at, asked.version)
        former: str | None = None
        while True:
            handle = self.client.get_workflow_handle(asked.workflow_id, run_id=former)
            try:
                history = await handle.fetch_history()
            except RPCError as error:
                if error.status is RPCStatusCode.NOT_FOUND:
                    return None
                raise
            if found := await self._asked_in(history, asked):
                return found
            former = history.events[0].workflow_execution_started_event_attributes.continued_execution_run_id
            if not former:
                return None

    async def _asked_in(self, history: WorkflowHistory, asked: ToRepeat) -> DeliverRequest | None:
        for event in reversed(history.events):
            if event.event_type != EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
                continue
            scheduled = event.activity_task_scheduled_event_attributes
            if scheduled.activity_type.name == "deliver":
                (request,) = await self.client.data_converter.decode(scheduled.input.payloads, [DeliverRequest])
                if (request.run_id, request.step, request.occurrence) == (asked.run_id, asked.step, asked.occurrence):
                    return request  # type: ignore[no-any-return]  # as it was asked to be decoded
        return None
