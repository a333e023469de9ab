"""The one plugin that configures client, worker and replayer alike: data converter, tracing, redaction, sandbox."""

import traceback
from pathlib import Path
from typing import Any

import asyncpg
from temporalio import activity
from temporalio.contrib.opentelemetry import TracingInterceptor
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError, FailureError
from temporalio.plugin import SimplePlugin
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
    UnsandboxedWorkflowRunner,
    WorkflowRunner,
)
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

#: What the strict sandbox takes from outside, and why. Everything else is imported anew for each run.
PASSED_THROUGH = (
    "journeys.current",  # tells the run which catalogue this process serves
    "pydantic",  # compiled; re-importing it costs 10 ms a run and gains nothing
    "pydantic_core",  # as above
    "segments",  # the predicate language: pure data (a test holds it to that)
    "journeys.clock",  # pure data
    "journeys.contracts",  # pure data; one class on both sides of the border
)


def plugin(*, sandboxed: bool) -> SimplePlugin:
    """The plugin. Give it to the client only: workers and replayers made from that client inherit it.

    Args:
        sandboxed: Temporal's strict sandbox. Tests run in it; production does not, because the purity law is checked on
            the catalogue's source and a cold run is two to seven times cheaper outside.
    """
    return SimplePlugin(
        "journeys",
        data_converter=pydantic_data_converter,
        interceptors=[TracingInterceptor(), Redaction()],
        workflow_runner=runner(sandboxed=sandboxed),
    )


def runner(*, sandboxed: bool) -> WorkflowRunner:
    """How workflows run."""
    if not sandboxed:
        return UnsandboxedWorkflowRunner()
    return SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH))


class Redaction(Interceptor):
    """Keeps personal data out of histories: an activity's unexpected error is recorded by its kind only."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - Temporal's name
        """Wrap every activity."""
        return _RedactedActivity(next)


class _RedactedActivity(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - Temporal's name
        try:
            return await super().execute_activity(input)
        except FailureError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, its text stays out of the history
            # A database error's text quotes rows, a validation error's its input: neither may be kept for weeks.
            activity.logger.error("activity failed", extra={"kind": _kind(error), "where": _where(error)})
            raise ApplicationError(f"{_kind(error)}; see the worker's log", type=type(error).__name__) from None


def _kind(error: Exception) -> str:
    if isinstance(error, asyncpg.PostgresError):
        return f"Postgres {error.sqlstate} {type(error).__name__}"
    return type(error).__name__


def _where(error: Exception) -> list[str]:
    """The lines that led to an error, without its text."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames[-6:]]
