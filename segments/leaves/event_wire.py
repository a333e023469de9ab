"""Reading leaves about events from JSON, as strictly as `wire` reads everything; `inside` reads a nested predicate.

Promise: pure; what `to_json` of a leaf wrote comes back, and anything else fails with its place.
"""

from collections.abc import Callable, Mapping
from typing import Any

from segments.errors import DefinitionError
from segments.language.predicate import Predicate
from segments.language.reading import an_object, only, window
from segments.leaves.aggregates import Aggregate
from segments.leaves.did import Did
from segments.leaves.measures import MEASURES, Measured
from segments.leaves.sequences import Follow, Outermost, follow
from segments.leaves.versus import Versus
from segments.time.calendar import period_from_json
from segments.time.hours import hours_from_json, weekdays_from_json
from segments.time.stretch import stretch_from_json

#: Reads the predicate under a key: the key (for errors) and the plain JSON.
Inside = Callable[[str, object], Predicate]
#: Reads an operand.
Operand = Callable[[Any], Any]
_DATED = ("between", "period", "at_hours", "on_days")
_FOLLOWED = ("then", "then_within", "without", "without_within")


def did_from_json(plain: Mapping[str, Any], inside: Inside) -> Did:
    """`{"did": …}`."""
    only(plain, "did", "within", "where", "at_least", "at_most", "since_last", *_DATED, *_FOLLOWED)
    where = plain.get("where")
    return Did(
        type=plain["did"],
        window=window(plain.get("within")),
        condition=None if where is None else inside("where", where),
        least=plain.get("at_least"),
        most=plain.get("at_most"),
        since=plain.get("since_last"),
        stretch=stretch_from_json(plain.get("between")),
        period=period_from_json(plain.get("period")),
        then_=_follow(plain, inside),
        hours=hours_from_json(plain.get("at_hours")),
        days=weekdays_from_json(plain.get("on_days")),
    )


def aggregate_from_json(plain: Mapping[str, Any], inside: Inside, operand: Operand) -> Aggregate:
    """`{"total": property, "of": {"did": …}, "is": …, "value": …}`."""
    found = _measured(plain, inside, "is", "value")
    return Aggregate(found, str(plain.get("is")), operand(plain.get("value")))


def versus_from_json(plain: Mapping[str, Any], inside: Inside, operand: Operand) -> Versus:
    """`{"versus": [amount, amount], "is": …, "times": …}` or `{"ratio": [amount, amount], "is": …, "value": …}`."""
    tag, number = ("ratio", "value") if "ratio" in plain else ("versus", "times")
    only(plain, tag, "is", number)
    both = plain[tag]
    if not isinstance(both, list) or len(both) != 2:  # noqa: PLR2004 - two sides
        raise DefinitionError(tag, f"needs a list of two amounts, not {both!r}")
    left, right = (_side(f"{tag}[{n}]", side, inside) for n, side in enumerate(both))
    value = operand(plain.get(number, 1 if tag == "versus" else None))
    return Versus(left, str(plain.get("is")), right, value, divided=tag == "ratio")


def _side(place: str, plain: object, inside: Inside) -> Measured:
    given = an_object(place, plain, *MEASURES)
    if not any(name in given for name in MEASURES):
        raise DefinitionError(place, f"needs one of the keys {', '.join(MEASURES)}")
    try:
        return _measured(given, inside)
    except DefinitionError as error:
        raise error.within(place) from None


def _measured(plain: Mapping[str, Any], inside: Inside, *beside: str) -> Measured:
    measure = next(name for name in MEASURES if name in plain)
    only(plain, measure, "of", "whole", *beside)
    whole = plain.get("whole", False)
    if not isinstance(whole, bool):
        raise DefinitionError("whole", f"needs true (all lines) or false (those that meet the condition), not {whole!r}")
    name = plain[measure]
    if name is not True if measure == "count" else not isinstance(name, str):
        raise DefinitionError(measure, f"needs {'true' if measure == 'count' else 'the name of a property'}, not {name!r}")
    return Measured(_did("of", plain.get("of"), inside), measure, () if name is True else tuple(name.split(".")), whole)


def outermost_from_json(plain: Mapping[str, Any], inside: Inside) -> Outermost:
    """`{"first": …}` or `{"last": …}`."""
    which = "first" if "first" in plain else "last"
    only(plain, which, "within", "where")
    where = plain.get("where")
    condition = None if where is None else inside("where", where)
    return Outermost(which, plain[which], window(plain.get("within")), condition)


def _follow(plain: Mapping[str, Any], inside: Inside) -> Follow | None:
    found = [word for word in ("then", "without") if word in plain]
    if len(found) == 2:  # noqa: PLR2004 - the two words
        raise DefinitionError("without", 'stands beside "then"; write a chain inside, or two predicates')
    for word in ("then", "without"):
        if f"{word}_within" in plain and word not in found:
            raise DefinitionError(f"{word}_within", f'needs "{word}" beside it')
    if not found:
        return None
    [word] = found
    if "within" in plain and f"{word}_within" not in plain:
        how_soon = f'add "{word}_within": how soon the other follows, in seconds (null: ever)'
        raise DefinitionError(
            "within", f'beside "{word}" could mean two things; {how_soon}; "within" is how old the first may be'
        )
    return follow(word, _did(word, plain[word], inside), window(plain.get(f"{word}_within")), wanted=word == "then")


def _did(place: str, plain: object, inside: Inside) -> Did:
    found = inside(place, an_object(place, plain, "did", "where", "then", "without"))
    if not isinstance(found, Did):
        raise DefinitionError(place, f"needs a did, not {found}")
    return found
