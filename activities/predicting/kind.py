"""What the rounds of training and scoring ask of a kind of prediction; each kind is one module that answers it.

Promise: a kind reads and fits, and writes nothing: what it made is kept by the round, whole, as is what it says of customers.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segments.ask import known
from segments.ask.known import Table
from segments.errors import DefinitionError
from segments.models.stored import Kept, Model
from segments.models.training import Cut
from segments.predictions.declared import Declared
from store import Connection, Database
from store.predictions import Champion

Floats = NDArray[np.float64]
Chosen = NDArray[np.bool_]
Labels = NDArray[np.object_]
Columns = Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class Made:
    """A model that was trained.

    Attributes:
        model: As it is kept.
        card: What is told of it; `told` in it is one sentence of how good it is.
        wins: Whether it scores from now on.
        by: By what it was trained and judged, in words.
        beside: A model of the family on trial, of the same past, with its card.
    """

    model: Kept
    card: dict[str, Any] = field(repr=False)
    wins: bool
    by: str
    beside: tuple[Kept, dict[str, Any]] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Says:
    """What a model says of a table's rows: scores, and what else it has of them; raises `DefinitionError` if not in numbers."""

    scores: Floats
    low: Floats | None = None
    high: Floats | None = None
    labels: Labels | None = None
    more: Mapping[str, Floats] = field(default_factory=dict)

    def __post_init__(self) -> None:
        columns = [each for each in (self.scores, self.low, self.high, *self.more.values()) if each is not None]
        odd = int(np.any([~np.isfinite(each) for each in columns], axis=0).sum())
        if odd:
            whose = f"{odd:,} of {len(self.scores):,} customers"
            raise DefinitionError("model", f"gives what is no number for {whose}; train it again")

    def some(self, rows: NDArray[np.int64]) -> "Says":
        """The same of some rows."""
        low, high = (None if each is None else each[rows] for each in (self.low, self.high))
        labels = None if self.labels is None else self.labels[rows]
        return Says(self.scores[rows], low, high, labels, {name: each[rows] for name, each in self.more.items()})


class Kind(ABC):
    """How one kind of prediction is trained, and what its models say."""

    #: People of an instant whose horizon has passed, of whom a part is looked at.
    judged: int = 100_000

    @abstractmethod
    async def train(self, database: Database, declared: Any, at: datetime, champion: Champion | None) -> Made:
        """A model of what is known at an instant, and how it does beside the champion.

        Raises:
            DefinitionError: what is known does not suffice; the words are for operators.
        """

    @abstractmethod
    def says(self, model: Any, declared: Any, columns: Columns, before: Labels | None = None) -> Says:
        """What a model says of customers of whom this is known; at least one. `before`: the labels that they had."""

    def news(self, scores: Floats, before: Floats) -> Chosen:
        """Whose score is another one than before (NaN: none), and is written."""
        other: Chosen = scores != before
        return other

    async def came(self, connection: Connection, declared: Any, table: Table) -> Floats | None:  # noqa: ARG002 - who foretells
        """What has come of the table's customers a horizon after it, in the units of the scores; None where nothing does."""
        return None

    def bins(self, foretold: Floats, came: Floats) -> list[tuple[int, float, float]]:  # noqa: ARG002 - as above
        """People by their scores, lowest first: how many, the sums of what was foretold and of what came; of probabilities."""
        return []

    def surprise(self, foretold: Floats, came: Floats) -> float | None:  # noqa: ARG002 - of probabilities
        """How much what came surprises, summed over people; None where that is not measured."""
        return None


def numbers(table: Table) -> dict[str, Floats]:
    """The table's columns, without a copy."""
    return {name: np.frombuffer(values) for name, values in table.columns.items()}


async def past(kind: Kind, database: Database, declared: Declared, as_of: datetime, most: int) -> tuple[Cut, bytes]:
    """What was known of people at an instant whose horizon has passed, and what came of it; and who they are."""
    async with database.transaction() as connection:
        table = await known.table(connection, declared, as_of, most=most)
        came = await kind.came(connection, declared, table)
    return Cut(as_of, numbers(table), np.empty(0) if came is None else came), table.ids


def comparable(champion: Champion | None, declared: Declared, at: datetime) -> Model | None:
    """The model that a new one has to be compared with; None where the new one wins without.

    There is none, it is of another declaration or too old to be trusted, or it cannot be read.
    """
    if champion is None or champion.declared != declared.version or at - champion.trained_at > declared.max_age:
        return None
    return readable(champion)


def readable(champion: Champion | None) -> Model | None:
    """What was kept, as a model; None where there is none, or it is not what was kept."""
    if champion is None:
        return None
    try:
        return model_of(champion)
    except DefinitionError:
        return None


def model_of(champion: Champion) -> Model:
    """What was kept, as a model.

    Raises:
        DefinitionError: it is not what was kept.
    """
    return Kept(champion.family, champion.parameters, champion.sha256).model()
