"""Which module knows how a kind of prediction is trained and scored."""

from collections.abc import Mapping

from activities.predicting.best import Reaching
from activities.predicting.clusters import Sorting
from activities.predicting.kind import Kind
from activities.predicting.lifetimes import Lifetimes
from activities.predicting.probabilities import Probabilities
from activities.predicting.uplifts import Uplifts
from segments.predictions.best import BestChannel, BestHour
from segments.predictions.clusters import Clusters
from segments.predictions.declared import Declared
from segments.predictions.lifetime import LifetimeValue
from segments.predictions.prediction import Prediction
from segments.predictions.uplift import Uplift

KINDS: Mapping[str, Kind] = {
    Prediction.kind: Probabilities(),
    LifetimeValue.kind: Lifetimes(),
    Clusters.kind: Sorting(),
    BestChannel.kind: Reaching(),
    BestHour.kind: Reaching(),
    Uplift.kind: Uplifts(),
}


def kind_of(declared: Declared) -> Kind:
    """Its kind."""
    return KINDS[declared.kind]
