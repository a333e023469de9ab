"""Replaying histories of runs: whether the engine, and a version of the catalogue, can go on with what a run has done.

Promise: needs no server and changes nothing, and ends: a history that gives no answer is told as such. A history is replayed as
if its run had begun with the version that is tried, under nobody's run id, so that what this process knows of the run itself
does not matter.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from uuid import UUID

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHistory
from temporalio.runtime import Runtime, TelemetryConfig
from temporalio.worker import Replayer

from activities.versions import UnknownVersion, Versions
from journeys.contracts import WORKFLOW_QUEUE
from journeys.errors import JourneyError
from journeys.temporal.workflow import JourneyRun
from workers.listening import Asked, Listening
from workers.plugin import plugin
from workers.redaction import in_words

_NOBODY = str(UUID(int=0))
_AT_ONCE = 16  # histories on their way
#: How long one history may take; milliseconds are usual.
LIMIT = timedelta(minutes=1)


class NoAnswer(JourneyError):
    """The engine did not come to an end with a history."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of one history: nothing is wrong with it, or the error."""

    history: WorkflowHistory
    error: Exception | None = None
    #: What the code has asked for, in its order, as far as it came.
    asked: tuple[Asked, ...] = ()

    @property
    def why_not(self) -> str | None:
        """Why the run could not go on, without what an error of an author's says."""
        return None if self.error is None else in_words(self.error)


async def replay(
    histories: Iterable[WorkflowHistory], version: str | None, *, limit: timedelta = LIMIT
) -> AsyncIterator[Replayed]:
    """Replay histories on one version; None: on the catalogue as this process imports it.

    A run of which no code has run yet has nothing to replay: it can begin with any version.
    """
    waiting = {history.workflow_id: history for history in histories}
    for name in [name for name, history in waiting.items() if not _has_run(history)]:
        yield Replayed(waiting.pop(name))  # the engine would wait for the first task for ever
    while waiting:  # once more for those behind a history that gave no answer
        async for replayed in _in_turn(dict(waiting), version, limit):
            del waiting[replayed.history.workflow_id]
            yield replayed


async def _in_turn(originals: Mapping[str, WorkflowHistory], version: str | None, limit: timedelta) -> AsyncIterator[Replayed]:
    """One after the other, up to the first that gives no answer."""
    listening, names = Listening(), list(originals)

    async def each() -> AsyncIterator[WorkflowHistory]:
        for name in names:
            yield as_begun_with(originals[name], version)

    replayer = Replayer(workflows=[JourneyRun], interceptors=[listening], plugins=[plugin(sandboxed=False)], runtime=_quiet())
    async with replayer.workflow_replay_iterator(each()) as results:
        for name in names:
            try:
                async with asyncio.timeout(limit.total_seconds()):
                    result = await anext(results)
            except TimeoutError:
                error = NoAnswer(f"the engine did not come to an end with it in {limit.total_seconds():.0f} seconds")
                yield Replayed(originals[name], error)
                return
            yield Replayed(originals[name], result.replay_failure, tuple(listening.asked.pop(name, ())))


def _has_run(history: WorkflowHistory) -> bool:
    """Whether any code of the run has run."""
    return any(event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED for event in history.events)


async def as_begun(versions: Versions, histories: Sequence[WorkflowHistory]) -> list[Replayed]:
    """Replay each history on the version that its run began with: whether the engine can go on with it."""
    found: list[Replayed] = []
    for version in dict.fromkeys(map(version_of, histories)):
        group = [history for history in histories if version_of(history) == version]
        try:
            await versions.of(version)
        except UnknownVersion as unknown:
            found += [Replayed(history, unknown) for history in group]
        else:
            found += [each async for each in replay(group, version)]
    return found


async def fetched(client: Client, limit: int, ended_within: timedelta = timedelta(0)) -> list[WorkflowHistory]:
    """The histories of open runs, and of those that ended lately, the newest first."""
    since = (datetime.now(UTC) - ended_within).isoformat()
    query = f"TaskQueue = '{WORKFLOW_QUEUE}' and (ExecutionStatus = 'Running' or CloseTime > '{since}')"
    listed = [(each.id, each.run_id) async for each in client.list_workflows(query, limit=limit)]
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(workflow_id: str, run_id: str | None) -> WorkflowHistory:
        async with turns:
            return await client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()

    return [history for history in await asyncio.gather(*(one(*each) for each in listed)) if history.events]


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
