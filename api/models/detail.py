"""All that is told of one prediction: how it stands, its models, what came of its scores, whether acting on it helps."""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta

from api.models.views import ModelDetail, TrialView
from journeys.arms import FORETOLD, WITHHELD
from journeys.experiments.acting import Acting, Came, acting
from journeys.experiments.sequences import pairs
from segments.ask.declared import declared
from segments.predictions.declared import Declared
from segments.predictions.weeks import weeks
from store import Database, predictions
from store.measuring import acted, trials

_LATELY = timedelta(weeks=52)


async def detail(
    database: Database,
    catalogue: Mapping[str, Declared],
    name: str,
    now: datetime,
    *,
    hidden: Collection[str] | None = None,
) -> ModelDetail | None:
    """What there is of a prediction of this name; `catalogue` are the predictions in code. None where there is none.

    All of it, or without what names people, also by these traits (`hidden`).
    """
    found = await predictions.found(database, name)
    if not found:
        return None
    (row,) = found
    kept = await predictions.models(database, name)
    outcomes = await predictions.outcomes(database, name, row.champion) if row.champion is not None else []
    shape, exposed = await predictions.shape(database, row), await acted.arms(database, f"{FORETOLD}/{name}")
    helps = await _helps(database, name, exposed)
    tried = await _trial(database, name)
    by_week = weeks(await predictions.outcomes_since(database, name, now - _LATELY))
    said = (await declared(database, catalogue)).get(name)
    return (
        ModelDetail.with_models(row, now, kept, outcomes, shape)
        .with_declared("code" if name in catalogue else "api", said, hidden)
        .with_weeks(by_week)
        .with_trial(tried)
        .with_acting(helps, exposed, await acted.uplift(database, name))
    )


async def _trial(database: Database, name: str) -> TrialView | None:
    """How the last trial stands; None where there was none."""
    row = await trials.found(database, name)
    if row is None:
        return None
    mean, half = pairs(row.difference, row.squares, row.judged, row.people) if row.judged else (None, None)
    told = {each: getattr(row, each) for each in TrialView.model_fields if hasattr(row, each)} | {
        "difference": mean,
        "half": half,
    }
    acted_by = [asdict(each) for each in await trials.acted(database, name, f"{FORETOLD}/{name}")]
    scored = await trials.scored(database, name)
    return TrialView(**told, scored=scored, acted=acted_by, sentence=_sentence(row, mean, half))


def _sentence(row: trials.TrialRow, mean: float | None, half: float | None) -> str:
    rule = f"looked at with each scoring by a sequence that errs in 5 of 100 trials, and over at {row.people:,} people"
    if mean is None or half is None:
        return f"Nobody has been judged by both yet; it is {rule}."
    seen = f"its log loss is higher by {mean:+.4f} ± {half:.4f}, of {row.judged:,} people judged by both"
    match row.decision:
        case "challenger":
            return f"It may be concluded that {row.family} are better, and they are fitted from now on: {seen}; {rule}."
        case "champion":
            return f"It may be concluded that {row.family} are worse, and the champion's family stays: {seen}; {rule}."
        case "not shown":
            return f"The stop rule has come, and no difference is shown, so the champion's family stays: {seen}; {rule}."
    return f"It may not be concluded yet which is better: {seen}; {rule}."


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
