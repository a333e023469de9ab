"""The client that `journeys client` writes: what mypy says of it, that it has every call, and what it does on a real server."""

import asyncio
import importlib
import sys
import zipfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from mypy import api as mypy

from api import ApiConfig, create_app
from journeys.catalogue import load
from store import Database
from store.keys import Grant, Role, put_key
from tests.api.server import serving
from tests.command_line import in_thread, journeys
from workers.client.package import NoPackage, files
from workers.serve import api_config
from workers.testing.shop import Shop, open_shop

HERE = Path(__file__).parent
TESTS = str(HERE.parents[1])
NAME = "trial_client"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of the trial catalogue's deployment, written by the command."""
    made = tmp_path_factory.mktemp("clients") / "client"
    done = journeys("client", "--out", str(made), "--package", NAME, catalogue="trial_catalogue", path=[TESTS])
    assert done.returncode == 0, done.stderr
    return made


@pytest.fixture(scope="module")
def flows(folder: Path) -> Iterator[ModuleType]:
    """What is done with it."""
    sys.path[:0] = [str(folder), str(HERE)]
    yield importlib.import_module("flows")
    sys.path.remove(str(folder))
    sys.path.remove(str(HERE))


@pytest.fixture
async def trial(database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(database, dsn, temporal_address, tmp_path, catalogue="trial_catalogue") as opened:
        yield opened


@pytest.fixture
async def url(trial: Shop, pooled_for_api: Database) -> AsyncIterator[str]:
    config = api_config(trial.settings, trial.parts.catalogue.journeys, trial.parts.catalogue.segments)
    config = replace(config, clock=trial.clock, preview=trial_preview(trial))
    async with serving(config, pooled_for_api) as address:
        yield address


def trial_preview(trial: Shop) -> Any:
    from functools import partial

    from workers.definitions import previews_of

    return partial(previews_of(trial.parts.catalogue, trial.parts.library.own.templates, "http://shop.test"), trial.clock)


def test_it_is_strictly_typed_and_what_is_wrong_is_seen_before_it_is_sent(folder: Path, tmp_path: Path) -> None:
    checked = [str(folder / NAME), str(HERE / "flows.py"), str(HERE / "wrong.py")]
    config = tmp_path / "mypy.ini"
    config.write_text(f"[mypy]\nstrict = true\nmypy_path = {folder}\ncache_dir = {tmp_path / 'cache'}\n")
    told, broken, _ = mypy.run([*checked, f"--config-file={config}", "--no-error-summary"])
    assert not broken
    assert [(Path(line.split(":")[0]).name, line.rsplit("[", 1)[1]) for line in told.splitlines() if ": error:" in line] == [
        ("wrong.py", "call-arg]"),
        ("wrong.py", "arg-type]"),
        ("wrong.py", "call-arg]"),
        ("wrong.py", "attr-defined]"),
    ], told


def test_every_call_of_the_description_has_a_method_in_both(flows: ModuleType) -> None:
    client: Any = importlib.import_module(f"{NAME}.client")
    document = create_app(ApiConfig(dsn="")).openapi()
    said = {f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item}
    assert set(client.OPERATIONS.values()) == said
    assert len(said) > 130
    for name in client.OPERATIONS:
        assert callable(getattr(client.Journeys, name))
        assert callable(getattr(client.AsyncJourneys, name))


def test_every_operation_has_a_name_of_its_own_that_python_can_write() -> None:
    document = create_app(ApiConfig(dsn="", catalogue=load("definitions").journeys)).openapi()
    ids = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(ids) == len(set(ids))
    assert all(each.isidentifier() and each.islower() for each in ids)


async def test_gov_13_the_main_flows_on_a_real_server(trial: Shop, url: str, flows: Any) -> None:
    package: Any = importlib.import_module(NAME)
    with package.Journeys(url, trial.ingest_key) as ingest, package.Journeys(url, trial.operate_key) as client:
        told = await asyncio.to_thread(flows.tell, ingest, ["ana", "bea"])
        assert (told.accepted, told.dead_letters) == (4, 0)
        await trial.look()
        run = await asyncio.to_thread(flows.start, client)
        await trial.look()
        profile = await asyncio.to_thread(flows.look, client, run)
        assert {each.trait: each.value for each in profile.traits}["tier"] == "gold"
        assert (await asyncio.to_thread(flows.define, client)).english == 'tier is "gold"'
        assert (await asyncio.to_thread(flows.campaign, client)).state == "cancelled"
        await asyncio.to_thread(client.start_run, "asks_the_team", package.models.StartRun(customer={"user_id": "ana"}))
        await trial.look()
        for _ in range(100):
            if (await asyncio.to_thread(client.list_tasks)).tasks:
                break
            await asyncio.sleep(0.1)
        assert (await asyncio.to_thread(flows.tasks, client)).outcome == "sold"
        assert (await asyncio.to_thread(flows.report, client)).name == "messages"
        await asyncio.to_thread(flows.files, client)
        async with package.AsyncJourneys(url, trial.operate_key) as awaited:
            assert run in await flows.meanwhile(awaited)


async def test_a_running_deployment_is_asked_for_its_own_description(url: str, folder: Path, tmp_path: Path) -> None:
    done = await in_thread("client", "--out", str(tmp_path / "asked"), "--package", NAME, "--from", url)
    assert done.returncode == 0, done.stderr
    for name in ("client.py", "models.py", "runtime.py"):
        assert (tmp_path / "asked" / NAME / name).read_text() == (folder / NAME / name).read_text()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    refused = await in_thread("client", "--out", str(tmp_path / "mine"), "--from", url)
    assert (refused.returncode, "thesis.txt" in refused.stderr) == (1, True)
    nobody = await in_thread("client", "--out", str(tmp_path / "none"), "--from", "http://127.0.0.1:1")
    assert (nobody.returncode, "is it the API's address?" in nobody.stderr) == (1, True)


def test_it_is_a_package_that_can_be_built(folder: Path, tmp_path: Path) -> None:
    import subprocess

    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(tmp_path),
        str(folder),
    ]
    subprocess.run(command, check=True, capture_output=True, text=True)
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as inside:
        assert {f"{NAME}/{each}" for each in ("py.typed", "client.py", "models.py", "runtime.py", "__init__.py")} <= set(
            inside.namelist()
        )


async def test_a_key_with_a_limit_is_waited_for_and_nothing_is_asked_too_often(
    dsn: str,
    keyed_for_a_minute: Database,
    flows: Any,
) -> None:
    package: Any = importlib.import_module(NAME)
    async with serving(ApiConfig(dsn=dsn), keyed_for_a_minute) as url:
        async with package.AsyncJourneys(url, "jk_limited") as patient:
            assert [(await patient.my_key()).name for _ in range(61)] == ["limited"] * 61
        async with package.AsyncJourneys(url, "jk_limited", retries=package.Retries(tries=1)) as impatient:
            with pytest.raises(package.TooManyRequests) as told:
                await asyncio.gather(*(impatient.my_key() for _ in range(61)))
        assert told.value.retry_after >= 1
        async with package.AsyncJourneys(url, "jk_unknown") as stranger:
            with pytest.raises(package.Unauthorized):
                await stranger.my_key()


@pytest.fixture
async def keyed_for_a_minute(pooled_for_api: Database, database: Database) -> Database:
    await put_key(database.pool, "limited", Grant(Role.READ, per_minute=60), "jk_limited")
    return pooled_for_api


async def test_a_store_that_is_away_is_tried_again_and_told(flows: Any) -> None:
    package: Any = importlib.import_module(NAME)
    twice = package.Retries(tries=2, longest=5)
    async with (
        serving(ApiConfig(dsn="postgresql://nobody@127.0.0.1:1/none")) as url,
        package.AsyncJourneys(url, "jk_x", retries=twice) as client,
    ):
        with pytest.raises(package.Unavailable) as told:
            await client.list_journeys()
    assert (told.value.code, told.value.retry_after) == ("store-unavailable", 2.0)


async def test_what_may_have_had_an_effect_is_sent_again_only_where_it_is_taken_once(flows: Any) -> None:
    package: Any = importlib.import_module(NAME)
    asked: list[bytes] = []

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    models = package.models
    async with server, package.AsyncJourneys(address, "jk_x", retries=package.Retries(tries=3, first=0.01)) as client:
        with pytest.raises(package.Unreachable):
            await client.announce_members("vips")
        assert len(asked) == 1
        asked.clear()
        with pytest.raises(package.Unreachable):
            await client.start_run("nps", models.StartRun(customer=models.Customer(user_id="ana")))
        keys = {line for each in asked for line in each.split(b"\r\n") if line.lower().startswith(b"idempotency-key")}
        assert (len(asked), len(keys)) == (3, 1)
        asked.clear()
        with pytest.raises(package.Unreachable):
            await client.list_journeys()
        assert len(asked) == 3
    nobody = package.Journeys("http://127.0.0.1:1", "jk_x", retries=package.Retries(tries=2, first=0.01))
    with nobody, pytest.raises(package.Unreachable):
        nobody.announce_members("vips")


def test_a_name_that_is_no_package_is_refused() -> None:
    with pytest.raises(NoPackage, match="no name of a package"):
        files(create_app(ApiConfig(dsn="")).openapi(), "my-client")
