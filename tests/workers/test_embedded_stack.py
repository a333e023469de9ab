"""The whole stack as people use it: `journeys dev` comes up, keeps its data, ends cleanly, and leaves nothing behind."""

import asyncio
import contextlib
import os
import re
import secrets
import signal
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import asyncpg
import psutil
import pytest
from httpx import AsyncClient, BasicAuth
from pydantic import SecretStr
from temporalio.client import Client

from workers.embedded.errors import SettingUnusable
from workers.embedded.parts import Program
from workers.embedded.stack import EmbeddedStack
from workers.embedded.vault import Keys, Secrets, secrets_in
from workers.settings import Settings

EVENT = {"type": "track", "event": "Product Added", "userId": "u1", "messageId": "m1"}
UP = "Ctrl-C stops everything"
REAL, OWN = secrets.token_hex(), secrets.token_hex()


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedStack]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("stack"), whatsapp_app_secret=SecretStr(REAL), secret=SecretStr(OWN))
    async with EmbeddedStack(settings, workers=2, usual_ports=False) as stack:
        yield stack


async def track(stack: EmbeddedStack, message_id: str) -> int:
    async with AsyncClient(base_url=stack.api_url, auth=BasicAuth(stack.keys.ingest, "")) as client:
        answer = await client.post("/v1/track", json=EVENT | {"messageId": message_id})
    return answer.status_code


async def stored(stack: EmbeddedStack, message_id: str) -> int:
    connection = await asyncpg.connect(stack.dsn)
    try:
        count: int = await connection.fetchval("select count(*) from event where message_id = $1", message_id)
    finally:
        await connection.close()
    return count


async def test_gov_14_every_address_answers(stack: EmbeddedStack) -> None:
    async with AsyncClient() as client:
        for url in (f"{stack.api_url}/docs", stack.ui_url, stack.sandbox_url, *stack.metrics_urls.values()):
            assert (await client.get(url, follow_redirects=True)).status_code == 200, url
    assert (await Client.connect(stack.temporal_address)).namespace == "default"


async def test_the_ingest_key_opens_ingest(stack: EmbeddedStack) -> None:
    assert await track(stack, "opens") == 200
    assert await stored(stack, "opens") == 1


@pytest.mark.slow
@pytest.mark.parametrize("part", ["postgres", "temporal", "worker-1"])
async def test_a_part_can_be_killed_and_started_again_at_the_same_address(stack: EmbeddedStack, part: str) -> None:
    before = (stack.dsn, stack.temporal_address)
    await stack.kill_part(part)
    assert stack.parts[part].child is None
    await stack.start_part(part)
    child = stack.parts[part].child
    assert child is not None
    assert child.running
    assert (stack.dsn, stack.temporal_address) == before
    async with asyncio.timeout(20):
        while await track(stack, f"after {part}") != 200:  # noqa: ASYNC110 - we wait for another process
            await asyncio.sleep(0.2)


async def test_pro_16_a_report_of_the_api_moves_by_itself_within_seconds_of_what_happened(stack: EmbeddedStack) -> None:
    """A message is sent by the stack's own workers; nobody but they add up, and the report is asked until it says so."""
    device = {"device": {"token": "t-16", "type": "android"}}
    yes = {"messaging_subscriptions": [{"key": "t-16", "type": "ANDROID_PUSH", "status": "SUBSCRIBED"}]}
    message = {"channel": "push", "template": "cart-waiting", "quiet_hours": None}
    async with AsyncClient(base_url=stack.api_url, timeout=30) as client:
        ingest, operate = BasicAuth(stack.keys.ingest, ""), BasicAuth(stack.keys.operate, "")

        async def sent() -> int:
            made = (await client.get("/v1/reports/messages", auth=operate)).json()
            return sum(row["sent"] or 0 for row in made["tables"][0]["rows"])

        before = await sent()
        told = {"userId": "u-16", "traits": {"firstName": "Ana"}, "context": device | yes}
        assert (await client.post("/v1/identify", json=told, auth=ingest)).status_code == 200
        body = {"customers": [{"value": "u-16"}]}
        assert (await client.put("/v1/lists/sixteen/members", json=body, auth=operate)).status_code == 200
        news = {"name": "now", "to": {"list": "sixteen"}, "message": message}
        made = await client.post("/v1/campaigns", json=news, auth=operate)
        assert made.status_code == 201, made.text
        began = time.monotonic()
        async with asyncio.timeout(60):
            while await sent() == before:  # noqa: ASYNC110 - we wait for other processes
                await asyncio.sleep(0.2)
        assert await sent() == before + 1
    print(f"a message, from its campaign's call to a report that counts it: {time.monotonic() - began:.1f} s")  # noqa: T201


def test_secrets_do_not_show_when_a_stack_is_printed(stack: EmbeddedStack) -> None:
    assert stack.keys.operate not in repr(stack)
    assert stack.dsn.split(":")[2].split("@")[0] not in repr(stack)
    assert "SECRET" not in repr(stack.parts)


def test_no_secret_stands_on_a_command_line_and_files_with_one_are_their_owner_s_alone(stack: EmbeddedStack) -> None:
    """A20: whoever may list processes reads every command line; every secret that the stack knows is looked for."""
    api = stack.parts["api"]
    assert isinstance(api, Program)
    told = [value for name, value in api.environment.items() if re.search(r"SECRET|TOKEN|KEY|PASSWORD", name)]
    directory = stack.settings.data_dir
    password = (directory / "postgres" / "password").read_text()
    kept = [*vars_of(stack.keys), *vars_of(secrets_in(directory)), stack.identity_secret, password]
    known = {secret for secret in (*told, *kept, REAL, OWN) if len(secret) > 8}
    assert {REAL, OWN, password, stack.keys.client} <= known
    family = [psutil.Process(), *psutil.Process().children(recursive=True)]
    lines = [" ".join(process.cmdline()) for process in family if process.is_running()]
    assert len([line for line in lines if "workers" in line]) >= 4
    assert [line for line in lines if any(secret in line for secret in known)] == []
    for path in directory.rglob("*"):
        if (
            path.is_file()
            and "data" not in path.relative_to(directory).parts
            and any(s in path.read_text("latin-1") for s in known)
        ):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def vars_of(record: Keys | Secrets) -> list[str]:
    return list(asdict(record).values())


async def test_configured_servers_are_used_instead_of_embedded_ones(
    empty_dsn: str, temporal_address: str, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path, database_url=empty_dsn, temporal_address=temporal_address)
    async with EmbeddedStack(settings, workers=0, usual_ports=False) as stack:
        assert set(stack.parts) == {"sandbox", "api", "trainer"}
        assert (stack.dsn, stack.temporal_address) == (empty_dsn, temporal_address)
        assert await track(stack, "elsewhere") == 200


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("database_url", "postgresql://u:hidden@127.0.0.1:9/d", r"^JOURNEYS_DATABASE_URL: no Postgres at 127.0.0.1:9/d \("),
        ("database_url", "mysql://u:hidden@h/d", r"^JOURNEYS_DATABASE_URL is not an address like postgresql://user"),
        ("database_url", "postgresql://u:hidden@h:port/d", r"^JOURNEYS_DATABASE_URL is not an address like postgresql://"),
        ("temporal_address", "127.0.0.1:9", r"^JOURNEYS_TEMPORAL_ADDRESS=127.0.0.1:9: no Temporal server there \("),
    ],
)
async def test_an_unusable_setting_is_told_before_anything_starts(
    setting: str, value: str, sentence: str, tmp_path: Path
) -> None:
    stack = EmbeddedStack(Settings(data_dir=tmp_path / "data", **{setting: value}))
    with pytest.raises(SettingUnusable, match=sentence) as told:
        await stack.start()
    assert "hidden" not in str(told.value)
    assert not (tmp_path / "data").exists()


async def test_a_missing_namespace_is_told_by_its_setting(temporal_address: str, tmp_path: Path) -> None:
    stack = EmbeddedStack(Settings(data_dir=tmp_path, temporal_address=temporal_address, temporal_namespace="shop"))
    with pytest.raises(SettingUnusable, match=r"^JOURNEYS_TEMPORAL_NAMESPACE=shop: .* has no such namespace"):
        await stack.start()


@dataclass
class Dev:
    """A `journeys dev` that runs."""

    process: subprocess.Popen[str]
    screen: Path

    def wait_for(self, words: str) -> str:
        deadline = time.monotonic() + 60
        while words not in self.screen.read_text():
            assert self.process.poll() is None, self.screen.read_text()
            assert time.monotonic() < deadline, self.screen.read_text()
            time.sleep(0.05)
        return self.screen.read_text()

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)


@contextlib.contextmanager
def dev(data: Path, *arguments: str) -> Iterator[Dev]:
    screen = data.with_suffix(".screen")
    command = [sys.executable, "-m", "workers.cli.main", "dev", "--free-ports", "--data-dir", str(data), *arguments]
    environment = {**os.environ, "COLUMNS": "200"}
    with screen.open("w") as out, subprocess.Popen(command, stdout=out, stderr=out, text=True, env=environment) as process:
        try:
            yield Dev(process, screen)
        finally:
            process.kill()


@pytest.mark.slow
def test_dev_comes_up_restarts_what_dies_refuses_a_second_and_leaves_nothing_when_killed(tmp_path: Path) -> None:
    with dev(tmp_path / "data") as running:
        screen = running.wait_for(UP)
        family = running.family()
        worker = next(process for process in family if process.cmdline()[-1] == "worker")
        worker.kill()
        running.wait_for("ended unexpectedly (exit code -9); starting it again")
        with dev(tmp_path / "data") as second:
            assert second.process.wait(30) == 1
        running.process.kill()
    assert re.search(r"journeys: another stack \(process \d+\) uses", second.screen.read_text())
    assert "Traceback" not in second.screen.read_text()
    _, left = psutil.wait_procs(family, timeout=30)
    assert left == []
    keys = re.findall(r"jk_\w+_\S+", screen)
    assert len(keys) == 3
    # The next start waits until the reaper is done, and finds everything as it was.
    with dev(tmp_path / "data") as again:
        assert re.findall(r"jk_\w+_\S+", again.wait_for(UP)) == keys
        time.sleep(2)  # as a person would look at it
        ends_cleanly(again, tmp_path / "data", signal.SIGTERM, signal.SIGINT)
    assert again.screen.read_text().rstrip().endswith("Stopped.")


@pytest.mark.slow
def test_ctrl_c_ends_it_cleanly_also_while_it_starts(tmp_path: Path) -> None:
    with dev(tmp_path / "data") as running:
        running.wait_for("✓ Postgres")
        ends_cleanly(running, tmp_path / "data", signal.SIGINT, signal.SIGINT)


def ends_cleanly(running: Dev, data: Path, *signals: signal.Signals) -> None:
    """Who asks twice does not cut short how it ends."""
    family = running.family()
    for asked in signals:
        running.process.send_signal(asked)
    assert running.process.wait(60) == 0
    _, left = psutil.wait_procs(family, timeout=5)
    assert left == []
    assert "Traceback" not in running.screen.read_text()
    assert "database system is shut down" in (data / "logs/postgres.log").read_text().splitlines()[-1]
