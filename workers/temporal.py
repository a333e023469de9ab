"""The connection to Temporal: with our plugin, and a readable sentence when nobody answers; and its schedules."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import structlog
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.runtime import Runtime
from temporalio.service import RPCError, RPCStatusCode

from journeys.contracts import WATCH_QUEUE, SearchBy
from workers.plugin import plugin
from workers.settings import Settings

log = structlog.get_logger(__name__)

_KEYWORD = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD


class TemporalUnreachable(Exception):
    """No Temporal server answered at the configured address."""


async def connect_temporal(settings: Settings, runtime: Runtime | None = None) -> Client:
    """Connect, and make sure that the search attributes exist.

    Raises:
        TemporalUnreachable: nothing answered within ten seconds.
    """
    try:
        async with asyncio.timeout(10):
            client = await Client.connect(**_server(settings), plugins=[plugin(sandboxed=settings.sandboxed)], runtime=runtime)
    except (RuntimeError, RPCError, TimeoutError) as error:
        raise TemporalUnreachable(
            f"no Temporal server at {_server(settings)['target_host']}, namespace {settings.temporal_namespace}"
            f" ({error or 'no answer in 10 s'}); set JOURNEYS_TEMPORAL_ADDRESS, or run `journeys dev` for an embedded one"
        ) from error
    await ensure_search_attributes(client)
    return client


async def asking_temporal(settings: Settings) -> Client:
    """A client for who only asks: it connects with its first call, and brings nothing of ours along."""
    return await Client.connect(**_server(settings), lazy=True)


def _server(settings: Settings) -> dict[str, Any]:
    key = settings.temporal_api_key.get_secret_value() if settings.temporal_api_key else ""
    return {
        "target_host": settings.temporal_address or "127.0.0.1:7233",
        "namespace": settings.temporal_namespace,
        "api_key": key or None,
        "tls": settings.temporal_tls or bool(key),
    }


async def ensure_search_attributes(client: Client) -> None:
    """Register the search attributes that are missing.

    Raises:
        TemporalUnreachable: they are missing and may not be added from here (Temporal Cloud: add them in its console).
    """
    operator = client.operator_service
    try:
        known = await operator.list_search_attributes(ListSearchAttributesRequest(namespace=client.namespace))
        missing = {name.value: _KEYWORD for name in SearchBy if name not in known.custom_attributes}
        if missing:
            await operator.add_search_attributes(
                AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
            )
    except RPCError as error:
        if error.status in (RPCStatusCode.ALREADY_EXISTS, RPCStatusCode.UNIMPLEMENTED, RPCStatusCode.PERMISSION_DENIED):
            return  # another worker was first, or the cloud manages them: starting a run says if one is missing
        raise TemporalUnreachable(f"Temporal does not list its search attributes: {error.message}") from error


async def keep_schedule(
    client: Client,
    name: str,
    run: Callable[..., Awaitable[Any]],
    *given: Any,
    lacking: str,
    every: timedelta = timedelta(days=1),
    at: timedelta = timedelta(0),
) -> bool:
    """Make sure that Temporal starts a workflow once a day or so, so long after it began (UTC), by a schedule of this name.

    One that is there takes up how often that is; a Temporal that is away, or has no schedules, keeps no worker from serving:
    what is `lacking` then is logged, and False returned.
    """
    action = ScheduleActionStartWorkflow(run, args=given, id=name, task_queue=WATCH_QUEUE)
    spec = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every, offset=at % every)])
    try:
        try:
            await client.create_schedule(name, Schedule(action=action, spec=spec))
        except ScheduleAlreadyRunningError:
            await client.get_schedule_handle(name).update(lambda found: _as_often(found, spec))
    except RPCError as error:
        log.warning(lacking, status=error.status.name)
        return False
    return True


async def drop_schedule(client: Client, name: str) -> bool:
    """Make sure that no schedule has this name; false, and a line in the log, where Temporal does not do it."""
    try:
        await client.get_schedule_handle(name).delete()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            log.warning("a schedule could not be taken away", schedule=name, status=error.status.name)
            return False
    return True


def _as_often(found: ScheduleUpdateInput, spec: ScheduleSpec) -> ScheduleUpdate | None:
    """What is to be changed of a schedule so that it runs as often as this one says."""
    schedule = found.description.schedule
    if schedule.spec.intervals == spec.intervals:
        return None
    schedule.spec = spec
    return ScheduleUpdate(schedule)
