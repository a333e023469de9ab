"""A comparison with a JSON value as SQL that cannot raise: the type of the value is looked at before it is cast."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from operator import eq, ge, gt, le, lt, ne
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from segments.evaluate import as_instant
from segments.predicate import Compare
from segments.tables import INSTANT
from segments.values import ISO, ISO_OFFSET, Kind, kind_of

Expression = sa.ColumnElement[Any]
_JSON_TYPE: dict[Kind, str] = {"boolean": "boolean", "number": "number", "text": "string", "instant": "string"}
_SQL_TYPE: dict[Kind, Any] = {"boolean": sa.Boolean(), "number": sa.Numeric(), "text": sa.Text(), "instant": INSTANT}
_OPERATOR: dict[str, Callable[[Any, Any], Any]] = {"==": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}


class _Value(NamedTuple):
    """A place in a JSON document: its content, its content as text, and the name of its JSON type."""

    json: Expression
    text: Expression
    type: Expression

    def when(self, kind: Kind, then: Expression) -> Expression:
        """The expression where the value is of that kind, else false."""
        return sa.case((self.type == _bound(_JSON_TYPE[kind], "text"), then), else_=sa.false())


def compare(leaf: Compare, document: Expression) -> Expression:
    """The comparison, true or false and never NULL."""
    value = _walk(document, leaf.path)
    operand: Any = leaf.value
    match leaf.op:
        case "exists":
            return sa.func.coalesce(value.type != _bound("null", "text"), sa.false())
        case "in":
            return sa.or_(*(_is_one_of(value, kind, operand) for kind in _JSON_TYPE if _of_kind(kind, operand)))
        case "contains":
            return _contains(value, operand)
    kind = kind_of(leaf.place, operand)
    return value.when(kind, _typed(value, kind, lambda mine: _OPERATOR[leaf.op](mine, _bound(operand, kind))))


def _walk(document: Expression, path: tuple[str, ...]) -> _Value:
    for step in path[:-1]:
        document = document.op("->", return_type=JSONB())(_bound(step, "text"))
    last = _bound(path[-1], "text")
    json = document.op("->", return_type=JSONB())(last)
    return _Value(json, document.op("->>", return_type=sa.Text())(last), sa.func.jsonb_typeof(json, type_=sa.Text()))


def _typed(value: _Value, kind: Kind, test: Callable[[Expression], Expression]) -> Expression:
    """The test of the value as its kind; the caller has made sure of its JSON type."""
    match kind:
        case "text":
            return test(sa.collate(value.text, "C"))
        case "instant":
            return _typed_instant(value, test)
    return test(sa.cast(value.text, _SQL_TYPE[kind]))


def _typed_instant(value: _Value, test: Callable[[Expression], Expression]) -> Expression:
    has_offset = value.text.op("~", is_comparison=True)(_bound(ISO_OFFSET, "text"))
    text = sa.case((has_offset, value.text), else_=value.text + _bound(" UTC", "text"))
    is_iso = value.text.op("~", is_comparison=True)(_bound(ISO, "text"))
    is_valid = sa.func.pg_input_is_valid(text, _bound("timestamptz", "text"), type_=sa.Boolean())
    return sa.case((sa.and_(is_iso, is_valid), test(sa.cast(text, INSTANT))), else_=sa.false())


def _is_one_of(value: _Value, kind: Kind, choices: tuple[Any, ...]) -> Expression:
    mine = [_native(choice, kind) for choice in _of_kind(kind, choices)]
    array = sa.bindparam(None, mine, ARRAY(_SQL_TYPE[kind]), unique=True)
    return value.when(kind, _typed(value, kind, lambda it: it == sa.any_(array)))


def _of_kind(kind: Kind, choices: tuple[Any, ...]) -> list[Any]:
    return [choice for choice in choices if kind_of("", choice) == kind]


def _contains(value: _Value, operand: Any) -> Expression:
    kind = kind_of("", operand)
    element = value.json.op("@>", is_comparison=True)(sa.func.to_jsonb(_bound(operand, kind)))
    branches: list[tuple[Expression, Expression]] = [(value.type == _bound("array", "text"), element)]
    if kind == "text":
        found = sa.func.strpos(value.text, _bound(operand, kind)) > sa.literal(0)
        branches.append((value.type == _bound("string", "text"), found))
    return sa.case(*branches, else_=sa.false())


def _bound(value: Any, kind: Kind) -> Expression:
    return sa.bindparam(None, _native(value, kind), _SQL_TYPE[kind], unique=True)


def _native(value: Any, kind: Kind) -> bool | Decimal | str | datetime | None:
    match kind:
        case "number":
            return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        case "instant":
            return as_instant(value)
    return value  # type: ignore[no-any-return]  # a bool or a str by its kind
