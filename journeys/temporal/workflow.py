"""The one workflow of all journeys: it finds the journey by its workflow type and lends it Temporal's clock and activities.

Budget: a message costs its timer and one activity, nothing else; no search attribute is upserted, no activity records the end.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

from temporalio import workflow
from temporalio.common import Priority, RawValue, RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError, FailureError

from journeys.contracts import (
    DeliverRequest,
    Outcome,
    Purpose,
    Reason,
    Receipt,
    RunOver,
    RunStart,
    SoFar,
    delivery_queue,
    longest_attempt,
)
from journeys.handle import Journey, RunEnded
from journeys.handle.branch import HERE, Branch, Unwound, in_branch
from journeys.heard import HEARD, SO_FAR, AskAgain, Exit, Expect, Fits, GoOn, Happened, Heard
from journeys.questions import Question
from journeys.temporal import current
from journeys.temporal.held import catalogue_of
from journeys.temporal.log import Log
from journeys.temporal.story import Story
from journeys.walk.again import WAITED, decided, listened, sent

T = TypeVar("T")

#: A question to Postgres, in the worker that runs the journey: one line of history. Later it is asked as an activity.
AT_ONCE = timedelta(seconds=5)
ONE_TRY = RetryPolicy(maximum_attempts=1)
#: An attempt that dies, or a task that is lost on its way to a worker, is noticed after this long.
SIGN_OF_LIFE = timedelta(seconds=10)
#: Of a channel's queue transactional messages go first; a journey's share is by the fairness key of its runs.
_FIRST, _THEN = Priority(priority_key=1), Priority(priority_key=3)
#: Retries never give up by themselves: the activity does, at the message's own deadline, and records it.
RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), backoff_coefficient=2, maximum_interval=timedelta(minutes=5))


if workflow.unsafe.in_sandbox():
    # The sandbox imports this module once per run, before the run begins: the time to import the catalogue with it.
    catalogue_of(current.own)


@workflow.defn(dynamic=True)
class JourneyRun:
    """One customer in one journey."""

    def __init__(self) -> None:
        """Before the first task: nothing sent, nothing to end for."""
        self._exit: Exit | None = None
        self._asking: list[tuple[Branch | None, workflow.ActivityHandle[Any]]] = []
        #: How often it was told to ask again; and how often when a branch last asked, which may wait with its message now.
        self._told_again = 0
        self._asked: dict[Branch | None, int] = {}
        self._holding = 0
        self._happened: dict[int, Happened] = {}
        #: The timers of waits that were cut short: cancelled by the next wait, and for nothing where the run ends.
        self._idle: list[asyncio.Task[None]] = []
        #: A version that it is asked to go on with, and the last such number and why it could not.
        self._go_on: GoOn | None = None
        self._stays: tuple[int, str] | None = None
        self._sent = 0
        self._skipped = 0

    @workflow.run
    async def run(self, args: Sequence[RawValue]) -> RunOver:
        """Run the journey that the workflow type names."""
        start = workflow.payload_converter().from_payload(args[0].payload, RunStart)
        # The version that it began with; another one only where no step could be taken with that, and this one replays it.
        moves, version = current.moved.get(start.run_id, (start.moves, start.version))
        self._start = start.model_copy(update={"version": version}) if moves == start.moves else start
        self._log = Log(self._start.past, lambda: self._start.clock.business(workflow.now()))
        self._story = Story(self._start, start.version, self.now)
        ended = await self._walk(self._steps())
        self._log.stay()
        over = RunOver(outcome=ended.reason, sent=self._sent, skipped=self._skipped, ended_by=ended.which)
        self._story.over(over)
        return over

    @workflow.signal(name=HEARD)
    def on_heard(self, heard: Heard) -> None:
        """End the run, from a wait at once and from an effect as soon as it has an answer; ask again; or go on with a wait."""
        match heard:
            case Exit():
                self._exit = self._exit or heard
                for _, asking in self._asking:
                    asking.cancel()
            case AskAgain():
                self._told_again += 1
            case Happened():
                self._happened.setdefault(heard.wait, heard)
            case GoOn():
                self._go_on = heard

    @workflow.query(name=SO_FAR)
    def so_far(self) -> SoFar:
        """What it has done, and whether it stays with its version."""
        start = self._start.model_copy(update={"past": self._log.done})
        return SoFar(start=start, stays=self._stays and self._stays[0], why=self._stays and self._stays[1])

    def now(self) -> datetime:
        """Business time."""
        return self._log.now()

    async def sleep_until(self, at: datetime, summary: str) -> None:
        """A durable timer that an end cuts short; a run that has grown long goes on in a new history from here."""
        await self._log.effect(None, lambda: self._sleep(at, summary), WAITED)

    async def hold(self, until: datetime, summary: str) -> None:
        """A durable timer that an end, or a word to ask again, cuts short."""
        await self._log.effect(None, lambda: self._hold(until, summary), WAITED)

    async def deliver(self, request: DeliverRequest) -> Receipt:
        """One activity on the channel's own task queue."""
        receipt = await self._log.effect(Receipt, lambda: self._deliver(request), sent(request))
        self._sent += receipt.sent
        self._skipped += not receipt.sent
        self._story.sent(request, receipt)
        return receipt

    async def ask(self, question: Question) -> Any:
        """One line of history: a local activity; if Postgres does not answer there, an activity that waits until it does."""
        found = await self._log.effect(
            question.answer,
            lambda: self._looked_up(question.activity, question, question.answer, question.summary),
            question.what,
        )
        self._story.answered(question, found)
        return found

    async def listen(self, expect: Expect, summary: str) -> Happened | None:
        """Write down what is expected; then a durable timer that what happened cuts short."""
        happened = await self._log.effect(Happened | None, lambda: self._listen(expect, summary), listened(expect))
        self._story.waited(summary, happened)
        return happened

    async def together(self, branches: Sequence[tuple[Branch, Coroutine[Any, Any, Any]]]) -> list[Any]:
        """A task for each; where one raises because the run is over, the others end, and where it fails, so does the task."""
        tasks = [asyncio.create_task(_branch(branch, steps)) for branch, steps in branches]
        try:
            return await asyncio.gather(*tasks)
        except RunEnded as ended:
            self._stop([branch for branch, _ in branches], ended)
            await asyncio.gather(*tasks, return_exceptions=True)
            raise
        except Exception:
            for branch, _ in branches:
                branch.stop = Unwound()
            raise

    def _stop(self, branches: Sequence[Branch], why: BaseException) -> None:
        for branch in branches:
            branch.stop = why
        for branch_of, asking in self._asking:
            if branch_of is not None and branch_of.stopped:
                asking.cancel()

    async def _sleep(self, at: datetime, summary: str) -> None:
        if workflow.info().is_continue_as_new_suggested() and self._may_move():
            workflow.continue_as_new(self._start.model_copy(update={"past": self._log.done}))
        await self._wait(at, summary, lambda: False)

    def _may_move(self) -> bool:
        """Whether nothing is under way that a new history would not know of: an answer, a word to ask again, an end."""
        return self._exit is None and not self._asking and not self._holding

    async def _hold(self, until: datetime, summary: str) -> None:
        asked = self._asked.get(HERE.get(), 0)
        self._holding += 1
        try:
            await self._wait(until, summary, lambda: self._told_again > asked)
        finally:
            self._holding -= 1

    async def _deliver(self, request: DeliverRequest) -> Receipt:
        self._leave_if_over()
        self._asked[HERE.get()] = self._told_again
        sending: workflow.ActivityHandle[Receipt] = workflow.start_activity(
            "deliver",
            request.model_copy(update={"version": self._start.version}),
            result_type=Receipt,
            task_queue=delivery_queue(request.channel),
            start_to_close_timeout=longest_attempt(request.channel),
            heartbeat_timeout=SIGN_OF_LIFE,
            retry_policy=RETRY,
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            summary=in_branch(f"{request.channel.value} {request.template}"),
            priority=_FIRST if request.purpose is Purpose.TRANSACTIONAL else _THEN,
        )
        with self._story.meanwhile(f"{request.channel.value} `{request.template}` on its way"):
            receipt = await self._answer(sending)
        if receipt is None:
            receipt = Receipt(outcome=Outcome.SKIPPED, reason=self._over())
        elif receipt.of_another(request):
            self._log.astray(f"got an answer to {receipt.step}", request.step)
        return receipt

    async def _listen(self, expect: Expect, summary: str) -> Happened | None:
        happened = await self._looked_up(Expect.activity, expect, Happened | None, summary)
        if happened is None:
            await self._wait(expect.until, summary, lambda: expect.wait in self._happened)
            happened = self._happened.pop(expect.wait, None)
        return cast("Happened | None", happened)

    async def _looked_up(self, activity: str, asked: Question | Expect | Fits, answer: Any, summary: str) -> Any:
        self._leave_if_over()
        argument, told = asked.model_copy(update={"version": self._start.version}), in_branch(summary)
        at_once = workflow.start_local_activity(
            activity, argument, result_type=answer, start_to_close_timeout=AT_ONCE, retry_policy=ONE_TRY, summary=told
        )
        try:
            found = await self._answer(at_once)
        except (ActivityError, ApplicationError):  # a local one says the latter
            patient: workflow.ActivityHandle[Any] = workflow.start_activity(
                activity,
                argument,
                result_type=answer,
                task_queue=asked.queue,
                start_to_close_timeout=asked.longest,
                heartbeat_timeout=SIGN_OF_LIFE if asked.queue else None,
                retry_policy=RETRY,
                summary=told,
            )
            with self._story.meanwhile(f"{summary}: no answer yet"):
                found = await self._answer(patient)
        self._leave_if_over()
        return found

    async def _steps(self) -> None:
        await self._move_if_asked()  # while it was held back
        definition = catalogue_of(self._start.version).journey(workflow.info().workflow_type)
        await definition.steps(Journey(self._start, definition.spec, self))

    async def _walk(self, steps: Awaitable[None]) -> Exit:
        try:
            await steps
        except RunEnded as ended:
            return Exit(reason=ended.reason, which=ended.which)
        except (asyncio.CancelledError, CancelledError):
            # A cancel without our signal is an operator's, and must show as one in Temporal.
            if self._exit is None:
                raise
            return self._exit
        return self._exit or Exit(reason=Reason.FINISHED)

    async def _wait(self, until: datetime, summary: str, cut_short: Callable[[], bool]) -> None:
        remaining, here = self._start.clock.real(until) - workflow.now(), HERE.get()

        def ends() -> bool:
            return cut_short() or self._exit is not None or (here is not None and here.stopped is not None)

        if remaining > timedelta(0) and not ends():
            while self._idle:
                self._idle.pop().cancel()
            timer = asyncio.create_task(workflow.sleep(remaining, summary=in_branch(summary)))
            with self._story.meanwhile(summary, until):
                while not (timer.done() or ends()):
                    await self._move_if_asked(lambda: timer.done() or ends())
                    await workflow.wait_condition(lambda: timer.done() or ends() or self._is_to_move())
            self._idle += [] if timer.done() else [timer]
        self._leave_if_over()

    def _is_to_move(self) -> bool:
        return self._go_on is not None and self._may_move()

    async def _move_if_asked(self, waited: Callable[[], bool] = lambda: False) -> None:
        """Go on with another version, in a new history, if what has been done is what that would have done, too.

        An activity looks, so that what it finds stands in the history: workers hold different versions at different times.
        Where the run has gone on meanwhile, it is asked anew at its next wait.
        """
        if not self._is_to_move():
            return
        asked, done = cast("GoOn", self._go_on), len(self._log.done)
        if asked.number > self._start.moves:
            start = self._start.model_copy(
                update={"version": asked.version, "moves": asked.number, "past": decided(self._log.done)}
            )
            fits = Fits(journey=workflow.info().workflow_type, start=start)
            why = await self._looked_up(Fits.activity, fits, str | None, f"may go on with version {asked.version}?")
            if why is None:
                if self._may_move() and not waited() and done == len(self._log.done):
                    workflow.continue_as_new(start)
                return
            self._stays = asked.number, why
            self._story.tell(f"stays with its version: {why}")
        if self._go_on is asked:
            self._go_on = None

    async def _answer(self, asking: "workflow.ActivityHandle[T]") -> T | None:
        """What an activity answers; nothing, when it is not answered because the run is over."""
        asked = HERE.get(), asking
        self._asking.append(asked)
        try:
            return await asking
        except FailureError:
            # Once asked to cancel, Temporal retries no more: whatever the last attempt's error was, the run is over.
            if self._over() is not None:
                return None
            raise
        finally:
            self._asking.remove(asked)

    def _over(self) -> Reason | None:
        """Why the run is over, as far as it or this branch knows."""
        if self._exit is not None:
            return self._exit.reason
        why = here.stopped if (here := HERE.get()) is not None else None
        return why.reason if isinstance(why, RunEnded) else None

    def _leave_if_over(self) -> None:
        if self._exit is not None:
            raise RunEnded(self._exit.reason, self._exit.which)
        if (here := HERE.get()) is not None:
            here.leave_if_stopped()


async def _branch(branch: Branch, steps: Coroutine[Any, Any, Any]) -> Any:
    HERE.set(branch)  # the task has a context of its own
    return await steps
