"""Scoring customers by the champion, and saying who crossed which threshold; a model that is not trusted lets nobody over one.

Promise: only what changed is written, some thousand customers at a time, each with the crossings that follow from their score
in one transaction. So a scoring that is cut short leaves each customer with a score and a band that belong together, and the
next one goes on.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import structlog
from numpy.typing import NDArray
from temporalio import activity

from activities.deliver.patience import alive
from activities.metrics import PREDICTION_HELD
from activities.predicting.acting import look_at_what_came
from activities.predicting.failing import BEYOND_TRYING, words
from activities.predicting.guard import turn, why_held
from activities.predicting.kind import Says, model_of, numbers, past
from activities.predicting.kinds import kind_of
from activities.predicting.news import Before, News, Scored
from activities.predicting.trying import Trying, judge, trying
from journeys.clock import Clock
from journeys.contracts import PredictionRound
from segments.ask import known
from segments.ask.declared import declared
from segments.ask.overview import asked_of
from segments.language.predicate import Predicate
from segments.language.segment import Segment
from segments.leaves.crossed import Crossed, Foretold
from segments.models.stored import Model
from segments.predictions.declared import Declared
from segments.predictions.prediction import Prediction
from segments.predictions.uplift import Uplift
from store import Connection, Database, crossings, predictions
from store.predictions import Champion, Outcome, Told

log = structlog.get_logger(__name__)

_AT_ONCE = 25_000  # customers of one transaction: some tenths of a second
#: How much later than its event an instant may have been read that is nearly the same.
_NEARLY = timedelta(hours=1)


class _DeclaredAnew(Exception):
    """What is scored is not what is declared any more."""


@dataclass(frozen=True)
class Scoring:
    """The activity, and what it works with; `catalogue` are predictions in code, `asks` what it asks beside segments."""

    database: Database
    clock: Clock
    catalogue: Mapping[str, Declared]
    segments: Mapping[str, Segment]
    asks: Sequence[Predicate]

    @activity.defn(name="score-prediction")
    async def score(self, asked: PredictionRound) -> str:
        """Score everybody whom a prediction is of; what came of it, in words."""
        prediction = (await declared(self.database, self.catalogue)).get(asked.prediction)
        if prediction is None:
            return f"{asked.prediction} is not declared, neither in this worker's catalogue nor by the API"
        at = self.clock.business(asked.at)
        async with alive():
            try:
                return await self._score(prediction, at)
            except _DeclaredAnew:
                return "not scored to the end: something else was declared under its name meanwhile"
            except BEYOND_TRYING as error:
                why = words(error, "scoring")
                await self._hold(prediction, why)
                await predictions.fail(self.database, prediction.name, self.clock.now(), "score", why)
                return f"not scored: {why}"

    async def _score(self, prediction: Declared, at: datetime) -> str:
        if isinstance(prediction, Prediction):
            await look_at_what_came(self.database, prediction, at)
        async with self.database.pool.acquire() as connection:
            champion = await predictions.champion(connection, prediction.name)
        model = None if champion is None else model_of(champion)
        trial = await trying(self.database, prediction)
        if champion is not None and model is not None and champion.declared == prediction.version:
            await self._look_back(prediction, champion, model, trial, at)
            trial = await trying(self.database, prediction)
        outcomes = await predictions.outcomes(self.database, prediction.name, champion.version) if champion else []
        why = why_held(prediction, champion, outcomes, at)
        await self._hold(prediction, why)
        if champion is None or model is None or champion.declared != prediction.version:
            return f"not scored: {why}"
        await predictions.doing(self.database, prediction.name, f"features as of {at:%Y-%m-%d %H:%M}")
        scored = await self._scored(prediction, model, trial, at)
        told = Told(prediction.name, champion.version, at)
        tried = told if trial is None else replace(told, version=trial.champion.version)
        changed, crossed = await self._write(prediction, scored, (told, tried), upwards=why is None)
        if crossed:
            await self._have_help_scored(prediction)
        people = len(scored.table)
        return f"{people:,} scored by version {champion.version}, {changed:,} changed, {crossed:,} crossings" + (
            f"; nobody new comes over a threshold: {why}" if why else ""
        )

    async def _hold(self, prediction: Declared, why: str | None) -> None:
        """Let nobody new in, or let them again; operators are told."""
        await predictions.hold(self.database, prediction.name, self.clock.now(), why)
        PREDICTION_HELD.labels(prediction.name).set(0 if why is None else 1)
        if why is not None:
            log.warning("a prediction lets nobody new in", prediction=prediction.name, why=why)

    async def _look_back(
        self, prediction: Declared, champion: Champion, model: Model, trial: Trying | None, at: datetime
    ) -> None:
        """How true the champion is of people whose horizon has passed since it was judged: a part of them each time.

        Features are as they were known then, so no score needs to be kept for it. Everybody is looked at once in a horizon.
        """
        if prediction.ahead is None:
            return
        as_of = at - prediction.ahead
        done = await predictions.outcomes(self.database, prediction.name, champion.version)
        judged = datetime.fromisoformat(champion.card["judged_as_of"])
        if as_of < (done[-1].as_of if done else judged) + prediction.score:
            return
        parts, part = turn(prediction, at)
        await predictions.doing(self.database, prediction.name, f"what has come of those of {as_of:%Y-%m-%d}")
        kind = kind_of(prediction)
        cut, ids = await past(kind, self.database, prediction, as_of, kind.judged)
        theirs = _lots(ids) % parts == part
        if not theirs.any():
            return
        some = cut.rows(theirs)
        foretold = kind.says(model, prediction, some.table).scores
        off = some.came - foretold
        sums = float(foretold.sum()), float(some.came.sum()), float((off * off).sum())
        by_score = champion.version, kind.bins(foretold, some.came)
        outcome = Outcome(as_of, len(some), *sums, kind.surprise(foretold, some.came), *by_score)
        await predictions.keep_outcome(self.database, prediction.name, champion.version, outcome)
        if trial is not None and isinstance(prediction, Prediction):
            await judge(self.database, prediction, trial, some, foretold, at)

    async def _have_help_scored(self, prediction: Declared) -> None:
        """Have those scored whom it let in just now, by what is learned by it: else they had no score before the next round."""
        for each in (await declared(self.database, self.catalogue)).values():
            if each.learned_by == prediction.name:
                await crossings.have_scored(self.database, each.name, self.clock.now())

    async def _whom(self, prediction: Declared) -> Declared:
        """The prediction, of those who get a score: of help, whom the one lets in by whose holdout it is learned."""
        if not isinstance(prediction, Uplift):
            return prediction
        asked = await asked_of(self.database, self.segments, (), prediction.prediction)
        return prediction.among(each for each in asked if isinstance(each, Crossed))

    async def _scored(self, prediction: Declared, model: Model, trial: Trying | None, at: datetime) -> Scored:
        whom = await self._whom(prediction)
        async with self.database.transaction() as connection:
            table = await known.table(connection, whom, at)
            rows, values = await predictions.standing_scores(connection, prediction.name)
            labels = await predictions.standing_labels(connection, prediction.name) if prediction.sorts else None
            gone = await predictions.no_longer(connection, prediction.name)
        before = np.full(len(table), np.nan)
        before[np.frombuffer(rows, ">i4")] = np.frombuffer(values, ">f8")
        had = Before(before, None if labels is None else np.array(labels, object), gone)
        if not len(table):
            return Scored(table, Says(before), had, *np.zeros((2, 0), bool))
        kind = kind_of(prediction)
        says = await asyncio.to_thread(kind.says, model, prediction, numbers(table), had.labels)
        theirs = np.zeros(len(table), bool)
        if trial is not None:
            theirs = trial.theirs(prediction.name, [table.id(row) for row in range(len(table))])
            other = await asyncio.to_thread(kind.says, trial.model, prediction, numbers(table), had.labels)
            says = replace(says, scores=np.where(theirs, other.scores, says.scores))
        changed = kind.news(says.scores, before)
        if says.labels is not None and had.labels is not None:
            changed |= says.labels != had.labels
        return Scored(table, says, had, changed, theirs)

    async def _write(self, prediction: Declared, scored: Scored, by: tuple[Told, Told], *, upwards: bool) -> tuple[int, int]:
        """Scores that changed, and who crossed what; how many of each."""
        asked = await self._asked(prediction)
        told, _ = by
        (row,) = await predictions.found(self.database, prediction.name)
        since = {each.kind: await self._since(each.kind) for each in asked}
        news = News.of(scored, asked, row.settled, since, by, upwards=upwards)
        count = 0
        for first in range(0, len(news.rows), _AT_ONCE):
            some = news.rows[first : first + _AT_ONCE]
            await predictions.doing(self.database, prediction.name, f"writing {first + len(some):,} of {len(news.rows):,}")
            async with self._unchanged(prediction) as connection:
                count += await news.write(connection, some, self.clock.now())
        for first in range(0, len(scored.before.gone), _AT_ONCE):
            async with self._unchanged(prediction) as connection:
                fallen = scored.before.gone[first : first + _AT_ONCE]
                count += await news.drop(connection, fallen, self.clock.now())
        settled = sorted({each.kind for each in asked}) if upwards else []
        await predictions.scored(self.database, prediction.name, told.as_of, len(scored.table), settled)
        return int(scored.changed.sum()), count

    @asynccontextmanager
    async def _unchanged(self, prediction: Declared) -> AsyncIterator[Connection]:
        """A transaction until whose end nothing else is declared under its name."""
        async with self.database.transaction() as connection:
            if await predictions.means(connection, prediction.name) != prediction.version:
                raise _DeclaredAnew
            yield connection

    async def _since(self, kind: str) -> datetime | None:
        """From when on there may be events of a type: the first scoring that writes some need not look for older ones."""
        now = self.clock.now()
        return None if await predictions.told_of(self.database, kind) else now - _NEARLY

    async def _asked(self, prediction: Declared) -> list[Foretold]:
        """All that anybody asks for of a prediction: segments of the catalogue and of the API, goals, exits, places."""
        return await asked_of(self.database, self.segments, self.asks, prediction.name)


def _lots(ids: bytes) -> NDArray[np.uint32]:
    """A number of each customer that says nothing of them: the last four bytes of an id are drawn by chance."""
    return np.frombuffer(ids, ">u4").reshape(-1, 4)[:, 3].astype(np.uint32)
