"""Why a score is what it is, in words: each feature, its value, and what it does to the odds.

Promise: pure, and needs no library: a model's parameters are a few hundred numbers (`segments.models.stored` checks them), and
a score is a sum over them, so that a process that trains nothing can tell it. Trees are more numbers, and what they say
together is divided among features by Shapley's values (`segments.predictions.trees`).
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from json import loads
from math import exp, isnan
from typing import Any

from segments.errors import DefinitionError
from segments.predictions.features import Feature
from segments.predictions.trees import effects, read

#: What "raises the odds" compares with: the penalty of the fit draws each curve around nothing.
AGAINST = "odds compared with the middle of what the same feature does, over all its values and not known"
_LITTLE = 0.05  # on the log-odds: nobody would call that a reason

#: By how much the log loss has to grow without a feature, for a card to name it: what is less is 0.0000.
MATTERS = 0.00005


@dataclass(frozen=True, slots=True)
class Reason:
    """What a feature does to one customer's score.

    Attributes:
        feature: Its name.
        value: Theirs; None where it is not known.
        effect: What is added to the log-odds, against the mean of the feature's curve (over its places, which are quantiles of
            customers, and not known), of an uplift to the score; above 0 raises it. None: the score is no sum.
        words: As a sentence.
    """

    feature: str
    value: float | None
    effect: float | None
    words: str


def reasons(
    parameters: str, digest: str, features: Iterable[Feature], values: Mapping[str, float], most: int = 5
) -> list[Reason]:
    """The strongest reasons of a score, strongest first.

    Args:
        parameters: The model's, as JSON.
        digest: Their sha256.
        features: By which the prediction goes.
        values: The customer's, by feature, as of the score; NaN where one is not known.
        most: How many.

    Raises:
        DefinitionError: the model was changed since it was kept, or is of other features.
    """
    model = loads(unchanged(parameters, digest))
    told = {each.name: str(each.of) for each in features}
    names = set(model["features"] if "trees" in model else model.get("curves", {}))
    if not told.keys() >= names or not values.keys() >= names:
        raise DefinitionError("model", "was trained by other features than are declared now; wait until it is trained again")
    by = _effects(model, values)
    found = [(abs(by[name]), _reason(name, told[name], values[name], by[name])) for name in by]
    strongest = sorted(found, key=lambda each: -each[0])
    return [reason for by, reason in strongest[:most] if by >= _LITTLE]


def unchanged(parameters: str, digest: str) -> str:
    """The parameters, as they were kept.

    Raises:
        DefinitionError: they are others.
    """
    if sha256(parameters.encode()).hexdigest() != digest:
        raise DefinitionError("model", "was changed after it was kept: its sha256 differs; train it again")
    return parameters


def _effects(model: Mapping[str, Any], values: Mapping[str, float]) -> dict[str, float]:
    """What each feature adds to the log-odds: of curves a sum by itself, of trees its share of what they say together."""
    if "trees" in model:
        names: Sequence[str] = model["features"]
        found = effects(read(model["trees"], len(names)), [values[name] for name in names])
        return dict(zip(names, found, strict=True))
    return {name: effect(curve, values[name]) for name, curve in model.get("curves", {}).items()}


def effect(curve: Mapping[str, Any], value: float) -> float:
    """What a curve adds to the log-odds at a value: straight between its places, level outside."""
    places: Sequence[float] = curve["places"]
    effects: Sequence[float] = curve["effects"]
    if isnan(value):
        return float(curve["unknown"])
    right = bisect_right(places, value)
    if right in (0, len(places)):
        return float(effects[0 if right == 0 else -1])
    low, high = places[right - 1], places[right]
    return float(effects[right - 1] + (effects[right] - effects[right - 1]) * (value - low) / (high - low))


def _reason(name: str, what: str, value: float, by: float) -> Reason:
    known = None if isnan(value) else value
    said = "is not known" if known is None else f"is {known:,.6g}"
    times = exp(abs(by))
    does = f"{'raises' if by > 0 else 'lowers'} the odds {times:.1f} times" if times >= 1.1 else "hardly matters"  # noqa: PLR2004
    return Reason(name, known, by, f"{what} {said}: {does}")
