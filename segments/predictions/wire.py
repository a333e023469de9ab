"""Reading a prediction of whatever kind from JSON."""

from collections.abc import Mapping

from segments.errors import DefinitionError
from segments.language.reading import an_object
from segments.predictions.best import BestChannel, BestHour
from segments.predictions.clusters import Clusters
from segments.predictions.declared import Declared
from segments.predictions.lifetime import LifetimeValue
from segments.predictions.prediction import Prediction
from segments.predictions.uplift import Uplift

KINDS: Mapping[str, type[Declared]] = {
    each.kind: each for each in (Prediction, LifetimeValue, Clusters, BestChannel, BestHour, Uplift)
}


def declared_from_json(plain: object) -> Declared:
    """The prediction that `to_json` of its kind wrote; without `kind` it is a probability.

    Raises:
        DefinitionError: it is none; the error names the place.
    """
    kind = an_object("prediction", plain, "kind", "name", "of").get("kind", Prediction.kind)
    if not isinstance(kind, str) or kind not in KINDS:
        raise DefinitionError("kind", f"is one of {', '.join(KINDS)}, not {kind!r}")
    return KINDS[kind].from_json(plain)
