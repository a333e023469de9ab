"""Which module knows how a kind of prediction is trained and scored."""

from collections.abc import Mapping

from activities.predicting.kind import Kind
from activities.predicting.probabilities import Probabilities
from segments.predictions.declared import Declared
from segments.predictions.prediction import Prediction

KINDS: Mapping[str, Kind] = {Prediction.kind: Probabilities()}


def kind_of(declared: Declared) -> Kind:
    """Its kind."""
    return KINDS[declared.kind]
