"""Where the traits of an identify call come from, as `context.provenance` says it; without it, from the key that sends them.

Promise: what is not understood is refused with its place, so a guess is never taken for what a customer said.
"""

from collections.abc import Mapping
from typing import Any

from api.ingest.addresses import Unusable
from store.ingest.items import Provenance

#: Characters of a source's name.
SOURCE_LIMIT = 100
_PLACE = "/context/provenance"


def origins_of(traits: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Provenance]:
    """What `context.provenance` says of these traits: `{"adventurous": {"source": "model-3", "confidence": 0.82}}`.

    Raises:
        Unusable: it names a trait that the call does not have, or does not say it as above.
    """
    given = context.get("provenance")
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise Unusable(_PLACE, "must be an object: a source, a confidence or both, by trait")
    return {name: _origin(name, said, traits) for name, said in given.items()}


def _origin(name: str, said: Any, traits: Mapping[str, Any]) -> Provenance:
    pointer = f"{_PLACE}/{name.replace('~', '~0').replace('/', '~1')}"
    if name not in traits:
        raise Unusable(pointer, "is not among the traits of this call; say where a trait comes from together with its value")
    if not isinstance(said, dict) or not said or not said.keys() <= {"source", "confidence"}:
        raise Unusable(pointer, "must be an object with source, confidence or both, and nothing else")
    confidence = _confidence(said["confidence"], f"{pointer}/confidence") if "confidence" in said else None
    if confidence is not None and traits[name] is None:
        raise Unusable(pointer, "a null takes the trait away for good and cannot be a guess; send the value with confidence 0")
    return Provenance(_source(said["source"], f"{pointer}/source") if "source" in said else None, confidence)


def _source(value: Any, pointer: str) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > SOURCE_LIMIT:
        raise Unusable(pointer, f"must be a text of 1 to {SOURCE_LIMIT} characters")
    return value


def _confidence(value: Any, pointer: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise Unusable(pointer, "must be a number from 0 to 1")
    return value
