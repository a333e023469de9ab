"""Whom acting helps, as scores: fitted to those whom a prediction let in, some of whom its holdout left alone.

Promise: a model is kept only where it may be concluded that some are more persuadable than others, and that the ranking finds
them: the interval around the area of the Qini curve, each ranked by who has not seen them, leaves out zero. Else it is told why
there is none, and nobody comes over a threshold.
"""

import asyncio
from datetime import datetime
from typing import Any

import numpy as np

from activities.predicting.acting import exposed
from activities.predicting.guard import SEQUENCE
from activities.predicting.kind import Columns, Kind, Labels, Made, Says
from segments.errors import DefinitionError
from segments.models.stored import Kept
from segments.models.uplift import Helps, helps, uplift
from segments.predictions.uplift import Uplift
from store import Database, predictions
from store.predictions import Champion

_DIGITS = 4  # of a score: what changes less is no news
_RULE = "it replaces the one before wherever the interval around the area of its Qini curve leaves out zero"


class Uplifts(Kind):
    """Curves for each feature, by an X-learner."""

    async def train(self, database: Database, declared: Uplift, at: datetime, champion: Champion | None) -> Made:  # noqa: ARG002 - as all
        """A model by who was exposed to the prediction's holdout and whose horizon has passed."""
        known = await exposed(database, declared.name, declared.prediction, declared.features)
        if known is None:
            told = f"of nobody whom {declared.prediction!r} let in or left alone it is known what came"
            raise DefinitionError("uplift", f"{told}: it needs holdout=, a journey that enters by it, and a horizon to pass")
        await predictions.doing(database, declared.name, f"fitting to {len(known.came):,} who were let in or left alone")
        found = await asyncio.to_thread(uplift, known.table, known.came, known.written)
        half = SEQUENCE.width(found.people) * found.error
        seen = f"area of the Qini curve {found.area:+.4f} ± {half:.4f}, of {found.people:,} people"
        if found.area <= half:
            told = f"it may not be concluded that anybody is more persuadable than others: {seen}"
            raise DefinitionError("uplift", f"{told}; scores would be by chance. It is tried again with each training")
        model = Kept.of(await asyncio.to_thread(helps, known.table, known.came, known.written, found))
        side = "less" if found.fewer else "more"
        card: dict[str, Any] = {
            "kind": declared.kind,
            "family": model.family,
            "told": f"some are more persuadable than others, and are found: {seen}; help is that it comes true {side} often",
            "by": declared.prediction,
            **declared.told,
            "never": sorted(declared.never),
            "people": {"fitted": found.people, "left_alone": found.withheld},
            "window": [known.first.isoformat(), known.last.isoformat()],
            "judged_as_of": at.isoformat(),
            "measures": found.to_json(half),
            "slope": found.slope,
            "rule": _RULE,
        }
        return Made(model, card, wins=True, by=f"fitted to {found.people:,} people: {seen}")

    def says(self, model: Any, declared: Uplift, columns: Columns, before: Labels | None = None) -> Says:  # noqa: ARG002 - as all
        """By how much acting is expected to help each."""
        if not isinstance(model, Helps):
            raise DefinitionError("model", "is of a family that tells no help; train it again")
        return Says(np.round(model.at(columns), _DIGITS))
