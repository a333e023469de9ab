"""What models say of customers, as it is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from store.database import Connection
from store.named import queries

_SQL = queries("predictions")


@dataclass(frozen=True, slots=True)
class Told:
    """By what customers were scored.

    Attributes:
        prediction: Its name.
        version: Of the model.
        as_of: What had happened by then is what the scores know.
    """

    prediction: str
    version: int
    as_of: datetime


class Threshold(Protocol):
    """What `segments.leaves.crossed.Crossed` is."""

    @property
    def kind(self) -> str:
        """The type of its events."""

    @property
    def up(self) -> float:
        """A score from here on is over it."""

    @property
    def back(self) -> float:
        """One that was over it is so until it is below this."""


async def cross(
    connection: "Connection", threshold: Threshold, scores: Sequence[tuple[UUID, float]], told: Told, at: datetime
) -> int:
    """Say of who crossed a threshold, and only of them, that they did, inside the caller's transaction; returns how many."""
    await connection.execute(queries("ingest")["ensure_week"], at)
    ids, values = [who for who, _ in scores], [score for _, score in scores]
    by = told.version, told.as_of, at, f"prediction {told.prediction}"
    crossed: int = await connection.fetchval(_SQL["cross"], threshold.kind, ids, values, threshold.up, threshold.back, *by)
    return crossed
