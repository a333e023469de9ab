"""A process that trains and scores one prediction as the product's does, and says how long each part took and what it held.

`python -m benchmarks.trainer` with the database in JOURNEYS_DATABASE_URL; it prints one line of JSON.
"""

import asyncio
import os
import time
from datetime import UTC, datetime, timedelta
from resource import RUSAGE_SELF, getrusage

import orjson
from temporalio.testing import ActivityEnvironment

from journeys import Segment, did, engagement, rfm
from journeys.clock import Clock
from journeys.contracts import PredictionRound
from segments.predictions import Prediction
from store import connect
from workers.training.process import keep_to

#: Of nearly everybody; half of whom look at something again within a week.
PREDICTION = Prediction(
    "returns",
    of=did("Product Viewed"),
    label=did("Product Viewed").within(days=7),
    horizon=timedelta(days=7),
    features=rfm() + engagement(),
)


async def measure(dsn: str) -> dict[str, float | str]:
    """Seconds of features as of an instant, of training and of three scorings; MiB; and what the product said of them."""
    from activities.predicting.kinds import kind_of
    from activities.predicting.scoring import Scoring
    from activities.predicting.training import Training
    from segments.ask import known

    database = await connect(dsn, max_size=2)
    declared, clock = {PREDICTION.name: PREDICTION}, Clock()
    assert kind_of(PREDICTION).judged, "what fits models is loaded before anything is timed"
    segment = Segment("returning", PREDICTION.crosses(0.9, back_at=0.8))
    training = Training(database, clock, declared)
    scoring = Scoring(database, clock, declared, {segment.name: segment}, ())
    at = datetime.now(UTC)
    asked = PredictionRound(prediction=PREDICTION.name, at=at)
    found: dict[str, float | str] = {"before": _mebibytes()}
    began = time.perf_counter()
    async with database.transaction() as connection:
        found["people"] = len(await known.table(connection, PREDICTION, at))
    found["features"] = time.perf_counter() - began
    for name, does in (("trained", training.train), *((each, scoring.score) for each in ("scored", "again", "rewritten"))):
        if name == "rewritten":
            await database.pool.execute("update prediction_score set score = score + 0.00001")
            await database.pool.execute("vacuum prediction_score")
        began = time.perf_counter()
        found[f"{name}, in words"] = await ActivityEnvironment().run(does, asked)
        found[name] = time.perf_counter() - began
    await database.close()
    return found | {"most": _mebibytes()}


def _mebibytes() -> float:
    return getrusage(RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    keep_to(0)
    print(orjson.dumps(asyncio.run(measure(os.environ["JOURNEYS_DATABASE_URL"]))).decode(), flush=True)
