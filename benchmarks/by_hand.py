"""The measure: the cart journey as somebody would write it by hand on the Temporal SDK, with nothing to spare.

Same waits, same activities with the same arguments, same way to be ended by a signal; no catalogue, no handle, no summaries.
"""

from contextlib import suppress
from datetime import timedelta

from temporalio import workflow

from journeys.contracts import Channel, DeliverRequest, Purpose, Reason, Receipt, RunOver, RunStart, delivery_queue
from journeys.heard import HEARD, Exit

STEPS = (
    (timedelta(hours=1), Channel.PUSH),
    (timedelta(hours=23), Channel.WHATSAPP),
    (timedelta(days=2), Channel.EMAIL),
)


@workflow.defn(name="three_messages")
class ByHand:
    """Three messages, unless the customer converts."""

    def __init__(self) -> None:
        self._exit: Exit | None = None

    @workflow.run
    async def run(self, start: RunStart) -> RunOver:
        sent = 0
        for span, channel in STEPS:
            await self._wait(start.clock.duration(span))
            if self._exit is not None:
                return RunOver(outcome=self._exit.reason, sent=sent)
            receipt = await self._deliver(start, channel)
            sent += receipt.sent
        return RunOver(outcome=Reason.FINISHED, sent=sent)

    @workflow.signal(name=HEARD)
    def on_exit(self, leave: Exit) -> None:
        self._exit = leave

    async def _wait(self, span: timedelta) -> None:
        with suppress(TimeoutError):
            await workflow.wait_condition(lambda: self._exit is not None, timeout=span)

    async def _deliver(self, start: RunStart, channel: Channel) -> Receipt:
        now = start.clock.business(workflow.now())
        request = DeliverRequest(
            run_id=start.run_id,
            journey="three_messages",
            step=f"{channel.value}:hello",
            occurrence=1,
            channel=channel,
            template="hello",
            purpose=Purpose.MARKETING,
            due_at=now,
            useless_after=now + timedelta(hours=12),
        )
        receipt: Receipt = await workflow.execute_activity(
            "deliver",
            request,
            result_type=Receipt,
            task_queue=delivery_queue(channel),
            start_to_close_timeout=timedelta(seconds=30),
        )
        return receipt
