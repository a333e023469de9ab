"""Training a prediction: what was known at several instants of the past, what came of it, a model, its card, and who wins.

Promise: the model is written whole, in the transaction that makes it the champion; a training that is cut short anywhere leaves
the former champion in use, and one that is tried again keeps no second model.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import structlog
from temporalio import activity

from activities.deliver.patience import alive
from journeys.clock import Clock
from journeys.contracts import PredictionRound
from segments.ask import known
from segments.errors import DefinitionError
from segments.models.card import Match
from segments.models.propensity import Propensity
from segments.models.stored import Kept
from segments.models.training import Cut, Trained, cuts, train
from segments.predictions.prediction import Prediction
from store import Database, predictions
from store.predictions import Champion, NewModel

log = structlog.get_logger(__name__)

_MOST = 75_000  # people of a cut; more move a curve by less than it is known
_RULE = (
    "it replaces the champion unless, of the same people, its log loss is higher by more than chance (one-sided, 5 %);"
    " always where the champion is of another declaration, cannot be read or is too old to be trusted"
)


@dataclass(frozen=True)
class Training:
    """The activity, and what it works with."""

    database: Database
    clock: Clock
    declared: Mapping[str, Prediction]

    @activity.defn(name="train-prediction")
    async def train(self, asked: PredictionRound) -> str:
        """Train a model; what came of it, in words."""
        prediction = self.declared.get(asked.prediction)
        if prediction is None:
            return f"{asked.prediction} is not in this worker's catalogue"
        at = self.clock.business(asked.at)
        async with alive():
            if (before := await predictions.trained_then(self.database, prediction.name, at)) is not None:
                return f"version {before[0]} was kept before, as {before[1]}"
            try:
                return await self._train(prediction, at)
            except (DefinitionError, MemoryError) as error:
                why = str(error) or "training needs more memory than JOURNEYS_TRAIN_MEMORY lets it have"
                await predictions.fail(self.database, prediction.name, self.clock.now(), "train", why)
                log.warning("a prediction could not be trained", prediction=prediction.name, why=why)
                return f"not trained: {why}"

    async def _train(self, prediction: Prediction, at: datetime) -> str:
        spans = prediction.retrain, prediction.score, prediction.max_age
        await predictions.declare(self.database, prediction.name, prediction.version, *spans, at)
        past = await self._past(prediction, at)
        await predictions.doing(self.database, prediction.name, f"fitting to {sum(map(len, past)):,} rows")
        trained = await asyncio.to_thread(train, past)
        async with self.database.pool.acquire() as connection:
            champion = await predictions.champion(connection, prediction.name)
        match = against(champion, prediction, trained, at)
        kept = Kept.of(trained.model)
        card = card_of(prediction, trained, kept, match, champion)
        model = NewModel(prediction.version, kept.family, kept.text, kept.sha256, card, at)
        replaced = None if champion is None else champion.version
        wins = match is None or not match.worse
        state = await predictions.keep(self.database, prediction.name, model, replacing=replaced, wins=wins)
        return f"trained by {trained.fitted:,} rows, judged by {trained.measures.people:,} people; it is {state}"

    async def _past(self, prediction: Prediction, at: datetime) -> list[Cut]:
        """What was known at each instant and came of it, oldest first; of instants at which nobody was there nothing."""
        instants = cuts(at, prediction.horizon, datetime.min.replace(tzinfo=at.tzinfo))
        found = []
        for n, as_of in enumerate(instants, 1):
            what = f"features as of {as_of:%Y-%m-%d %H:%M} ({n} of {len(instants)})"
            await predictions.doing(self.database, prediction.name, what)
            found.append((await past(self.database, prediction, as_of, _MOST))[0])
        if not (known_ := [cut for cut in found if len(cut)]):
            cuts(at, prediction.horizon, at)  # says that nothing is old enough
        return known_


async def past(database: Database, prediction: Prediction, as_of: datetime, most: int) -> tuple[Cut, bytes]:
    """What was known of people at an instant whose horizon has passed, and what came of it; and who they are."""
    async with database.transaction() as connection:
        table = await known.table(connection, prediction, as_of, most=most)
        came = await known.came_true(connection, prediction, len(table), as_of + prediction.horizon)
    cut = Cut(as_of, {name: np.frombuffer(values) for name, values in table.columns.items()}, np.frombuffer(came))
    return cut, table.ids


def against(champion: Champion | None, prediction: Prediction, trained: Trained, at: datetime) -> Match | None:
    """The new model against the one that scores, by those who judge; None where the new one wins without."""
    if champion is None or champion.declared != prediction.version or at - champion.trained_at > prediction.max_age:
        return None
    try:
        model = Kept(champion.family, champion.parameters, champion.sha256).model()
    except DefinitionError:
        return None
    if not isinstance(model, Propensity):
        return None
    judge = trained.judge
    return Match.of(trained.model.at(judge.table), model.at(judge.table), judge.came)


def card_of(
    prediction: Prediction, trained: Trained, kept: Kept, match: Match | None, champion: Champion | None
) -> dict[str, Any]:
    """What is told of a model: what it is of, by which features, on whose past it was trained, and how good it is."""
    return trained.to_json() | {
        "family": kept.family,
        "of": str(prediction.of),
        "label": str(prediction.label),
        "horizon": prediction.horizon.total_seconds(),
        "features": {each.name: str(each.of) for each in prediction.features},
        "never": sorted(prediction.never),
        "tolerance": prediction.tolerance,
        "rule": _RULE,
        "against": match and {"version": champion.version if champion else None} | match.to_json(),
    }
