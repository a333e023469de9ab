"""A worker process: one Temporal worker per task queue, so that a slow provider never holds up another channel."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from functools import partial
from os import getpid
from socket import gethostname
from typing import Any

import structlog
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion, WorkflowIDConflictPolicy
from temporalio.service import RPCError
from temporalio.worker import PollerBehaviorAutoscaling, Worker, WorkerDeploymentConfig

from activities.channels.carriers import Carriers
from activities.channels.kinds import KINDS, lacking
from activities.deliver.pacing import Pacing
from activities.deliver.patience import HEARTBEAT
from activities.dispatch.raising import Raising
from journeys.campaigns.contracts import CAMPAIGN_QUEUE
from journeys.catalogue import Catalogue
from journeys.contracts import CALLS_QUEUE, WATCH_QUEUE, WORKFLOW_QUEUE, Channel, WatchShard, delivery_queue
from journeys.temporal.repeat import RepeatMessage
from journeys.temporal.workflow import JourneyRun
from segments.ask.overview import all_segments
from segments.predictions.declared import Declared
from store import Database, connect
from store.away import AWAY
from store.deliveries.providers import stop
from store.versions import in_use
from workers.assembly import Parts, assemble
from workers.lacking import unable
from workers.memory import long_lived
from workers.replaying import as_begun, fetched
from workers.settings import Settings
from workers.telemetry import set_up
from workers.temporal import connect_temporal, drop_schedule, keep_schedule
from workers.unfit import unfit
from workers.versions import REFRESH, Library
from workers.workflows.allocating import AllocateChoices
from workers.workflows.audiences import CompareAudience, SyncAudience
from workers.workflows.campaigns import Campaign, CampaignAgain
from workers.workflows.erasing import EraseCustomer
from workers.workflows.exporting import ExportHours
from workers.workflows.notifying import Notify
from workers.workflows.predicting import ScorePrediction, TrainPrediction
from workers.workflows.products import WorkOut
from workers.workflows.recomputing import RecomputeSums
from workers.workflows.retaining import Retain
from workers.workflows.sourcing import ReadSource
from workers.workflows.watching import WatchShards

log = structlog.get_logger(__name__)

#: What a worker does when it is asked to stop gets this long to finish; a message on its way to a provider as long as it takes.
GRACE = timedelta(seconds=30)
#: Runs that a worker keeps in memory between their tasks.
REMEMBERED = 1_000
#: Tasks of a queue that a process takes at once. It works on a few dozen a second at most, which two bring, also from far away;
#: more would move a backlog into the process and into Temporal's store, where what is urgent waits behind all of it.
_POLLING = PollerBehaviorAutoscaling(initial=2, maximum=2)
#: Activities of campaigns that a process has at once.
_PARTS = 4
#: The Worker Deployment whose versions are releases of the engine.
DEPLOYMENT = "journeys"
#: Open runs that are replayed when a worker starts.
_SAMPLE = 100
#: How often it is said again that a provider is not configured.
_MISSING = timedelta(minutes=1)


async def run(settings: Settings) -> None:
    """Serve the configured task queues until SIGTERM or Ctrl-C."""
    runtime = set_up("journeys-worker", settings)
    async with AsyncExitStack() as stack:
        database = await connect(settings.dsn, max_size=settings.database_pool)
        stack.push_async_callback(database.close)
        client = await connect_temporal(settings, runtime)
        parts = assemble(settings, database, client)
        for channel in set(Channel) - set(parts.carriers):
            needed = " or ".join(each.needs for each in KINDS[channel].provider_classes)
            log.warning("no provider is configured; messages wait", channel=channel.value, unset=needed)
        missing = lacking(settings.provider_weights, parts.carriers)
        for provider, setting in missing.items():
            log.warning("a provider has a weight and is not configured; it carries nothing", provider=provider, unset=setting)
        stack.enter_context(_beside(tell_who_is_missing(database, missing)))
        for service in parts.catalogue.services:
            if not parts.calling.lines.knows(service):
                log.warning("JOURNEYS_SERVICES does not say where a service is; calls to it wait", service=service)
        stack.push_async_callback(parts.close)
        await take_up_versions(parts.library)
        stack.enter_context(_beside(parts.library.keep_up()))
        stack.enter_context(_beside(Pacing(client, parts.carriers, parts.delivery.limits).keep_up()))
        stack.enter_context(_beside(tell_who_cannot_go_on(client, parts.library)))
        await stack.enter_async_context(serving(workers(client, parts, settings.worker_queues, build=settings.build_id)))
        if not settings.worker_queues or WATCH_QUEUE in settings.worker_queues:
            # Before "serves" is said: who is in a new segment by now is a member, but does not enter; who comes later does,
            # even though the watch may need minutes to load the segment.
            for shard in range(settings.watch_shards):
                await parts.watch.register(WatchShard(shard=shard, shards=settings.watch_shards))
            await keep_watch(client, settings.watch_shards)
            often = await parts.sourcing.declare(), await parts.audiences.declare()
            stack.enter_context(_beside(keep_schedules(client, settings, *often)))
            await parts.predicting.declare()
            stack.enter_context(_beside(parts.predicting.keep_up(partial(keep_predicting, client))))
            stack.enter_context(_beside(keep_rounds(client, await parts.rounds.declare())))
            await tell_what_stands_still(database, parts.catalogue)
        long_lived()
        log.info("worker serves", queues=list(settings.worker_queues) or "all", journeys=sorted(parts.catalogue.journeys))
        await until_told_to_stop()
        log.info("worker stops; what is in flight finishes first")


def workers(
    client: Client, parts: Parts, queues: Sequence[str] = (), *, remembered: int = REMEMBERED, build: str = ""
) -> list[Worker]:
    """The workers of a process, for the queues named or for all; the runs that are not remembered are replayed at each task."""
    common: dict[str, Any] = {
        "graceful_shutdown_timeout": GRACE,
        "deployment_config": deployment(build),
        "interceptors": [Raising(parts.watch.dispatcher.closer)],
    }
    # Each is made only where its queue is served: a worker is there for its queue as soon as it is made.
    everything: dict[str, Callable[[], Worker]] = {
        WORKFLOW_QUEUE: lambda: _journeys(client, parts, remembered, common),
        CALLS_QUEUE: lambda: _calls(client, parts, common),
        WATCH_QUEUE: lambda: _watch(client, parts, common),
        CAMPAIGN_QUEUE: lambda: _campaigns(client, parts, common),
    }
    for channel, carriers in parts.carriers.items():  # without a provider, messages wait in their queue
        everything[delivery_queue(channel)] = partial(_delivery, client, parts, channel, carriers, common)
    return [make() for queue, make in everything.items() if not queues or queue in queues]


def _journeys(client: Client, parts: Parts, remembered: int, common: Mapping[str, Any]) -> Worker:
    asked: list[Callable[..., Any]] = [
        *parts.questions.activities,
        *parts.choices.activities,
        parts.expecting.expect,
        parts.fitting.fits,
        parts.looking.look,
        *parts.acting.activities,
        parts.calling.call,
    ]
    return Worker(
        client,
        task_queue=WORKFLOW_QUEUE,
        workflows=[JourneyRun],
        activities=asked,
        max_cached_workflows=remembered,
        workflow_task_poller_behavior=_POLLING,
        activity_task_poller_behavior=_POLLING,
        **common,
    )


def _calls(client: Client, parts: Parts, common: Mapping[str, Any]) -> Worker:
    return Worker(
        client,
        task_queue=CALLS_QUEUE,
        activities=[parts.calling.call],
        max_heartbeat_throttle_interval=HEARTBEAT,
        **common,
    )


def _watch(client: Client, parts: Parts, common: Mapping[str, Any]) -> Worker:
    return Worker(
        client,
        task_queue=WATCH_QUEUE,
        workflows=[
            *(WatchShards, EraseCustomer, Retain, RepeatMessage, RecomputeSums, ExportHours, Notify, ReadSource),
            *(AllocateChoices, SyncAudience, CompareAudience, TrainPrediction, ScorePrediction, WorkOut),
        ],
        activities=[
            parts.watch.watch,
            parts.erasing.purge,
            parts.erasing.certify,
            parts.retaining.retain,
            parts.folding.nightly,
            parts.rewarding.hourly,
            parts.notifying.notify,
            parts.sourcing.read,
            parts.audiences.sync,
            parts.audiences.compare,
            parts.exporting.due,
            parts.exporting.hour,
            parts.rounds.work_out,
        ],
        **common,
    )


def _campaigns(client: Client, parts: Parts, common: Mapping[str, Any]) -> Worker:
    """A few parts at once: each has many messages under way."""
    return Worker(
        client,
        task_queue=CAMPAIGN_QUEUE,
        workflows=[Campaign, CampaignAgain],
        activities=[parts.campaigns.look, parts.campaigns.work, parts.campaigns.again],
        max_concurrent_activities=_PARTS,
        max_heartbeat_throttle_interval=HEARTBEAT,
        **common,
    )


def _delivery(client: Client, parts: Parts, channel: Channel, carriers: Carriers, common: Mapping[str, Any]) -> Worker:
    """Messages beyond the carriers' connections wait in Temporal's queue, where waiting costs nothing and no timeout runs.

    A claimed message is not cut short by the grace (activities.deliver.patience): its hand-over ends first.
    """
    return Worker(
        client,
        task_queue=delivery_queue(channel),
        activities=[parts.delivery.deliver],
        max_concurrent_activities=carriers.connections,
        max_heartbeat_throttle_interval=HEARTBEAT,
        activity_task_poller_behavior=_POLLING,
        **common,
    )


def deployment(build: str) -> WorkerDeploymentConfig | None:
    """A release as Temporal routes it: runs go to the current one with their next task, whichever they began with.

    Pinned to a release, a run of nine months would keep its workers alive as long; what it began with is in its archive.
    """
    if not build:
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(deployment_name=DEPLOYMENT, build_id=build),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )


@asynccontextmanager
async def serving(group: Sequence[Worker]) -> AsyncIterator[None]:
    """Run workers side by side, and stop them side by side, so that their graces do not add up."""
    async with asyncio.TaskGroup() as tasks:
        for worker in group:
            tasks.create_task(worker.run())
        try:
            yield
        finally:
            await asyncio.gather(*(worker.shutdown() for worker in group))


async def take_up_versions(library: Library) -> None:
    """Hold what others began with; and let the other workers hold what this one is about to hand out.

    Raises:
        DeployKeyMissing: the worker's own version has not been deployed, and it may not do that.
    """
    new = await library.deploy()
    await library.refresh()
    if new and len(list(library.held)) > 1:
        await asyncio.sleep(2 * REFRESH.total_seconds())


async def tell_who_cannot_go_on(client: Client, library: Library) -> None:
    """Log a warning for open runs that this worker's engine does not replay: some of them, which is enough to know."""
    try:
        histories = await fetched(client, _SAMPLE)
        for wrong in unfit(await as_begun(library, histories)):
            told = {"journey": wrong.journey, "where": wrong.step, "why": wrong.cause, "of": len(histories)}
            log.warning("open runs cannot go on in this worker", runs=wrong.runs, example=wrong.example, **told)
        for sentence in await unable(library, await in_use(library.database)):
            log.warning("people in an older version cannot go on in this worker", why=sentence)
    except RPCError as error:
        log.warning("nobody looked whether open runs can go on in this worker", status=error.status.name)


async def tell_who_is_missing(database: Database, missing: Mapping[str, str]) -> None:
    """Keep it where operators see whom this worker does not use, as long as it runs: `journeys providers`, `/v1/providers`."""
    worker = f"{gethostname()}:{getpid()}"
    while missing:
        with suppress(*AWAY):
            for provider, setting in missing.items():
                why = f"{setting} is not set, though JOURNEYS_PROVIDER_WEIGHTS names it"
                await stop(database, provider, worker, _MISSING, why)
        await asyncio.sleep(_MISSING.total_seconds())


@contextmanager
def _beside(work: Coroutine[Any, Any, None]) -> Iterator[None]:
    """Do something for as long as the block lasts."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()


async def tell_what_stands_still(database: Database, catalogue: Catalogue) -> None:
    """Log a warning for each journey whose entry segment nobody has defined, and each definition that cannot be read."""
    for concern in (await all_segments(database, catalogue.segments)).concerns(catalogue.entries):
        log.warning(concern.kind, segment=concern.segment, problem=concern.sentence)


async def keep_schedules(
    client: Client, settings: Settings, sources: Mapping[str, timedelta], audiences: Mapping[str, timedelta]
) -> None:
    """Make sure that what has to be done once a day is, each hour, and as often as these sources and audiences say."""
    for audience, every in audiences.items():
        lacking = "no schedule compares an audience"
        await keep_schedule(client, f"compare-audience/{audience}", CompareAudience.run, audience, every=every, lacking=lacking)
    for source, every in sources.items():
        lacking = "no schedule reads a source"
        await keep_schedule(client, f"source/{source}", ReadSource.run, source, every=every, lacking=lacking)
    await keep_schedule(client, "retention", Retain.run, lacking="no schedule takes away what was kept for long enough")
    night = timedelta(hours=2)
    await keep_schedule(client, "recompute-sums", RecomputeSums.run, lacking="no schedule adds the last days up anew", at=night)
    hourly = timedelta(hours=1)
    await keep_schedule(
        client, "allocate-choices", AllocateChoices.run, lacking="no schedule learns what choices bring", every=hourly
    )
    if settings.export_bucket:
        lag = settings.export_lag
        await keep_schedule(
            client, "export-hours", ExportHours.run, lacking="no schedule fills the bucket", every=hourly, at=lag
        )


async def keep_predicting(client: Client, declared: Mapping[str, Declared], gone: Collection[str]) -> bool:
    """Make sure that predictions are trained and scored as often as they say, and those that are gone no more."""
    done = [await drop_schedule(client, f"predict/{name}/{what}") for name in sorted(gone) for what in ("train", "score")]
    for name, each in declared.items():
        for what, run, every, without in (
            ("train", TrainPrediction.run, each.retrain, "no schedule trains a prediction"),
            ("score", ScorePrediction.run, each.score, "no schedule scores customers"),
        ):
            done.append(await keep_schedule(client, f"predict/{name}/{what}", run, name, every=every, lacking=without))
    return all(done)


async def keep_rounds(client: Client, declared: Mapping[str, timedelta]) -> None:
    """Make sure that what is worked out of products is so as often as it says."""
    for name, every in declared.items():
        await keep_schedule(client, f"products/{name}", WorkOut.run, name, every=every, lacking="no schedule looks at products")


async def keep_watch(client: Client, shards: int) -> None:
    """Make sure that one watch runs per shard; harmless when they run already."""
    for shard in range(shards):
        await client.start_workflow(
            WatchShards.run,
            WatchShard(shard=shard, shards=shards),
            id=f"watch/{shard}-of-{shards}",
            task_queue=WATCH_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary=f"who enters and who converts: shard {shard} of {shards}",
        )


async def until_told_to_stop() -> None:
    """Wait for SIGTERM or Ctrl-C."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
