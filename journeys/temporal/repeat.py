"""The workflow of a repetition: one message in doubt once more, on purpose, by the activity that every message goes by."""

from temporalio import workflow

from journeys.contracts import DeliverRequest, Receipt, delivery_queue, longest_attempt
from journeys.temporal.workflow import RETRY, SIGN_OF_LIFE


@workflow.defn(name="repeat")
class RepeatMessage:
    """Sends a message once more, however often a worker dies: what one has claimed, the next does not send again."""

    @workflow.run
    async def run(self, request: DeliverRequest) -> Receipt:
        """Returns what became of it; a no of the gate leaves the doubt as it was."""
        receipt: Receipt = await workflow.execute_activity(
            "deliver",
            request,
            result_type=Receipt,
            task_queue=delivery_queue(request.channel),
            start_to_close_timeout=longest_attempt(request.channel),
            heartbeat_timeout=SIGN_OF_LIFE,
            retry_policy=RETRY,
            summary=f"{request.channel.value} {request.template}",
        )
        return receipt
