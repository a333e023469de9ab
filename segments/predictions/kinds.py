"""Every kind of prediction by its name, and a declaration of any of them from JSON."""

from collections.abc import Mapping
from typing import Any

from segments.errors import DefinitionError
from segments.predictions.declared import Declared
from segments.predictions.prediction import Prediction

#: By what JSON, the API and the tables call each.
KINDS: Mapping[str, type[Declared]] = {each.kind: each for each in (Prediction,)}


def read_declared(plain: Mapping[str, Any]) -> Declared:
    """What `to_json` of any kind wrote; without a kind it is a probability.

    Raises:
        DefinitionError: it is none; the error names the place.
    """
    kind = plain.get("kind", Prediction.kind)
    if kind not in KINDS:
        raise DefinitionError(f"prediction {plain.get('name')!r}, kind", f"is one of {', '.join(sorted(KINDS))}, not {kind!r}")
    return KINDS[kind].from_json(plain)
