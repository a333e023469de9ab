"""`journeys runs`: which runs cannot go on, and why (FAULTS E5)."""

import json
from datetime import UTC, datetime
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from rich.console import Console

from store import Database
from tests.command_line import in_thread
from workers.cli.run_tables import RunTold, listed

CUSTOMER, RUN = UUID(int=1), UUID(int=2)
T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
async def failing(database: Database) -> Database:
    await database.pool.execute("insert into profile (id, created_at, updated_at) values ($1, now(), now())", CUSTOMER)
    await database.pool.execute(
        "insert into run (id, journey, profile_id, entered_by, entered_at, workflow_id, created_at, started_at, failing_since,"
        " failure) values ($1, 'welcome', $2, 'api', now(), 'w', now(), now(), now(), 'KeyError at shop/welcome.py:12')",
        RUN,
        CUSTOMER,
    )
    return database


@pytest.mark.usefixtures("failing")
async def test_failing_runs_with_the_place_of_their_error(dsn: str) -> None:
    shown = await in_thread("runs", "--status", "failing", database_url=dsn)
    assert shown.returncode == 0, shown.stderr
    assert "KeyError at shop/welcome.py:12" in shown.stdout
    assert "go on when code is deployed" in shown.stdout
    found: list[dict[str, Any]] = json.loads((await in_thread("runs", "welcome", "--json", database_url=dsn)).stdout)
    assert [(run["id"], run["status"], run["failure"]) for run in found] == [
        (str(RUN), "failing", "KeyError at shop/welcome.py:12")
    ]
    assert (await in_thread("runs", "--status", "ended", database_url=dsn)).stdout == "no such runs\n"
    wrong = await in_thread("runs", "--status", "broken", database_url=dsn)
    assert (wrong.returncode, "choose one of open, failing, ended" in wrong.stderr) == (1, True)


def test_the_id_of_a_run_is_whole_on_a_narrow_terminal() -> None:
    run = RunTold(uuid4(), "cart_abandonment", uuid4(), "failing", "KeyError at shop/welcome.py:12", None, T0, None)
    screen = Console(width=80, record=True, file=StringIO())
    for part in listed([run]):
        screen.print(part)
    assert str(run.id) in screen.export_text()
    assert "…" not in screen.export_text()


@pytest.mark.usefixtures("failing")
async def test_a_misspelt_journey_is_no_empty_list(dsn: str) -> None:
    wrong = await in_thread("runs", "wellcome", database_url=dsn)
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "no journey 'wellcome', and no run of one; the catalogue has: cart_abandonment, cart_discount" in wrong.stderr
    left = await in_thread("runs", "welcome", "--status", "ended", database_url=dsn)  # not in the catalogue any more
    assert (left.returncode, left.stdout) == (0, "no such runs\n")
