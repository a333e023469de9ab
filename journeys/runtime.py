"""The one workflow of all journeys: it finds the journey by its workflow type and lends it Temporal's clock and activities.

Budget: a message costs its timer and one activity, nothing else; no search attribute is upserted, no activity records the end.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import ActivityError, CancelledError

from journeys import catalogue, current
from journeys.contracts import (
    EXIT_SIGNAL,
    RESUME_SIGNAL,
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

T = TypeVar("T")

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
        self._asking: workflow.ActivityHandle[Any] | None = None
        self._resumed = False
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

    @workflow.signal(name=EXIT_SIGNAL)
    def on_exit(self, leave: Exit) -> None:
        """End the run: from a wait at once, from a delivery as soon as its attempt has an answer."""
        self._exit = self._exit or leave
        if self._asking is not None:
            self._asking.cancel()

    @workflow.signal(name=RESUME_SIGNAL)
    def on_resume(self) -> None:
        """Ask again for a message that waits: what it waited for may be over."""
        self._resumed = True

    def now(self) -> datetime:
        """Business time."""
        return self._start.clock.business(workflow.now())

    async def sleep_until(self, at: datetime, summary: str) -> None:
        """A durable timer that the exit signal cuts short."""
        await self._wait(at, summary, lambda: self._exit is not None)

    async def hold(self, until: datetime, summary: str) -> None:
        """A durable timer that the exit and the resume signal cut short."""
        await self._wait(until, summary, lambda: self._exit is not None or self._resumed)

    async def deliver(self, request: DeliverRequest) -> Receipt:
        """One activity on the channel's own task queue."""
        self._leave_if_over()
        self._resumed = False
        sending: workflow.ActivityHandle[Receipt] = workflow.start_activity(
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
        receipt = await self._answer(sending)
        if receipt is None:
            receipt = Receipt(outcome=Outcome.SKIPPED, reason=self._exit.reason if self._exit else None)
        self._record(request, receipt)
        return receipt

    async def reached(self, predicate: Predicate) -> bool:
        """Ask Postgres; one activity."""
        self._leave_if_over()
        asking: workflow.ActivityHandle[bool] = workflow.start_activity(
            "reached",
            ReachedRequest(run_id=self._start.run_id, predicate=predicate.to_json(), at=self.now()),
            result_type=bool,
            start_to_close_timeout=QUESTION,
            retry_policy=RETRY,
            summary=f"reached {predicate}?",
        )
        answer = await self._answer(asking)
        self._leave_if_over()
        return bool(answer)

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

    async def _wait(self, until: datetime, summary: str, cut_short: Callable[[], bool]) -> None:
        remaining = self._start.clock.real(until) - workflow.now()
        if remaining > timedelta(0):
            self._note(f"waiting {summary}", until)
            with suppress(TimeoutError):
                await workflow.wait_condition(cut_short, timeout=remaining, timeout_summary=summary)
            self._timeline.pop()
        self._leave_if_over()

    async def _answer(self, asking: "workflow.ActivityHandle[T]") -> T | None:
        """What an activity answers; nothing, when it is not answered because the run is over."""
        self._asking = asking
        try:
            return await asking
        except ActivityError:
            # Once asked to cancel, Temporal retries no more: whatever the last attempt's error was, the run is over.
            if self._exit is not None:
                return None
            raise
        finally:
            self._asking = None

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
