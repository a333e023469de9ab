"""Probabilities: fitted to what was known at several instants of the past and what came of it, judged by who was not seen."""

import asyncio
from datetime import datetime
from typing import Any

import numpy as np

from activities.predicting.acting import look_at_whom_it_helps
from activities.predicting.kind import Columns, Floats, Kind, Labels, Made, Says, comparable, past
from activities.predicting.trying import decided, families
from segments.ask import known
from segments.ask.known import Table
from segments.errors import DefinitionError
from segments.models.card import Match, bins, surprise
from segments.models.propensity import Propensity
from segments.models.stored import Kept
from segments.models.training import Choice, Cut, Trained, cuts, train
from segments.models.trees import Trees
from segments.predictions.prediction import FAMILIES, Prediction
from store import Connection, Database, predictions
from store.predictions import Champion

_DIGITS = 4  # of a score: what changes less is no news
_MOST = 75_000  # people of a cut; more move a curve by less than it is known
_RULE = (
    "it replaces the champion unless, of the same people, its log loss is higher by more than chance (one-sided, 5 %);"
    " always where the champion is of another declaration, cannot be read or is too old to be trusted"
)


class Probabilities(Kind):
    """Logistic curves for each feature, or boosted trees, calibrated."""

    async def train(self, database: Database, declared: Prediction, at: datetime, champion: Champion | None) -> Made:
        """A model of up to four instants, beside the champion of the same people."""
        await self._check(database, declared)
        choice = Choice(declared.most, declared.always)
        known_ = await self._past(database, declared, at)
        await predictions.doing(database, declared.name, f"fitting to {sum(map(len, known_)):,} rows")
        trained = await asyncio.to_thread(train, known_, await families(database, declared), choice)
        beside = await self._beside(database, declared, known_, choice)
        await look_at_whom_it_helps(database, declared)
        match = against(champion, declared, trained, at)
        kept = Kept.of(trained.model)
        card = card_of(declared, trained, kept, match, champion)
        by = f"trained by {trained.fitted:,} rows, judged by {trained.measures.people:,} people"
        return Made(kept, card, match is None or not match.worse, by, beside)

    async def _beside(
        self, database: Database, declared: Prediction, known_: list[Cut], choice: Choice
    ) -> tuple[Kept, dict[str, Any]] | None:
        """A model of the family on trial, while that is not decided."""
        if declared.challenger is None or await decided(database, declared) is not None:
            return None
        await predictions.doing(database, declared.name, f"fitting {declared.challenger.family}, which are on trial")
        trained = await asyncio.to_thread(train, known_, FAMILIES[declared.challenger.family], choice)
        kept = Kept.of(trained.model)
        return kept, card_of(declared, trained, kept, None, None)

    async def _check(self, database: Database, declared: Prediction) -> None:
        """Refuse to look at what stands under never, and leave that in the audit.

        Raises:
            DefinitionError: it would.
        """
        try:
            declared.check_looks()
        except DefinitionError as error:
            await predictions.refuse(database, declared.name, str(error), declared.never)
            raise

    async def _past(self, database: Database, prediction: Prediction, at: datetime) -> list[Cut]:
        """What was known at each instant and came of it, oldest first; of instants at which nobody was there nothing."""
        instants = cuts(at, prediction.horizon, datetime.min.replace(tzinfo=at.tzinfo))
        found = []
        for n, as_of in enumerate(instants, 1):
            what = f"features as of {as_of:%Y-%m-%d %H:%M} ({n} of {len(instants)})"
            await predictions.doing(database, prediction.name, what)
            found.append((await past(self, database, prediction, as_of, _MOST))[0])
        if not (known_ := [cut for cut in found if len(cut)]):
            cuts(at, prediction.horizon, at)  # says that nothing is old enough
        return known_

    def says(self, model: Any, declared: Prediction, columns: Columns, before: Labels | None = None) -> Says:  # noqa: ARG002 - as all
        """The probability of each."""
        if not isinstance(model, Propensity | Trees):
            raise DefinitionError("model", "is of a family that gives no probabilities; train it again")
        return Says(np.round(model.at(columns), _DIGITS))

    async def came(self, connection: Connection, declared: Prediction, table: Table) -> Floats:
        """Of whom it has come true: 1.0 or 0.0."""
        return np.frombuffer(await known.came_true(connection, declared, len(table), table.as_of + declared.horizon))

    def bins(self, foretold: Floats, came: Floats) -> list[tuple[int, float, float]]:
        """By half percents of the score."""
        return bins(foretold, came)

    def surprise(self, foretold: Floats, came: Floats) -> float:
        """The log loss."""
        return float(surprise(foretold, came).sum())


def against(champion: Champion | None, prediction: Prediction, trained: Trained, at: datetime) -> Match | None:
    """The new model against the one that scores, by those who judge; None where the new one wins without."""
    model = comparable(champion, prediction, at)
    if not isinstance(model, Propensity | Trees):
        return None
    judge = trained.judge
    return Match.of(trained.model.at(judge.table), model.at(judge.table), judge.came)


def card_of(
    prediction: Prediction, trained: Trained, kept: Kept, match: Match | None, champion: Champion | None
) -> dict[str, Any]:
    """What is told of a model: what it is of, by which features, on whose past it was trained, and how good it is."""
    return trained.to_json() | {
        "kind": prediction.kind,
        "family": kept.family,
        "told": f"AUC {_known(trained.measures.auc)}, off by {trained.measures.calibration_error:.3f} on average"
        + ("" if trained.converged else "; its fit was stopped before it had come to its end"),
        **prediction.told,
        "horizon": prediction.horizon.total_seconds(),
        "never": sorted(prediction.never),
        "always": sorted(prediction.always),
        "tolerance": prediction.tolerance,
        "rule": _RULE,
        "against": match and {"version": champion.version if champion else None} | match.to_json(),
    }


def _known(auc: float | None) -> str:
    return "not known" if auc is None else f"{auc:.3f}"
