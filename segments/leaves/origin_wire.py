"""Reading leaves about where traits come from, from JSON, as strictly as `wire` reads everything.

Promise: pure; what `to_json` of a leaf wrote comes back, and anything else fails with its place.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from segments.errors import DefinitionError
from segments.language.predicate import Predicate
from segments.language.reading import an_object, only, window
from segments.leaves.provenance import ASKED, Declared, Origin, Said

#: The keys beside "trait" that make it one of these.
ORIGINAL = ("declared", "said_within", *ASKED)


def origin_from_json(plain: Mapping[str, Any], trait: str, operand: Callable[[Any], Any]) -> Predicate:
    """`{"trait": …, "declared": true}`, `said_within`, or `source` and `confidence` with `{"is": …, "value": …}`."""
    word = next(name for name in ORIGINAL if name in plain)
    only(plain, "trait", word)
    if word == "declared":
        if plain[word] is not True:
            raise DefinitionError(word, f'is true or not there, not {plain[word]!r}; put the whole into a "not"')
        return Declared(trait)
    if word == "said_within":
        return Said(trait, window(plain[word]) or timedelta(0))
    given = an_object(word, plain[word], "is", "value")
    only(given, "is", "value")
    return Origin(trait, word, str(given.get("is")), operand(given.get("value")))
