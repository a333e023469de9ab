"""The one workflow of all journeys: it finds the journey by its workflow type and lends it Temporal's clock and activities.

Budget: a message costs its timer and one activity, nothing else; no search attribute is upserted, no activity records the end.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import ActivityError, CancelledError

from journeys import catalogue, current
from journeys.contracts import (
    DeliverRequest,
    Exit,
    Outcome,
    ReachedRequest,
    Reason,
    Receipt,
    RunOver,
    RunStart,
    delivery_queue,
    longest_attempt,
)
from journeys.handle import Journey, RunEnded
from segments import Predicate

#: A question to the event log.
QUESTION = timedelta(seconds=30)
#: An attempt that dies, or a task that is lost on its way to a worker, is noticed after this long.
SIGN_OF_LIFE = timedelta(seconds=10)
#: Retries never give up by themselves: the activity does, at the message's own deadline, and records it.
RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), backoff_coefficient=2, maximum_interval=timedelta(minutes=5))


if workflow.unsafe.in_sandbox():
    # The sandbox imports this module once per run, before the run begins: the time to import the catalogue with it.
    catalogue.load(current.module)


@workflow.defn(dynamic=True)
class JourneyRun:
    """One customer in one journey."""

    def __init__(self) -> None:
        """Before the first task: nothing sent, nothing to end for."""
        self._exit: Exit | None = None
        self._sending: workflow.ActivityHandle[Receipt] | None = None
        self._timeline: list[str] = []
        self._sent = 0
        self._skipped = 0

    @workflow.run
    async def run(self, args: Sequence[RawValue]) -> RunOver:
        """Run the journey that the workflow type names."""
        self._start = workflow.payload_converter().from_payload(args[0].payload, RunStart)
        definition = catalogue.load(current.module).journey(workflow.info().workflow_type)
        reason = await self._walk(definition.steps(Journey(self._start, definition.spec, self)))
        self._note(f"**over: {reason.value}**")
        return RunOver(outcome=reason, sent=self._sent, skipped=self._skipped)

    @workflow.signal(name="exit")
    def on_exit(self, leave: Exit) -> None:
        """End the run: from a wait at once, from a delivery as soon as its attempt has an answer."""
        self._exit = self._exit or leave
        if self._sending is not None:
            self._sending.cancel()

    def now(self) -> datetime:
        """Business time."""
        return self._start.clock.business(workflow.now())

    async def sleep_until(self, at: datetime, summary: str) -> None:
        """A durable timer that the exit signal cuts short."""
        remaining = self._start.clock.real(at) - workflow.now()
        if remaining > timedelta(0):
            self._note(f"waiting {summary}", at)
            with suppress(TimeoutError):
                await workflow.wait_condition(lambda: self._exit is not None, timeout=remaining, timeout_summary=summary)
            self._timeline.pop()
        self._leave_if_over()

    async def deliver(self, request: DeliverRequest) -> Receipt:
        """One activity on the channel's own task queue."""
        self._leave_if_over()
        self._sending = workflow.start_activity(
            "deliver",
            request,
            result_type=Receipt,
            task_queue=delivery_queue(request.channel),
            start_to_close_timeout=longest_attempt(request.channel),
            heartbeat_timeout=SIGN_OF_LIFE,
            retry_policy=RETRY,
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            summary=f"{request.channel.value} {request.template}",
        )
        receipt = await self._settled(self._sending)
        self._sending = None
        self._record(request, receipt)
        return receipt

    async def reached(self, predicate: Predicate) -> bool:
        """Ask the event log; one activity."""
        self._leave_if_over()
        answer: bool = await workflow.execute_activity(
            "reached",
            ReachedRequest(run_id=self._start.run_id, predicate=predicate.to_json(), at=self.now()),
            result_type=bool,
            start_to_close_timeout=QUESTION,
            retry_policy=RETRY,
            summary=f"reached {predicate}?",
        )
        return answer

    async def _walk(self, steps: Awaitable[None]) -> Reason:
        try:
            await steps
        except RunEnded as ended:
            return ended.reason
        except (asyncio.CancelledError, CancelledError):
            # A cancel without our signal is an operator's, and must show as one in Temporal.
            if self._exit is None:
                raise
            return self._exit.reason
        return self._exit.reason if self._exit is not None else Reason.FINISHED

    async def _settled(self, sending: "workflow.ActivityHandle[Receipt]") -> Receipt:
        try:
            return await sending
        except ActivityError:
            # Once asked to cancel, Temporal retries no more: whatever the last attempt's error was, the run is over.
            if self._exit is not None:
                return Receipt(outcome=Outcome.SKIPPED, reason=self._exit.reason)
            raise

    def _leave_if_over(self) -> None:
        if self._exit is not None:
            raise RunEnded(self._exit.reason)

    def _record(self, request: DeliverRequest, receipt: Receipt) -> None:
        self._sent += receipt.sent
        self._skipped += not receipt.sent
        which = f" {receipt.segment}" if receipt.segment else ""
        because = f": {receipt.reason.value}{which}" if receipt.reason else ""
        self._note(f"{request.channel.value} `{request.template}` {receipt.outcome.value}{because}")

    def _note(self, what: str, at: datetime | None = None) -> None:
        """Write the run's timeline into what the Temporal UI shows as current details; free, it is not an event."""
        self._timeline.append(f"- {(at or self.now()):%a %d %b %H:%M} — {what}")
        entered = f"Entered {self._start.segment or 'by API'} at {self._start.entered_at:%Y-%m-%d %H:%M} UTC"
        workflow.set_current_details("\n".join([entered, "", *self._timeline]))
