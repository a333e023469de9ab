"""A comparison with a JSON value as SQL that cannot raise: the type of the value is looked at before it is cast."""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from operator import eq, ge, gt, le, lt, ne
from typing import Any, NamedTuple, Self

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, JSONPATH

from segments.language.comparing import as_instant
from segments.language.predicate import Predicate
from segments.language.query import Path
from segments.language.values import BLANK, CALENDAR, FINER, ISO, ISO_OFFSET, Kind, fold_table, kind_of
from segments.sql.tables import INSTANT

Expression = sa.ColumnElement[Any]
_LIKE_JSON = re.compile(r"[-0-9\[{]|true$|false$")
_JSON_TYPE: dict[Kind, str] = {"boolean": "boolean", "number": "number", "text": "string", "instant": "string"}
_SQL_TYPE: dict[Kind, Any] = {"boolean": sa.Boolean(), "number": sa.Numeric(), "text": sa.Text(), "instant": INSTANT}
_OPERATOR: dict[str, Callable[[Any, Any], Any]] = {
    "==": eq,
    "!=": ne,
    "<": lt,
    "<=": le,
    ">": gt,
    ">=": ge,
    "starts_with": lambda mine, start: sa.func.starts_with(mine, start, type_=sa.Boolean()),
}


class Value(NamedTuple):
    """A place in a JSON document: its content, its content as text, and the name of its JSON type."""

    json: Expression
    text: Expression
    type: Expression

    @classmethod
    def field(cls, document: Expression, name: str) -> "Value":
        """A field of an object."""
        key = bound(name, "text")
        json = document.op("->", return_type=JSONB())(key)
        return cls(json, document.op("->>", return_type=sa.Text())(key), sa.func.jsonb_typeof(json, type_=sa.Text()))

    @classmethod
    def each(cls, document: Expression, path: tuple[str, ...], *, items: bool = False) -> "Value":
        """What stands at a path, one row each; a list on the way (with `items`, also at the end) fans out."""
        steps = "".join(f".{json.dumps(step, ensure_ascii=False)}" for step in path)
        given = sa.bindparam(None, f"lax ${steps}{'[*]' * items}", JSONPATH, unique=True)
        found = sa.func.jsonb_path_query(document, given, type_=JSONB).column_valued()
        text = found.op("#>>", return_type=sa.Text())(sa.bindparam(None, [], ARRAY(sa.Text), unique=True))
        return cls(found, text, sa.func.jsonb_typeof(found, type_=sa.Text()))

    def when(self, kind: Kind, then: Expression) -> Expression:
        """The expression where the value is of that kind, else false."""
        is_so: Expression = self.type == bound(_JSON_TYPE[kind], "text")
        first, second = (then, is_so) if kind == "text" else (is_so, then)  # as text all can be asked
        return sa.case((first, second), else_=sa.false())


@dataclass(frozen=True, eq=False)
class Document:
    """A JSON document, and what can be asked of it: true or false and never NULL."""

    json: Expression

    def beside(self, part: Predicate, siblings: Iterable[Predicate]) -> Self:  # noqa: ARG002 - they tell of events, not of documents
        """The same: what else is asked of it tells nothing."""
        return self

    def compares(self, path: Path, op: str, value: Any = None) -> Expression:
        """Whether a value at the path compares."""
        return _anywhere(self.json, path, lambda found: _compare(found, op, value))

    def any_item(self, path: Path, condition: Predicate) -> Expression:
        """Whether one object in a list meets the condition."""
        item = Value.each(self.json, path, items=True)
        is_object = item.type == bound("object", "text")
        return _exists(item, sa.and_(is_object, meets(condition, item.json)))

    def instants(self, path: Path, test: Callable[[Any], Any]) -> Expression:
        """Whether a value at the path is an instant that meets a test."""
        return _anywhere(self.json, path, lambda found: found.when("instant", _typed_instant(found, test)))

    def days(self, path: Path, test: Callable[[Any], Any]) -> Expression:
        """Whether a value at the path begins with a day that meets a test."""
        return _anywhere(self.json, path, lambda found: _day(found, test))


def meets(condition: Predicate, document: Expression) -> Any:
    """A condition on an object (an event's properties, an item of a list)."""
    return condition.sql(Document(document))  # type: ignore[arg-type]  # `check_fields` refuses what asks for more


def _anywhere(document: Expression, path: tuple[str, ...], test: Callable[[Value], Expression]) -> Expression:
    """Whether a value at the path meets the test, which is true or false and never NULL."""
    ways, here = [], document
    for step in path[:-1]:
        way = Value.field(here, step)
        ways.append(way.type)
        here = way.json
    plain = test(Value.field(here, path[-1]))
    if not ways:
        return plain
    # A way of objects needs no search; what is no list and no object holds nothing.
    each = Value.each(document, path)
    kinds: list[tuple[Expression, Expression]] = [
        (sa.and_(*(way == bound("object", "text") for way in ways)), plain),
        (sa.or_(*(way == bound("array", "text") for way in ways)), _exists(each, test(each))),
    ]
    return sa.case(*kinds, else_=sa.false())


def instant_or_null(value: Value) -> Expression:
    """The value as an instant, or NULL where it is none."""
    is_text: Expression = value.type == bound("string", "text")
    is_valid, instant = _instant(value)
    return sa.case((is_text, sa.case((is_valid, instant))), else_=sa.null())


def _day(value: Value, test: Callable[[Any], Any]) -> Expression:
    day = sa.func.left(value.text, sa.literal(10), type_=sa.Text())
    is_iso = value.text.op("~", is_comparison=True)(bound(ISO, "text"))
    is_valid = sa.func.pg_input_is_valid(day, bound("date", "text"), type_=sa.Boolean())
    day_or_false: list[tuple[Expression, Expression]] = [(sa.and_(is_iso, is_valid), test(sa.cast(day, sa.Date)))]
    return value.when("text", sa.case(*day_or_false, else_=sa.false()))


def _exists(value: Value, condition: Expression) -> Expression:
    rows: Any = value.json
    found: sa.Select[Any] = sa.select(sa.literal_column("1")).select_from(rows.scalar_alias).where(condition)
    return found.correlate_except(rows.scalar_alias).exists()


def _compare(value: Value, op: str, operand: Any) -> Expression:
    match op:
        case "exists" | "filled":
            return _filled(value) if op == "filled" else sa.func.coalesce(_known(value), sa.false())
        case "in":
            return sa.or_(*(_is_one_of(value, kind, operand) for kind in _JSON_TYPE if _of_kind(kind, operand)))
        case "contains":
            return _contains(value, operand)
        case "between":
            kind = kind_of("", operand[0])
            low, high = (bound(end, kind) for end in operand)
            return value.when(kind, _typed(value, kind, lambda mine: sa.and_(mine >= low, mine <= high)))
        case "matches":
            return value.when("text", _matches(value, operand))
    kind = kind_of("", operand)
    test = _typed(value, kind, lambda mine: _OPERATOR[op](mine, bound(operand, kind)))
    only_text = op == "==" and kind == "text" and not _LIKE_JSON.match(operand)  # no other kind is ever written so
    return sa.func.coalesce(test, sa.false()) if only_text else value.when(kind, test)


def _known(value: Value) -> Expression:
    return value.type != bound("null", "text")


def _filled(value: Value) -> Expression:
    bare = sa.func.btrim(value.text, bound(BLANK, "text"), type_=sa.Text())
    is_more = {
        "string": bare != bound("", "text"),
        "array": value.text != bound("[]", "text"),
        "object": value.text != bound("{}", "text"),
        "number": sa.true(),
        "boolean": sa.true(),
    }
    return sa.case({sa.literal(kind): test for kind, test in is_more.items()}, value=value.type, else_=sa.false())


def _matches(value: Value, text: str) -> Expression:
    table = fold_table(text)
    cases, folds = ("".join(map(chr, table)), "".join(table.values()))
    folded = sa.func.translate(value.text, bound(cases, "text"), bound(folds, "text"), type_=sa.Text())
    return sa.collate(folded, "C") == bound(text.translate(table), "text")


def _typed(value: Value, kind: Kind, test: Callable[[Expression], Expression]) -> Expression:
    """The test of the value as its kind; the caller has made sure of its JSON type."""
    match kind:
        case "text":
            return test(sa.collate(value.text, "C"))
        case "instant":
            return _typed_instant(value, test)
    return test(sa.cast(value.text, _SQL_TYPE[kind]))


def _typed_instant(value: Value, test: Callable[[Expression], Expression]) -> Expression:
    is_valid, instant = _instant(value)
    return sa.case((is_valid, test(instant)), else_=sa.false())


def _instant(value: Value) -> tuple[Expression, Expression]:
    """Whether a text is an instant, and that instant."""
    has_offset = value.text.op("~", is_comparison=True)(bound(ISO_OFFSET, "text"))
    exact = sa.func.regexp_replace(value.text, bound(FINER, "text"), bound(r"\1", "text"), type_=sa.Text())
    text = sa.case((has_offset, exact), else_=exact + bound(" UTC", "text"))
    is_iso = value.text.op("~", is_comparison=True)(bound(ISO, "text"))
    is_valid = sa.func.pg_input_is_valid(text, bound("timestamptz", "text"), type_=sa.Boolean())
    instant: Expression = sa.cast(text, INSTANT)
    first, last = (sa.cast(bound(end.isoformat(), "text"), INSTANT) for end in CALENDAR)  # asyncpg says infinity for the last
    is_said = sa.and_(instant >= first, instant <= last)  # its offset may lead out of the years that Python can say in UTC
    return sa.case((sa.and_(is_iso, is_valid), is_said), else_=sa.false()), instant


def _is_one_of(value: Value, kind: Kind, choices: tuple[Any, ...]) -> Expression:
    mine = [_native(choice, kind) for choice in _of_kind(kind, choices)]
    array = sa.bindparam(None, mine, ARRAY(_SQL_TYPE[kind]), unique=True)
    return value.when(kind, _typed(value, kind, lambda it: it == sa.any_(array)))


def _of_kind(kind: Kind, choices: tuple[Any, ...]) -> list[Any]:
    return [choice for choice in choices if kind_of("", choice) == kind]


def _contains(value: Value, operand: Any) -> Expression:
    kind = kind_of("", operand)
    element = value.json.op("@>", is_comparison=True)(sa.func.to_jsonb(bound(operand, kind)))
    branches: list[tuple[Expression, Expression]] = [(value.type == bound("array", "text"), element)]
    if kind == "text":
        found = sa.func.strpos(value.text, bound(operand, kind)) > sa.literal(0)
        branches.append((value.type == bound("string", "text"), found))
    return sa.case(*branches, else_=sa.false())


def bound(value: Any, kind: Kind) -> Expression:
    """A value of a definition as a parameter."""
    return sa.bindparam(None, _native(value, kind), _SQL_TYPE[kind], unique=True)


def _native(value: Any, kind: Kind) -> bool | Decimal | str | datetime | None:
    match kind:
        case "number":
            return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        case "instant":
            return as_instant(value)
    return value  # type: ignore[no-any-return]  # a bool or a str by its kind
