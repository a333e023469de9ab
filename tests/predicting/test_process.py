"""The process that trains: on one thread, within its memory, killed at work without harm; nobody else needs its libraries."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import DEVNULL, run

import psutil
import pytest
from predicting.conftest import CATALOGUE, Planted, opened

from store import Database, predictions
from tests.command_line import freshly, in_thread
from workers.settings import Settings
from workers.training.process import ONE_THREAD

CODE = "import sys; from workers.cli.main import main; sys.argv[1:] = ['worker', '--train']; main()"


@asynccontextmanager
async def trains(planted: Planted, memory: int = 6144) -> AsyncIterator[psutil.Process]:
    """A process of the command's, on the shop's servers."""
    told = planted.shop.settings
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{Path.cwd()}:{Path.cwd() / 'tests'}",
        "JOURNEYS_DATABASE_URL": told.dsn,
        "JOURNEYS_TEMPORAL_ADDRESS": str(told.temporal_address),
        "JOURNEYS_TEMPORAL_NAMESPACE": told.temporal_namespace,
        "JOURNEYS_CATALOGUE": CATALOGUE,
        "JOURNEYS_TRAIN_MEMORY": str(memory),
        "JOURNEYS_SECRET": "8f1d2c3b4a5968778695a4b3c2d1e0f9",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-c", CODE, env=environment, stdout=DEVNULL, stderr=DEVNULL
    )
    try:
        yield psutil.Process(process.pid)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.fixture
async def alone(database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> AsyncIterator[Planted]:
    """The shop with its workers, and nobody who trains."""
    async with opened(database, dsn, temporal_address, tmp_path) as found:
        yield found


async def until(planted: Planted, **wanted: object) -> None:
    async with asyncio.timeout(120):
        while True:
            stands = await planted.stands()
            if all(getattr(stands, name) == value for name, value in wanted.items()):
                return
            await asyncio.sleep(0.1)


async def test_a_trainer_that_is_killed_leaves_the_champion_and_the_next_one_ends_it(alone: Planted) -> None:
    """A real process, killed while it fits, and while it writes scores: what scores is the former champion, or the new one."""
    await alone.people(600)
    await alone.pass_until(0)
    async with trains(alone) as process:
        training = asyncio.create_task(alone.train())
        await until(alone, champion=1)
        assert "it is champion" in await training
        loaded = {Path(each.path).name for each in process.memory_maps()}
        assert any("_multiarray_umath" in name for name in loaded), "it has numpy"
        assert process.environ()["JOURNEYS_CATALOGUE"] == CATALOGUE
        assert process.rlimit(psutil.RLIMIT_AS)[0] == 6144 * 1024 * 1024
    before = await alone.scores()
    await alone.pass_until(7)
    training = asyncio.create_task(alone.train())
    async with trains(alone) as process:
        async with asyncio.timeout(60):
            while not (await alone.stands()).doing:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    assert (await alone.stands()).champion == 1
    assert await alone.scores() == before
    async with trains(alone):
        async with asyncio.timeout(240):
            told = await training
    kept = await predictions.models(alone.database, "churn")
    assert [each.version for each in kept] == [2, 1], told
    scores = await alone.scores()
    assert {who for who, score in scores.items() if score >= 0.7} <= await alone.over()


def test_nobody_else_loads_its_libraries_and_it_keeps_to_one_thread() -> None:
    looked = (
        "import sys, segments.ask.foretold, workers.worker, workers.serve, workers.cli.main, workers.training.process;"
        "assert not {'numpy', 'scipy', 'sklearn'} & set(sys.modules), 'somebody loads them';"
        "workers.training.process.keep_to(4096);"
        "import activities.predicting.scoring, threading, os;"
        "from threadpoolctl import threadpool_info;"
        "import numpy; numpy.ones((500, 500)) @ numpy.ones((500, 500));"
        "print({each['num_threads'] for each in threadpool_info()})"
    )
    untold = {name: value for name, value in os.environ.items() if name not in ONE_THREAD}
    told = run([sys.executable, "-c", looked], env=untold, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "{1}"


def test_more_memory_than_it_may_have_it_does_not_get() -> None:
    looked = (
        "from workers.training.process import keep_to; keep_to(4096); import numpy\n"
        "try: numpy.ones(10**9)\n"
        "except MemoryError: print('no')"
    )
    assert run([sys.executable, "-c", looked], capture_output=True, text=True, check=True).stdout.strip() == "no"


async def test_the_queue_has_a_process_of_its_own(dsn: str) -> None:
    given = {"database_url": dsn, "temporal_address": "127.0.0.1:1", "secret": "8f1d2c3b4a5968778695a4b3c2d1e0f9"}
    done = await in_thread("worker", **given, worker_queues="train,watch")
    assert (done.returncode, "train has a process of its own" in done.stderr) == (1, True), done.stderr


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    """As where numpy is not installed: a finder that finds none of it stands before all others."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, importlib.util as u\n"
        "find = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name in ('numpy', 'scipy', 'sklearn') else find(name, *a)\n"
    )
    given = {"database_url": "postgresql://x", "temporal_address": "127.0.0.1:1", "secret": "8f1d2c3b4a5968778695a4b3c2d1e0f9"}
    done = freshly("worker", "--train", path=(str(tmp_path),), **given)
    assert done.returncode == 1
    assert "pip install 'journeys[predictions]'" in done.stderr


def test_memory_is_a_setting() -> None:
    assert Settings(_env_file=None).train_memory == 6144
