"""Moving people to another version of their journey on purpose: who would go on where, and how, before anything is done.

Promise: the preview changes nothing. Each run is asked what it has done, and both versions are walked with that, here.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError

from activities.versions import UnknownVersion, Versions
from journeys.authoring import JourneyDefinition
from journeys.clock import Clock
from journeys.contracts import Done, RunStart, SoFar
from journeys.heard import SO_FAR
from journeys.temporal.held import catalogue_of
from journeys.walk.again import decided
from journeys.walk.onward import Onward, onward
from store.versions import RunInJourney

_AT_ONCE = 16  # queries on their way
_ANSWER = timedelta(seconds=10)
NOT_ASKED = "cannot be asked what it has done: no worker answers for it"
FAILING = "cannot go on with its own version: it takes the newest that fits by itself"


@dataclass(frozen=True, slots=True)
class Prospect:
    """One run: what comes next as it is, and as it would be."""

    run: RunInJourney
    now: Onward
    then: Onward


@dataclass
class Group:
    """People of one version who stand at one step, and what comes next for them: as it is, and as it would be."""

    version: str | None
    stands: str
    now: str
    then: str
    why_not: str | None
    people: set[UUID] = field(default_factory=set)
    runs: list[UUID] = field(default_factory=list)
    now_at: list[datetime] = field(default_factory=list)
    then_at: list[datetime] = field(default_factory=list)


async def prospects(
    client: Client, clock: Clock, versions: Versions, journey: str, to: str, found: Sequence[RunInJourney]
) -> list[Prospect]:
    """What would become of these runs with another version."""
    target = await _definition(versions, to, journey)
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(run: RunInJourney) -> Prospect:
        async with turns:
            start = await _so_far(client, clock, versions, journey, run)
        if start is None:
            unknown = Onward(why_not=FAILING if run.failing else NOT_ASKED)
            return Prospect(run, unknown, unknown)
        own = await _definition(versions, start.version, journey)
        moved = start.model_copy(update={"past": decided(start.past)})
        return Prospect(run, onward(own, start), onward(target, moved))

    return list(await asyncio.gather(*map(one, found)))


def grouped(prospects: Iterable[Prospect]) -> list[Group]:
    """Prospects by version, step and what comes next, the most people first."""
    groups: dict[tuple[object, ...], Group] = {}
    for each in prospects:
        now, then, version = each.now, each.then, each.run.version
        key = version, now.stands, now.message, then.message, then.why_not
        group = groups.setdefault(key, Group(*key))
        group.people.add(each.run.profile_id)
        group.runs.append(each.run.id)
        group.now_at += [now.at] if now.at else []
        group.then_at += [then.at] if then.at else []
    return sorted(groups.values(), key=lambda group: (-len(group.people), group.stands))


async def _definition(versions: Versions, version: str | None, journey: str) -> JourneyDefinition | None:
    try:
        await versions.of(version)
    except UnknownVersion:
        return None
    return catalogue_of(version).journeys.get(journey)


async def _so_far(client: Client, clock: Clock, versions: Versions, journey: str, run: RunInJourney) -> RunStart | None:
    """What a run has done; of one that a leading wait holds back, nothing yet."""
    if run.failing:
        return None
    if run.started_at is None or run.started_at + run.start_delay > clock.now():
        return await _unbegun(versions, journey, run)
    try:
        handle = client.get_workflow_handle(run.workflow_id)
        answer: SoFar = await handle.query(SO_FAR, result_type=SoFar, rpc_timeout=_ANSWER)
    except (RPCError, WorkflowQueryFailedError):
        return None
    return answer.start


async def _unbegun(versions: Versions, journey: str, run: RunInJourney) -> RunStart:
    served = await versions.of(run.version)
    began = run.started_at or run.entered_at
    return RunStart(
        run_id=run.id,
        customer_id=run.profile_id,
        segment=run.segment,
        entered_at=run.entered_at,
        started_at=began,
        params=served.branchable[journey](run.params),
        version=run.version,
        past=[Done(at=began + run.start_delay)],
    )
