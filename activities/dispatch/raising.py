"""Steps that raise each time: the worker that sees it tells the closer at once, for Temporal lists no such runs.

Promise: what is tried again on purpose, and what only lasts as long as Postgres is away, is no fault of a step.
"""

from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError, FailureError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.dispatch.closing import Closer
from activities.dispatch.execution import OFTEN, PUT_OFF, told_of
from store.away import AWAY, passes


class Raising(Interceptor):
    """Looks at what every activity raises."""

    def __init__(self, closer: Closer) -> None:
        self._closer = closer

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - Temporal's name
        """Wrap every activity."""
        return _Watched(next, self._closer)


class _Watched(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, closer: Closer) -> None:  # noqa: A002 - Temporal's name
        super().__init__(next)
        self._closer = closer

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - Temporal's name
        try:
            return await super().execute_activity(input)
        except Exception as error:
            if not passes(error.__context__ or error):  # what it was before it was redacted
                await self._tell(error)
            raise

    async def _tell(self, error: Exception) -> None:
        step = activity.info()
        put_off = isinstance(error, ApplicationError) and error.type in PUT_OFF
        words = error.message if isinstance(error, FailureError) else type(error).__name__  # the text of any other stays here
        if step.is_local or step.attempt < OFTEN or put_off or step.workflow_id is None:
            return
        try:
            await self._closer.raises({step.workflow_id: told_of(step.activity_type, words)})
        except AWAY:
            activity.logger.info("that a step raises is written down when Postgres is back")
