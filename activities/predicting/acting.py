"""What came of those whom a prediction let in, and of those whom its holdout left alone; and whom acting helps.

Promise: of each customer it is asked as of one horizon after their own exposure, in both arms, and written down once. Whom it
helps is found by what was known of each at the instant of their exposure, before anybody was written to.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from activities.predicting.guard import SEQUENCE
from journeys.arms import FORETOLD
from segments.ask.known import each_then, true_of
from segments.errors import DefinitionError
from segments.models.propensity import Table
from segments.models.uplift import check_enough, uplift
from segments.predictions.features import Feature
from segments.predictions.prediction import Prediction
from store import Database, predictions
from store.measuring import acted

_AT_ONCE = 500
_WRITTEN, _WITHHELD = 8_000, 4_000  # at most so many are ranked: as much as tells them apart


@dataclass(frozen=True, slots=True)
class Exposed:
    """People who were exposed: what was known of each then, what came (1.0 or 0.0), and who was written to.

    `first` and `last` are the instants of the first and the last of them.
    """

    table: Table = field(repr=False)
    came: NDArray[np.float64]
    written: NDArray[np.bool_]
    first: datetime
    last: datetime


async def look_at_what_came(database: Database, prediction: Prediction, at: datetime) -> int:
    """Look at everybody whose horizon has passed by now; returns how many these were."""
    experiment, count = f"{FORETOLD}/{prediction.name}", 0
    while True:
        async with database.transaction() as connection:
            some = await acted.to_come(connection, experiment, at - prediction.horizon, _AT_ONCE)
            ends = [(each, each.exposed_at + prediction.horizon) for each in some]
            came = [(each.exposed_as, await true_of(connection, prediction.label, each.who, end)) for each, end in ends]
            await acted.keep(connection, experiment, came)
        count += len(some)
        if len(some) < _AT_ONCE:
            return count
        await predictions.doing(database, prediction.name, f"what has come of {count:,} who were let in or left alone")


async def look_at_whom_it_helps(database: Database, prediction: Prediction) -> None:
    """Write down whom acting on a prediction helps, or how many people that takes; nothing where nobody was ever left alone."""
    try:
        known = await exposed(database, prediction.name, prediction.name, prediction.features)
        if known is None:
            return
        found = await asyncio.to_thread(uplift, known.table, known.came, known.written)
        told = found.to_json(SEQUENCE.width(found.people) * found.error)
    except DefinitionError as error:
        told = {"lacks": str(error)}
    await acted.keep_uplift(database, prediction.name, told)


async def exposed(database: Database, doing: str, prediction: str, features: Sequence[Feature]) -> Exposed | None:
    """Some of those whom a prediction let in or left alone, with what came; None where that is known of nobody.

    Args:
        database: Where they are.
        doing: The prediction that is trained.
        prediction: The one whose holdout it is.
        features: What is to be known of each.

    Raises:
        DefinitionError: they are too few; it says how many are needed.
    """
    known = await acted.to_rank(database, f"{FORETOLD}/{prediction}", _WRITTEN, _WITHHELD)
    if not known:
        return None
    came, written = (np.array([getattr(each, name) for each in known]) for name in ("came", "written"))
    check_enough(came, written)
    table = {each.name: np.empty(len(known)) for each in features}
    for first in range(0, len(known), _AT_ONCE):
        await predictions.doing(database, doing, f"what was known of {first:,} of {len(known):,} who were exposed")
        async with database.transaction() as connection:
            some = [(each.who, each.exposed_at) for each in known[first : first + _AT_ONCE]]
            for name, values in (await each_then(connection, features, some)).items():
                table[name][first : first + len(some)] = values
    instants = [each.exposed_at for each in known]
    return Exposed(table, came.astype(np.float64), written, min(instants), max(instants))
