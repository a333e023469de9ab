"""`journeys models train --wait` where nobody trains: it says so, for how long, and what would help; also into a pipe."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from store import predictions
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
