"""Reading definitions from JSON: strict, so that a misspelt key fails when it is loaded, in an error with its place."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from segments.errors import DefinitionError
from segments.happened import Did
from segments.predicate import All, Compare, Either, Not, Predicate, Scope

_DEEPEST = 50


def predicate_from_json(plain: object, *, depth: int = 0) -> Predicate:
    """The predicate that `to_json` wrote.

    Raises:
        DefinitionError: it is not one; the error names the place, such as `all[1].within`.
    """
    if depth > _DEEPEST:
        raise DefinitionError("", f"nested deeper than {_DEEPEST}")
    if not isinstance(plain, Mapping):
        raise DefinitionError("", f"needs an object, not {plain!r}")
    for tag, read in _READERS.items():
        if tag in plain:
            return read(plain, depth)
    raise DefinitionError("", f"needs one of the keys {', '.join(_READERS)}; found {', '.join(map(repr, plain)) or 'none'}")


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
    def read(plain: Mapping[str, Any], depth: int) -> Predicate:  # noqa: ARG001 - a leaf
        _only(plain, scope, "is", "value")
        path = plain[scope]
        if not isinstance(path, str):
            raise DefinitionError(scope, f"needs a name, not {path!r}")
        return Compare(scope, tuple(path.split(".")), str(plain.get("is")), _operand(plain.get("value")))

    return read


def _did(plain: Mapping[str, Any], depth: int) -> Predicate:
    _only(plain, "did", "within", "where", "at_least", "at_most", "since_last")
    where = plain.get("where")
    return Did(
        type=plain["did"],
        window=_window(plain.get("within")),
        condition=None if where is None else _inside("where", where, depth),
        least=plain.get("at_least"),
        most=plain.get("at_most"),
        since=plain.get("since_last"),
    )


def _window(seconds: object) -> timedelta | None:
    if seconds is None:
        return None
    try:
        return timedelta(seconds=seconds)  # type: ignore[arg-type]  # whatever it is, it must fail here with a reason
    except (TypeError, OverflowError, ValueError):
        raise DefinitionError("within", f"needs a number of seconds, not {seconds!r}") from None


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


def _only(plain: Mapping[str, Any], *known: str) -> None:
    if unknown := [name for name in plain if name not in known]:
        raise DefinitionError(str(unknown[0]), f"unknown here; use {', '.join(known)}")


_READERS: Mapping[str, Callable[[Mapping[str, Any], int], Predicate]] = {
    "all": _all,
    "any": _any,
    "not": _not,
    "did": _did,
    "trait": _compare("trait"),
    "property": _compare("property"),
}
_TAGGED: Mapping[str, Callable[[str], Any]] = {
    "decimal": Decimal,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
}
