"""`journeys models`: whoever waits where nobody trains is told so, and a customer is named as elsewhere."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from store import Database, predictions
from tests.command_line import in_thread
from tests.products.shop import people
from workers.cli.operating import models


@dataclass
class Row:
    """A prediction as it stands; nobody has trained it."""

    name: str = "churn"
    doing: str | None = None
    asked_at: int | None = None
    trained_at: int = 0
    scored_at: int = 0
    failed_at: int | None = None


@pytest.mark.parametrize(
    ("row", "other", "says"),
    [
        (Row(), None, "nobody trains right now. It takes a process that trains (journeys worker --train)"),
        (Row(), "fitting", "one is trained at a time, and other is before it (fitting)"),
        (Row(asked_at=1), None, "no worker has taken it up (journeys worker)"),
    ],
)
def test_who_waits_is_told_that_nobody_trains_and_how_one_is_started(
    row: Row, other: str | None, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    looks = iter([*[row] * 8, Row(doing="features"), *[row] * 3, Row(trained_at=1, scored_at=1)])

    async def found(_: Any, name: str | None = None) -> list[Row]:
        return [Row("other", other), row] if name is None else [next(looks)]

    monkeypatch.setattr(predictions, "found", found)
    monkeypatch.setattr(models, "with_database", lambda work: asyncio.run(work(None)))
    monkeypatch.setattr(models, "_LOOK", 0.02)
    monkeypatch.setattr(models, "_QUIET", 0.03)
    models._wait(Row())  # type: ignore[arg-type]
    out, told = capsys.readouterr()
    assert out == ""
    lines = [line for line in told.splitlines() if "churn has waited for 0 seconds: " in line]
    assert 1 <= len(lines) < 8, "not at every look"
    assert says in lines[0]
    assert "pip install 'journeys[predictions]'" in lines[0]


async def test_why_takes_a_customer_by_whatever_they_are_called(dsn: str, database: Database) -> None:
    given = {"database_url": dsn, "catalogue": "foretold_catalogue", "path": ("tests",)}
    (ana,) = await people(database, 1)
    await database.pool.execute(
        "insert into identity (profile_id, kind, value, created_at) values ($1, 'user_id', 'h-5', now())", ana
    )
    for arguments in (("h-5",), (str(ana),), ("h-5", "--by", "user_id"), (str(ana), "--by", "customer_id")):
        told = await in_thread("models", "why", *arguments, "--json", **given)
        assert (told.returncode, json.loads(told.stdout or "0")) == (0, []), told.stderr
    for arguments in (("h-6",), (str(UUID(int=7)),), (str(ana), "--by", "user_id")):
        told = await in_thread("models", "why", *arguments, **given)
        assert (told.returncode, told.stderr) == (1, "journeys: no such customer\n")
