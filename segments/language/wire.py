"""Reading definitions from JSON: strict, so that a misspelt key fails when it is loaded, in an error with its place."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from segments.errors import DefinitionError
from segments.language.predicate import All, AnyItem, Compare, Either, Not, Predicate, Scope
from segments.language.reading import an_object, window
from segments.language.reading import only as _only
from segments.leaves.date_wire import DATED, age_from_json, dated_from_json
from segments.leaves.event_wire import aggregate_from_json, did_from_json, outermost_from_json, versus_from_json
from segments.leaves.held import Held
from segments.leaves.listed import Listed, check_list_name
from segments.leaves.measures import MEASURES
from segments.leaves.origin_wire import ORIGINAL, origin_from_json
from segments.leaves.people import Bucket, Customers, MemberOf, check_no_circle
from segments.leaves.places_wire import located_from_json
from segments.leaves.reach import Consented, Reachable
from segments.leaves.score import Score, Scored, rule_from
from segments.leaves.top import Top

_DEEPEST = 50


def predicate_from_json(plain: object, *, depth: int = 0) -> Predicate:
    """The predicate that `to_json` wrote.

    Raises:
        DefinitionError: it is not one; the error names the place, such as `all[1].within`.
    """
    if depth > _DEEPEST:
        raise DefinitionError("", f"nested deeper than {_DEEPEST}")
    given = an_object("", plain, *_READERS)
    for tag, read in _READERS.items():
        if tag in given:
            return read(given, depth)
    raise DefinitionError("", f"needs one of the keys {', '.join(_READERS)}; found {', '.join(map(repr, given)) or 'none'}")


def _all(plain: Mapping[str, Any], depth: int) -> Predicate:
    return All(_members(plain, "all", depth))


def _any(plain: Mapping[str, Any], depth: int) -> Predicate:
    return Either(_members(plain, "any", depth))


def _not(plain: Mapping[str, Any], depth: int) -> Predicate:
    _only(plain, "not")
    return Not(_inside("not", plain["not"], depth))


def _members(plain: Mapping[str, Any], tag: str, depth: int) -> tuple[Predicate, ...]:
    _only(plain, tag)
    if not isinstance(plain[tag], list) or not plain[tag]:
        raise DefinitionError(tag, "needs a list with at least one predicate")
    return tuple(_inside(f"{tag}[{n}]", part, depth) for n, part in enumerate(plain[tag]))


def _inside(place: str, plain: object, depth: int) -> Predicate:
    try:
        return predicate_from_json(plain, depth=depth + 1)
    except DefinitionError as error:
        raise error.within(place) from None


def _compare(scope: Scope) -> Callable[[Mapping[str, Any], int], Predicate]:
    def read(plain: Mapping[str, Any], depth: int) -> Predicate:
        path = plain[scope]
        if not isinstance(path, str):
            raise DefinitionError(scope, f"needs a name, not {path!r}")
        steps = tuple(path.split("."))
        if "any_item" in plain:
            _only(plain, scope, "any_item")
            return AnyItem(scope, steps, _inside("any_item", plain["any_item"], depth))
        if scope == "trait" and any(word in plain for word in DATED):
            return dated_from_json(plain, steps)
        if scope == "trait" and any(word in plain for word in ORIGINAL):
            return origin_from_json(plain, path, _operand)
        _only(plain, scope, "is", "value")
        return Compare(scope, steps, str(plain.get("is")), _operand(plain.get("value")))

    return read


def _did(plain: Mapping[str, Any], depth: int) -> Predicate:
    return did_from_json(plain, lambda place, inner: _inside(place, inner, depth))


def _aggregate(plain: Mapping[str, Any], depth: int) -> Predicate:
    return aggregate_from_json(plain, lambda place, inner: _inside(place, inner, depth), _operand)


def _versus(plain: Mapping[str, Any], depth: int) -> Predicate:
    return versus_from_json(plain, lambda place, inner: _inside(place, inner, depth), _operand)


def _age(plain: Mapping[str, Any], depth: int) -> Predicate:  # noqa: ARG001 - a leaf
    return age_from_json(plain, _operand)


def _outermost(plain: Mapping[str, Any], depth: int) -> Predicate:
    return outermost_from_json(plain, lambda place, inner: _inside(place, inner, depth))


def _listed(plain: Mapping[str, Any], depth: int) -> Predicate:  # noqa: ARG001 - a leaf
    _only(plain, "listed")
    return Listed(check_list_name(plain["listed"]))


def _held(plain: Mapping[str, Any], depth: int) -> Predicate:
    _only(plain, "held", "for")
    inner = _inside("held", plain["held"], depth)
    return Held(inner, window(plain.get("for")))  # type: ignore[arg-type]  # checked there


def _located(plain: Mapping[str, Any], depth: int) -> Predicate:  # noqa: ARG001 - a leaf
    return located_from_json(plain)


def _member_of(plain: Mapping[str, Any], depth: int) -> Predicate:
    _only(plain, "member_of", "predicate")
    name = plain["member_of"]
    if "predicate" not in plain:
        raise DefinitionError("member_of", f"needs the predicate of {name!r} beside it (see `naming.expanded`)")
    inner = _inside("predicate", plain["predicate"], depth)
    check_no_circle(name, inner)
    return MemberOf(name, inner)


def _score(plain: Mapping[str, Any], depth: int) -> Predicate:
    _only(plain, "score", "is", "value")
    if not isinstance(plain["score"], list):
        raise DefinitionError("score", f"needs a list of rules, not {plain['score']!r}")
    rules = []
    for n, rule in enumerate(plain["score"]):
        an_object(f"score[{n}]", rule, "points", "when", "why")
        when = _inside(f"score[{n}].when", rule.get("when"), depth)
        rules.append(rule_from(rule, when, _operand(rule.get("points"))))
    return Scored(Score(tuple(rules)), str(plain.get("is")), _operand(plain.get("value")))


def _top(plain: Mapping[str, Any], depth: int) -> Predicate:
    _only(plain, "top", "of", "total", "every")
    of = _inside("of", plain.get("of"), depth)
    every = window(plain["every"]) if "every" in plain else None
    return Top(_operand(plain["top"]), of, plain.get("total"), **({} if every is None else {"every": every}))  # type: ignore[arg-type]  # checked there


def _bucket(plain: Mapping[str, Any], depth: int) -> Predicate:  # noqa: ARG001 - a leaf
    _only(plain, "bucket", "salt")
    return Bucket(_operand(plain["bucket"]), plain.get("salt", ""))


def _customers(plain: Mapping[str, Any], depth: int) -> Predicate:  # noqa: ARG001 - a leaf
    _only(plain, "customers")
    return Customers(_operand(plain["customers"]))


def _consented(plain: Mapping[str, Any], depth: int) -> Predicate:  # noqa: ARG001 - a leaf
    _only(plain, "consented", "purpose")
    return Consented(plain["consented"], plain.get("purpose", "marketing"))


def _reachable(plain: Mapping[str, Any], depth: int) -> Predicate:  # noqa: ARG001 - a leaf
    _only(plain, "reachable")
    return Reachable(plain["reachable"])


def _operand(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_operand(choice) for choice in value)
    if isinstance(value, Mapping) and len(value) == 1:
        return _tagged(*next(iter(value.items())))
    return value


def _tagged(kind: str, text: Any) -> Any:
    try:
        return _TAGGED[kind](text)
    except (KeyError, TypeError, ValueError, InvalidOperation):
        problem = f"cannot read {{{kind!r}: {text!r}}}; use decimal, datetime or date with a text"
        raise DefinitionError("value", problem) from None


_READERS: Mapping[str, Callable[[Mapping[str, Any], int], Predicate]] = {
    "all": _all,
    "any": _any,
    "not": _not,
    "did": _did,
    "top": _top,  # before the amounts: it may have a "total"
    "versus": _versus,
    "ratio": _versus,
    **dict.fromkeys(MEASURES, _aggregate),
    "age": _age,
    "first": _outermost,
    "last": _outermost,
    "held": _held,
    "listed": _listed,
    "near": _located,
    "inside": _located,
    "member_of": _member_of,
    "score": _score,
    "bucket": _bucket,
    "customers": _customers,
    "consented": _consented,
    "reachable": _reachable,
    "trait": _compare("trait"),
    "property": _compare("property"),
}
_TAGGED: Mapping[str, Callable[[str], Any]] = {
    "decimal": Decimal,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
}
