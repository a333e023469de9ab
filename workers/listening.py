"""What code asks for while a history is replayed on it: each message, question and call, in order.

Promise: changes nothing of a replay. Temporal compares the kind of a step only; which message it was is compared here.
"""

from collections import defaultdict
from typing import Any, NamedTuple

from temporalio import workflow
from temporalio.worker import (
    Interceptor,
    StartActivityInput,
    StartLocalActivityInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)


class Asked(NamedTuple):
    """An activity, and what it is for in words; `local`: it leaves a marker only."""

    activity: str
    words: str
    local: bool = False


class Listening(Interceptor):
    """Writes down what each replayed run asks for, by the workflow's id."""

    def __init__(self) -> None:
        self.asked: dict[str, list[Asked]] = defaultdict(list)

    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:  # noqa: A002, ARG002 - Temporal's
        """One that knows where to write."""
        heard = self.asked

        class Listens(WorkflowInboundInterceptor):
            def init(self, outbound: WorkflowOutboundInterceptor) -> None:
                super().init(_Hears(outbound, heard))

        return Listens


class _Hears(WorkflowOutboundInterceptor):
    def __init__(self, outbound: WorkflowOutboundInterceptor, heard: dict[str, list[Asked]]) -> None:
        super().__init__(outbound)
        self._heard = heard

    def start_activity(self, input: StartActivityInput) -> workflow.ActivityHandle[Any]:  # noqa: A002 - Temporal's name
        self._hear(Asked(input.activity, input.summary or input.activity))
        return super().start_activity(input)

    def start_local_activity(self, input: StartLocalActivityInput) -> workflow.ActivityHandle[Any]:  # noqa: A002 - Temporal's name
        self._hear(Asked(input.activity, input.summary or input.activity, local=True))
        return super().start_local_activity(input)

    def _hear(self, asked: Asked) -> None:
        self._heard[workflow.info().workflow_id].append(asked)
