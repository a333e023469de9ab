"""The process that trains models and scores customers by them: the task queue `train` and nothing else, on one thread.

Promise: it alone loads numpy and scikit-learn (`pip install "journeys[predictions]"`), and it takes no more memory and no more
cores than it may: a training that needs more fails, with a sentence, and nothing beside it is slower.
"""

import os
import resource
from collections.abc import Collection
from contextlib import AsyncExitStack
from importlib.util import find_spec

import structlog
from temporalio.client import Client
from temporalio.worker import Worker

from journeys.catalogue import Catalogue
from journeys.clock import Clock
from journeys.contracts import TRAIN_QUEUE
from store import Database, connect
from workers.definitions import load_definitions
from workers.settings import Settings
from workers.telemetry import set_up
from workers.temporal import connect_temporal
from workers.worker import GRACE, deployment, serving, until_told_to_stop

log = structlog.get_logger(__name__)

#: What the libraries below numpy read when they are loaded: two threads are ten times slower than one on a busy machine.
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
)
_MIB = 1024 * 1024
#: Connections: training and scoring need one, and what is told of them another.
_CONNECTIONS = 2


def missing() -> list[str]:
    """The libraries of the extra `predictions` that are not installed."""
    return [name for name in ("numpy", "scipy", "sklearn") if find_spec(name) is None]


def keep_to(memory: int) -> None:
    """One thread, and so many MiB of addresses; call it before anything of numpy is loaded."""
    os.environ.update(ONE_THREAD)
    if memory:
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        wanted = memory * _MIB
        limit = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        resource.setrlimit(resource.RLIMIT_AS, (limit, most))


async def run(settings: Settings) -> None:
    """Serve the queue `train` until SIGTERM or Ctrl-C."""
    runtime = set_up("journeys-trainer", settings)
    async with AsyncExitStack() as stack:
        database = await connect(settings.dsn, max_size=_CONNECTIONS)
        stack.push_async_callback(database.close)
        client = await connect_temporal(settings, runtime)
        catalogue, _ = load_definitions(settings.catalogue)
        await stack.enter_async_context(
            serving([trainer(client, database, catalogue, settings.clock, settings.build_id, settings.personal_traits)])
        )
        log.info("worker serves", queues=[TRAIN_QUEUE], predictions=sorted(catalogue.predictions))
        await until_told_to_stop()
        log.info("worker stops; what it was at begins anew elsewhere")


def trainer(
    client: Client, database: Database, catalogue: Catalogue, clock: Clock, build: str = "", own: Collection[str] = ()
) -> Worker:
    """The worker of the queue `train`: one training or scoring at a time; `own` names people here beside the usual."""
    from activities.predicting.scoring import Scoring  # these load numpy, which is confined by now
    from activities.predicting.training import Training

    training = Training(database, clock, catalogue.predictions, own)
    scoring = Scoring(database, clock, catalogue.predictions, catalogue.segments, catalogue.asks)
    return Worker(
        client,
        task_queue=TRAIN_QUEUE,
        activities=[training.train, scoring.score],
        max_concurrent_activities=1,
        graceful_shutdown_timeout=GRACE,
        deployment_config=deployment(build),
    )
