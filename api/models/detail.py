"""All that is told of one prediction: how it stands, its models, what came of its scores, whether acting on it helps."""

from datetime import datetime, timedelta

from api.models.views import ModelDetail
from journeys.arms import FORETOLD, WITHHELD
from journeys.experiments.acting import Acting, Came, acting
from segments.predictions.weeks import weeks
from store import Database, acted, predictions

_LATELY = timedelta(weeks=52)


async def detail(database: Database, name: str, now: datetime) -> ModelDetail | None:
    """What there is of a prediction of this name."""
    found = await predictions.found(database, name)
    if not found:
        return None
    (row,) = found
    kept = await predictions.models(database, name)
    outcomes = await predictions.outcomes(database, name, row.champion) if row.champion is not None else []
    shape, exposed = await predictions.shape(database, row), await acted.arms(database, f"{FORETOLD}/{name}")
    helps = await _helps(database, name, exposed)
    by_week = weeks(await predictions.outcomes_since(database, name, now - _LATELY))
    return (
        ModelDetail.with_models(row, now, kept, outcomes, shape)
        .with_weeks(by_week)
        .with_acting(helps, exposed, await acted.uplift(database, name))
    )


async def _helps(database: Database, name: str, arms: list[acted.ArmExposed]) -> Acting | None:
    """Whether acting helps; None where nobody was ever exposed to a holdout of it."""
    if not arms:
        return None
    shares = {each.arm: (each.lowest, each.highest) for each in arms}
    changed = next((arm for arm, (lowest, highest) in shares.items() if lowest != highest), None)
    first = arms[0]
    share = first.highest if first.arm == WITHHELD else 1 - first.highest
    broken = (
        f"the share of {changed} was changed while it ran; give the prediction another name to begin anew" if changed else None
    )
    came = [
        Came(each.day, each.tenth, each.arm, each.people, each.came)
        for each in await acted.acted(database, f"{FORETOLD}/{name}")
    ]
    return acting(f"{FORETOLD}/{name}", share, came, broken)
