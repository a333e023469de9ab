"""What a prediction is made of, in the words of the segment language: who it is of, what comes true, by which features."""

from segments.predictions.best import BestChannel, BestHour
from segments.predictions.clusters import Clusters
from segments.predictions.declared import daily, weekly
from segments.predictions.features import DaysSince, Feature, TraitValue, engagement, feature, rfm
from segments.predictions.lifetime import LifetimeValue
from segments.predictions.prediction import Prediction, Trial
from segments.predictions.uplift import Uplift
from segments.predictions.wire import declared_from_json

__all__ = [
    "BestChannel",
    "BestHour",
    "Clusters",
    "DaysSince",
    "Feature",
    "LifetimeValue",
    "Prediction",
    "TraitValue",
    "Trial",
    "Uplift",
    "daily",
    "declared_from_json",
    "engagement",
    "feature",
    "rfm",
    "weekly",
]
