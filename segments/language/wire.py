"""Reading definitions from JSON: strict, so that a misspelt key fails when it is loaded, in an error with its place.

Promise: pure. Each predicate reads itself; importing any module of `segments` imports all of them.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache

from segments.errors import DefinitionError
from segments.language.predicate import Predicate
from segments.language.reading import an_object

_DEEPEST = 50
#: The keys that tell predicates apart, in the order in which they are looked for; those of other leaves come after them.
ORDER = (
    *("all", "any", "not", "did"),
    "top",  # before the amounts: it may have a "total"
    *("versus", "ratio", "total", "largest", "smallest", "average", "distinct", "count", "age", "first", "last", "held"),
    *("listed", "prediction is", "prediction"),
    *("near", "inside", "member_of", "score", "bucket", "customers", "consented", "reachable"),
    *("trait any_item", "trait within_next", "trait within_last", "trait anniversary"),
    *("trait declared", "trait said_within", "trait source", "trait confidence", "trait"),
    *("property any_item", "property"),
)


@lru_cache(1)
def readers() -> Mapping[str, type[Predicate]]:
    """Every kind of predicate by the keys that tell it, in their order."""
    known = {keys: kind for kind in _kinds(Predicate) for keys in kind.told_by}
    return {keys: known[keys] for keys in dict.fromkeys((*ORDER, *sorted(known)))}


def _kinds(kind: type[Predicate]) -> Iterator[type[Predicate]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _kinds(narrower)


def predicate_from_json(plain: object, *, depth: int = 0) -> Predicate:
    """The predicate that `to_json` wrote.

    Raises:
        DefinitionError: it is not one; the error names the place, such as `all[1].within`.
    """
    if depth > _DEEPEST:
        raise DefinitionError("", f"nested deeper than {_DEEPEST}")

    def read(place: str, inner: object) -> Predicate:
        try:
            return predicate_from_json(inner, depth=depth + 1)
        except DefinitionError as error:
            raise error.within(place) from None

    tags = dict.fromkeys(keys.partition(" ")[0] for keys in readers())
    given = an_object("", plain, *tags)
    for keys, kind in readers().items():
        if all(key in given for key in keys.split()):
            return kind.from_json(given, read)
    raise DefinitionError("", f"needs one of the keys {', '.join(tags)}; found {', '.join(map(repr, given)) or 'none'}")
