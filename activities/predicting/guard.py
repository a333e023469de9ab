"""When a model is not trusted: none, too old, of another declaration, or no longer true of what came. Pure.

Calibration is watched for as long as a model scores, so it is looked at by a confidence sequence: in 95 of 100 models that are
right, it never says that one is not, however often it looks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import sqrt

from journeys.experiments.sequences import ConfidenceSequence
from segments.predictions.declared import Declared
from store.predictions import Champion, Outcome

#: What is looked at again and again: narrowest at so many people.
SEQUENCE = ConfidenceSequence.at(0.05, 2_000)
_FEWEST = 100  # people: the sequence is of large samples
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Drift:
    """How much more often it came true than was foretold, of people whose horizon has passed.

    Attributes:
        people: How many.
        foretold, came: Mean probability or amount, and the share of whom it came true, or what came on average.
        half: Half of the interval around the difference; any number of looks at it err in 5 of 100 models.
    """

    people: int
    foretold: float
    came: float
    half: float

    @classmethod
    def of(cls, outcomes: Sequence[Outcome]) -> "Drift | None":
        """Of all that has come of a model's probabilities; None while they are too few."""
        people = sum(each.people for each in outcomes)
        if people < _FEWEST:
            return None
        foretold, came = (sum(values) / people for values in zip(*((o.foretold, o.came) for o in outcomes), strict=True))
        spread = max(sum(each.squares for each in outcomes) / people - (came - foretold) ** 2, 0.0)
        return cls(people, foretold, came, SEQUENCE.width(people) * sqrt(spread / people))

    def beyond(self, tolerance: float | None) -> bool:
        """Whether the whole interval lies outside of what is tolerated; None tolerates all."""
        return tolerance is not None and abs(self.came - self.foretold) - self.half > tolerance


def why_held(prediction: Declared, champion: Champion | None, outcomes: Sequence[Outcome], now: datetime) -> str | None:
    """Why nobody new may come over a threshold of a prediction, in words for operators; None where they may."""
    if champion is None:
        return "no model has been trained yet"
    if champion.declared != prediction.version:
        return "its model was trained for another declaration of it; a new one is trained"
    if (age := now - champion.trained_at) > prediction.max_age:
        told = f"{age / _DAY:.1f} days old, and is trusted for {prediction.max_age / _DAY:g}"
        return f"its model is {told}; see why no newer one was trained"
    measures = champion.card.get("measures", {})
    if measures.get("informs") is False:
        told = f"{measures['share']:.1%} of all, by the {measures['people']:,} people who judged it"
        return (
            f"its model is not shown to know more than that it comes true for {told}; a longer past or other features may help"
        )
    drift = Drift.of(outcomes)
    if drift is not None and drift.beyond(prediction.tolerated(drift.foretold)):
        told = f"{drift.foretold:.3f} was foretold on average and {drift.came:.3f} came, of {drift.people:,} people"
        return f"{prediction.what} are not true any more: {told}, ±{drift.half:.3f}; it is trained again"
    return None


def turn(prediction: Declared, at: datetime) -> tuple[int, int]:
    """Of how many parts of the people one is looked at in each scoring, and which: everybody once in a horizon."""
    parts = max(1, round((prediction.ahead or prediction.score) / prediction.score))
    return parts, int(at.timestamp() // prediction.score.total_seconds()) % parts
