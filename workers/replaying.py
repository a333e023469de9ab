"""Replaying histories of runs: whether the engine, and a version of the catalogue, can go on with what a run has done.

Promise: needs no server and changes nothing. A history is replayed as if its run had begun with the version that is tried,
under nobody's run id, so that what this process knows of the run itself does not matter.
"""

import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace
from functools import cache
from uuid import UUID

from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory
from temporalio.runtime import Runtime, TelemetryConfig
from temporalio.worker import Replayer

from journeys.temporal.workflow import JourneyRun
from workers.plugin import plugin
from workers.redaction import in_words

_NOBODY = str(UUID(int=0))


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of one history: nothing is wrong with it, or the error."""

    history: WorkflowHistory
    error: Exception | None = None

    @property
    def why_not(self) -> str | None:
        """Why the run could not go on, without what an error of an author's says."""
        return None if self.error is None else in_words(self.error)


async def replay(histories: Iterable[WorkflowHistory], version: str | None) -> AsyncIterator[Replayed]:
    """Replay histories on one version; None: on the catalogue as this process imports it."""
    originals = {history.workflow_id: history for history in histories}

    async def each() -> AsyncIterator[WorkflowHistory]:
        for history in originals.values():
            yield as_begun_with(history, version)

    replayer = Replayer(workflows=[JourneyRun], plugins=[plugin(sandboxed=False)], runtime=_quiet())
    async with replayer.workflow_replay_iterator(each()) as results:
        async for result in results:
            yield Replayed(originals[result.history.workflow_id], result.replay_failure)


@cache
def _quiet() -> Runtime:
    """What does not replay is our answer, and no warning in a log."""
    return Runtime(telemetry=TelemetryConfig(logging=None))


async def why_not(history: WorkflowHistory, version: str) -> str | None:
    """Why a run could not go on with a version; None when it can."""
    async for replayed in replay([history], version):
        return replayed.why_not
    return None


def version_of(history: WorkflowHistory) -> str | None:
    """The version that the run began with."""
    payload = history.events[0].workflow_execution_started_event_attributes.input.payloads[0]
    version: str | None = json.loads(payload.data).get("version")
    return version


def as_begun_with(history: WorkflowHistory, version: str | None) -> WorkflowHistory:
    """The same history, of a run that began with another version."""
    first = HistoryEvent()
    first.CopyFrom(history.events[0])
    payload = first.workflow_execution_started_event_attributes.input.payloads[0]
    start = json.loads(payload.data) | {"run_id": _NOBODY, "version": version}
    payload.data = json.dumps(start).encode()
    return replace(history, events=[first, *history.events[1:]])
