"""A family of models on trial (ML-11): customers divided by lot between it and the champion's, and which of them is better.

Promise: a customer is scored by the same family for as long as the trial goes on. Both families are judged by the same people,
each a pair, and by a confidence sequence, so that it may be looked at with each scoring; what it comes to is written down once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np

from activities.predicting.kind import Chosen, Floats, model_of
from journeys.experiments.sequences import pairs
from segments.language.chance import draw
from segments.models.card import surprise
from segments.models.propensity import Propensity
from segments.models.stored import Kept, Model
from segments.models.training import Cut
from segments.models.trees import Trees
from segments.predictions.declared import Declared
from segments.predictions.prediction import FAMILIES, Prediction
from store import Database, predictions
from store.measuring import trials
from store.measuring.trials import Decision, TrialRow
from store.predictions import Champion, NewModel

_FEWEST = 100
#: A training keeps two models, and each has an instant of its own.
_BESIDE = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Trying:
    """A trial that goes on: its model as it was kept, and read."""

    key: str
    share: float
    champion: Champion
    model: Model

    def theirs(self, prediction: str, ids: Sequence[UUID]) -> Chosen:
        """Whom it scores."""
        return np.array([draw(f"models/{prediction}/{each}".encode(), 8) / 2**64 < self.share for each in ids], bool)


async def decided(database: Database, prediction: Prediction) -> Decision | None:
    """What the declared trial has come to; None while it has not."""
    if prediction.challenger is None:
        return None
    row = await trials.found(database, prediction.name, prediction.challenger.key)
    return None if row is None else row.decision


async def families(database: Database, prediction: Prediction) -> tuple[str, ...]:
    """What is fitted: as declared, or the family that has won its trial."""
    won = prediction.challenger is not None and await decided(database, prediction) == "challenger"
    return FAMILIES[prediction.challenger.family if won and prediction.challenger else prediction.family]


async def keep_beside(database: Database, prediction: Prediction, beside: tuple[Kept, dict[str, Any]], at: datetime) -> None:
    """Keep the model that is on trial; one of a training that is tried again is kept once."""
    trial = prediction.challenger
    assert trial is not None, "a model beside the champion's is one on trial"
    kept, card = beside
    model = NewModel(prediction.version, kept.family, kept.text, kept.sha256, card, at + _BESIDE)
    await trials.keep(database, prediction.name, trial.key, model, share=trial.share, people=trial.people, began_at=at)


async def trying(database: Database, prediction: Declared) -> Trying | None:
    """The trial that goes on; None where there is none, or its model cannot be used any more."""
    if not isinstance(prediction, Prediction) or prediction.challenger is None:
        return None
    row = await trials.found(database, prediction.name, prediction.challenger.key)
    if row is None or row.decision is not None or row.version is None:
        return None
    champion = await trials.model(database, prediction.name, row.version)
    if champion is None or champion.declared != prediction.version:
        return None
    return Trying(prediction.challenger.key, row.share, champion, model_of(champion))


async def judge(
    database: Database, prediction: Prediction, trial: Trying, some: Cut, foretold: Floats, at: datetime
) -> str | None:
    """Judge both families by people whom neither has seen, and decide once that is so; what was decided, in words."""
    seen = datetime.fromisoformat(trial.champion.card["judged_as_of"])
    if some.as_of < seen + prediction.score or not isinstance(trial.model, Propensity | Trees):
        return None
    apart = surprise(trial.model.at(some.table), some.came) - surprise(foretold, some.came)
    sums = float(apart.sum()), float((apart * apart).sum())
    await trials.keep_outcome(database, prediction.name, trial.key, some.as_of, len(some), *sums)
    row = await trials.found(database, prediction.name, trial.key)
    assert row is not None, "it goes on"
    if (come_to := comes_to(row)) is None:
        return None
    mean, half = pairs(row.difference, row.squares, row.judged, row.people)
    figures = {"people": row.judged, "difference": mean, "half": half}
    if await trials.decide(database, prediction.name, trial.key, come_to, at, figures) and come_to == "challenger":
        await predictions.ask_training(database, prediction.name, at)
    return come_to


def comes_to(row: TrialRow) -> Decision | None:
    """What a trial has come to by the pairs so far; None: it goes on."""
    if row.judged < _FEWEST:
        return None
    mean, half = pairs(row.difference, row.squares, row.judged, row.people)
    if abs(mean) > half:
        return "challenger" if mean < 0 else "champion"
    return "not shown" if row.judged >= row.people else None
