"""The embedded Temporal server keeps its runs over a restart, and has what operators filter by."""

import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from httpx import AsyncClient
from temporalio.client import Client

from workers.embedded.errors import ServerFailed
from workers.embedded.ports import LOCALHOST
from workers.embedded.processes import Children
from workers.embedded.temporal import EmbeddedTemporal
from workers.settings import Settings
from workers.worker import keep_schedules


@pytest.fixture
def children() -> Iterator[Children]:
    with Children() as children:
        yield children


async def test_runs_survive_a_stop_and_a_kill_and_ports_are_chosen_free(children: Children, tmp_path: Path) -> None:
    with socket.create_server((LOCALHOST, 0)) as one, socket.create_server((LOCALHOST, 0)) as two:
        taken = [one.getsockname()[1], two.getsockname()[1]]
        server = EmbeddedTemporal(
            tmp_path / "log", children, tmp_path / "state.db", preferred_port=taken[0], preferred_ui_port=taken[1]
        )
        server.start()
    address = server.address
    assert server.port not in taken
    assert server.ui_port not in taken
    assert (await AsyncClient().get(server.ui_url)).status_code == 200
    run = await (await Client.connect(address)).start_workflow("sleeper", id=str(uuid4()), task_queue="nobody")
    for end in (server.stop, server.kill):
        end()
        server.start()
        assert server.address == address
        description = await (await Client.connect(address)).get_workflow_handle(run.id).describe()
        assert description.run_id == run.result_run_id


def test_a_server_that_cannot_start_is_told_with_its_own_words(children: Children, tmp_path: Path) -> None:
    server = EmbeddedTemporal(tmp_path / "log", children, preferred_port=0, preferred_ui_port=None)
    server.dynamic = {"nonsense": "{not json"}
    with pytest.raises(ServerFailed, match=r"Temporal did not start.*nonsense"):
        server.start()


async def test_schedules_are_made_once_whoever_serves(children: Children, tmp_path: Path) -> None:
    server = EmbeddedTemporal(tmp_path / "log", children, preferred_port=0, preferred_ui_port=None)
    server.start()
    client = await Client.connect(server.address)
    for _ in range(2):  # two workers
        await keep_schedules(client, Settings(export_bucket="file:///exports"), {"loyalty": timedelta(hours=6)}, {})
    schedules = {"retention": 24, "recompute-sums": 24, "allocate-choices": 1, "export-hours": 1, "source/loyalty": 6}
    for name, hours in schedules.items():
        told = await client.get_schedule_handle(name).describe()
        assert [each.every for each in told.schedule.spec.intervals] == [timedelta(hours=hours)]
