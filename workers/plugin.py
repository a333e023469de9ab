"""The one plugin that configures client, worker and replayer alike: data converter, tracing, redaction, sandbox."""

from dataclasses import replace

from temporalio.contrib.opentelemetry import TracingInterceptor
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.plugin import SimplePlugin
from temporalio.worker import UnsandboxedWorkflowRunner, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from workers.redaction import KindAndPlace, Redaction

#: What the strict sandbox takes from outside, and why. Everything else is imported anew for each run.
PASSED_THROUGH = (
    "journeys.temporal.current",  # tells the run which catalogue this process serves
    "pydantic",  # compiled; re-importing it costs 10 ms a run and gains nothing
    "pydantic_core",  # as above
    "segments",  # the predicate language: pure data (a test holds it to that)
    "journeys.clock",  # pure data
    "journeys.contracts",  # pure data; one class on both sides of the border
    "journeys.actions",  # as above
    "journeys.errors",  # says where a fault stands, seen from this folder: asking for that is refused inside
    "journeys.rules",  # pure data
    "journeys.gate",  # pure decisions (a test holds it to that)
    "journeys.heard",  # as above
    "journeys.policies",  # as above
    "journeys.questions",  # as above
)


def plugin(*, sandboxed: bool) -> SimplePlugin:
    """The plugin. Give it to the client only: workers and replayers made from that client inherit it.

    Args:
        sandboxed: Temporal's strict sandbox. Tests run in it; production does not, because the purity law is checked on
            the catalogue's source and a cold run is two to seven times cheaper outside.
    """
    return SimplePlugin(
        "journeys",
        data_converter=replace(pydantic_data_converter, failure_converter_class=KindAndPlace),
        interceptors=[TracingInterceptor(), Redaction()],
        workflow_runner=runner(sandboxed=sandboxed),
    )


def runner(*, sandboxed: bool) -> WorkflowRunner:
    """How workflows run."""
    if not sandboxed:
        return UnsandboxedWorkflowRunner()
    return SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH))
