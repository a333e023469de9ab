"""Scoring customers by the champion, and saying who crossed which threshold; a model that is not trusted lets nobody over one.

Promise: only what changed is written, some thousand customers at a time, each with the crossings that follow from their score
in one transaction. So a scoring that is cut short leaves each customer with a score and a band that belong together, and the
next one goes on.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import numpy as np
import structlog
from numpy.typing import NDArray
from temporalio import activity

from activities.deliver.patience import alive
from activities.metrics import PREDICTION_HELD
from activities.predicting.guard import turn, why_held
from activities.predicting.training import past
from journeys.clock import Clock
from journeys.contracts import PredictionRound
from segments.ask import known
from segments.ask.known import Table
from segments.ask.overview import all_segments
from segments.errors import DefinitionError
from segments.language.predicate import Predicate
from segments.language.segment import Segment
from segments.leaves.crossed import Crossed
from segments.models.card import surprise
from segments.models.propensity import Propensity
from segments.models.stored import Kept
from segments.predictions.prediction import Prediction, predictions_in
from store import Database, predictions
from store.predictions import Champion, Outcome, Told

log = structlog.get_logger(__name__)

_AT_ONCE = 2_000  # customers of one transaction
_DIGITS = 4  # of a score: what changes less is no news
_JUDGED = 100_000  # people of an instant whose horizon has passed, of whom a part is looked at
Floats = NDArray[np.float64]
Chosen = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Scored:
    """Scores of a table's rows, and those that they had before (NaN: none); `gone` had one and are not in the table."""

    table: Table
    scores: Floats
    before: Floats
    gone: Sequence[UUID]

    def crossing(self, threshold: Crossed, *, settled: bool) -> Chosen:
        """Who may have crossed a threshold; where it is settled, all who were over it by their score are known to be."""
        up, back = self.scores >= threshold.up, self.scores < threshold.back
        return (up & ~(settled & (self.before >= threshold.up))) | (back & ~(self.before < threshold.back))


@dataclass(frozen=True)
class Scoring:
    """The activity, and what it works with; `asks` is what the catalogue asks about beside its segments."""

    database: Database
    clock: Clock
    declared: Mapping[str, Prediction]
    segments: Mapping[str, Segment]
    asks: Sequence[Predicate]

    @activity.defn(name="score-prediction")
    async def score(self, asked: PredictionRound) -> str:
        """Score everybody whom a prediction is of; what came of it, in words."""
        prediction = self.declared.get(asked.prediction)
        if prediction is None:
            return f"{asked.prediction} is not in this worker's catalogue"
        at = self.clock.business(asked.at)
        async with alive():
            try:
                return await self._score(prediction, at)
            except (DefinitionError, MemoryError) as error:
                why = str(error) or "scoring needs more memory than JOURNEYS_TRAIN_MEMORY lets it have"
                await self._hold(prediction, why)
                await predictions.fail(self.database, prediction.name, self.clock.now(), "score", why)
                return f"not scored: {why}"

    async def _score(self, prediction: Prediction, at: datetime) -> str:
        async with self.database.pool.acquire() as connection:
            champion = await predictions.champion(connection, prediction.name)
        model = None if champion is None else _model(champion)
        if champion is not None and model is not None and champion.declared == prediction.version:
            await self._look_back(prediction, champion, model, at)
        outcomes = await predictions.outcomes(self.database, prediction.name, champion.version) if champion else []
        why = why_held(prediction, champion, outcomes, at)
        await self._hold(prediction, why)
        if champion is None or model is None or champion.declared != prediction.version:
            return f"not scored: {why}"
        await predictions.doing(self.database, prediction.name, f"features as of {at:%Y-%m-%d %H:%M}")
        scored = await self._scored(prediction, model, at)
        told = Told(prediction.name, champion.version, at)
        changed, crossed = await self._write(prediction, scored, told, upwards=why is None)
        people = len(scored.table)
        return f"{people:,} scored by version {champion.version}, {changed:,} changed, {crossed:,} crossings" + (
            f"; nobody new comes over a threshold: {why}" if why else ""
        )

    async def _hold(self, prediction: Prediction, why: str | None) -> None:
        """Let nobody new in, or let them again; operators are told."""
        await predictions.hold(self.database, prediction.name, self.clock.now(), why)
        PREDICTION_HELD.labels(prediction.name).set(0 if why is None else 1)
        if why is not None:
            log.warning("a prediction lets nobody new in", prediction=prediction.name, why=why)

    async def _look_back(self, prediction: Prediction, champion: Champion, model: Propensity, at: datetime) -> None:
        """How true the champion is of people whose horizon has passed since it was judged: a part of them each time.

        Features are as they were known then, so no score needs to be kept for it. Everybody is looked at once in a horizon.
        """
        as_of = at - prediction.horizon
        done = await predictions.outcomes(self.database, prediction.name, champion.version)
        judged = datetime.fromisoformat(champion.card["judged_as_of"])
        if as_of < (done[-1].as_of if done else judged) + prediction.score:
            return
        parts, part = turn(prediction, at)
        await predictions.doing(self.database, prediction.name, f"what has come of those of {as_of:%Y-%m-%d}")
        cut, ids = await past(self.database, prediction, as_of, _JUDGED)
        theirs = _lots(ids) % parts == part
        if not theirs.any():
            return
        some = cut.rows(theirs)
        foretold = model.at(some.table)
        off = some.came - foretold
        sums = (float(each.sum()) for each in (foretold, some.came, off * off, surprise(foretold, some.came)))
        await predictions.keep_outcome(self.database, prediction.name, champion.version, Outcome(as_of, len(some), *sums))

    async def _scored(self, prediction: Prediction, model: Propensity, at: datetime) -> Scored:
        async with self.database.transaction() as connection:
            table = await known.table(connection, prediction, at)
            rows, values = await predictions.standing_scores(connection, prediction.name)
            gone = await predictions.no_longer(connection, prediction.name)
        before = np.full(len(table), np.nan)
        before[np.frombuffer(rows, ">i4")] = np.frombuffer(values, ">f8")
        if not len(table):
            return Scored(table, before, before, gone)
        features = {name: np.frombuffer(column) for name, column in table.columns.items()}
        scores = await asyncio.to_thread(model.at, features)
        return Scored(table, np.round(scores, _DIGITS), before, gone)

    async def _write(self, prediction: Prediction, scored: Scored, told: Told, *, upwards: bool) -> tuple[int, int]:
        """Scores that changed, and who crossed what; how many of each."""
        thresholds = await self._thresholds(prediction)
        (row,) = await predictions.found(self.database, prediction.name)
        changed = ~(scored.scores == scored.before)
        crossing = {each: scored.crossing(each, settled=each.kind in row.settled) for each in thresholds}
        rows = np.flatnonzero(np.logical_or.reduce([changed, *crossing.values()]))
        count = 0
        for first in range(0, len(rows), _AT_ONCE):
            some = rows[first : first + _AT_ONCE]
            await predictions.doing(self.database, prediction.name, f"writing {first + len(some):,} of {len(rows):,}")
            async with self.database.transaction() as connection:
                await predictions.write(connection, told, _of(scored, some[changed[some]]))
                for threshold, chosen in crossing.items():
                    theirs = _of(scored, some[chosen[some]])
                    now = self.clock.now()
                    count += await predictions.cross(connection, threshold, theirs, told, now, upwards=upwards)
        for first in range(0, len(scored.gone), _AT_ONCE):
            who = scored.gone[first : first + _AT_ONCE]
            async with self.database.transaction() as connection:
                await predictions.drop(connection, prediction.name, who)
                for threshold in thresholds:
                    fallen = [(each, None) for each in who]
                    count += await predictions.cross(connection, threshold, fallen, told, self.clock.now(), upwards=False)
        settled = [each.kind for each in thresholds] if upwards else []
        await predictions.scored(self.database, prediction.name, told.as_of, len(scored.table), settled)
        return int(changed.sum()), count

    async def _thresholds(self, prediction: Prediction) -> list[Crossed]:
        """All that anybody asks for of a prediction: segments of the catalogue and of the API, goals, exits, places."""
        known_ = [each.predicate for each in (await all_segments(self.database, self.segments)).segments]
        found = {
            leaf.kind: leaf
            for predicate in (*known_, *self.asks)
            for leaf in predictions_in(predicate)
            if leaf.prediction == prediction.name
        }
        return list(found.values())


def _model(champion: Champion) -> Propensity:
    """What was kept, as a model.

    Raises:
        DefinitionError: it is not what was kept, or is of another family.
    """
    model = Kept(champion.family, champion.parameters, champion.sha256).model()
    if not isinstance(model, Propensity):
        raise DefinitionError("model", f"is of the family {champion.family}, which gives no probabilities")
    return model


def _of(scored: Scored, rows: NDArray[np.int64]) -> list[tuple[UUID, float]]:
    return [(scored.table.id(row), float(scored.scores[row])) for row in rows]


def _lots(ids: bytes) -> NDArray[np.uint32]:
    """A number of each customer that says nothing of them: the last four bytes of an id are drawn by chance."""
    return np.frombuffer(ids, ">u4").reshape(-1, 4)[:, 3].astype(np.uint32)
