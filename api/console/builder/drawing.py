"""A definition's JSON drawn as a form.

Promise: pure. What is drawn as fields writes the very JSON that it was drawn from; what no kind writes so stands there as JSON.
"""

import json
from dataclasses import replace
from typing import Any

from api.console.builder.kinds import Kind, Plain, Scope, Slot
from api.console.builder.shapes import MISSING, Unfit, Zone
from api.console.builder.table import DENIABLE, KINDS, kind_of
from api.console.builder.tree import DEEPEST, MOST, Faults, Inside, Node, same, written


def opened(predicate: Any) -> Inside:
    """The form of a definition; one of more parts than a form has rows stands in it as JSON."""
    if is_large(predicate):
        return Inside([_as_json("customer", predicate)])
    return _joined("customer", predicate, 0)


def is_large(plain: Any) -> bool:
    """Whether a definition may have more rows than a form: each is an object of its own."""
    left, parts = [plain], 0
    while left and parts <= MOST:
        part = left.pop()
        parts += isinstance(part, dict)
        left += part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    return parts > MOST


def drawn(scope: Scope, plain: Any, depth: int = 0) -> Node:
    """A condition as the first kind that writes it again as it is; JSON where none does."""
    if scope in DENIABLE and isinstance(plain, dict) and list(plain) == ["not"] and not _is_denied(plain["not"]):
        return replace(drawn(scope, plain["not"], depth), denied=True)
    for kind in KINDS[scope] if isinstance(plain, dict) and depth < DEEPEST else ():
        if node := fitting(kind, plain, depth):
            return node
    return _as_json(scope, plain)


def _as_json(scope: Scope, plain: Any) -> Node:
    return Node(kind_of(scope, "json"), {"json": {"": json.dumps(plain, indent=2, ensure_ascii=False)}})


def fitting(kind: Kind, plain: Any, depth: int) -> Node | None:
    """The row of a kind that writes a condition again as it is."""
    faults = Faults()
    try:
        node = _as(kind, plain, depth)
    except (Unfit, KeyError, TypeError, AttributeError, ValueError):
        return None
    return node if same(plain, written(node, "", faults)) and not faults else None


def _is_denied(plain: Any) -> bool:
    return not isinstance(plain, dict) or list(plain) == ["not"]


def _as(kind: Kind, given: Plain, depth: int) -> Node:
    plain, node = kind.flat(given), Node(kind)
    for part in kind.fields:
        value = _found(plain, part.at)
        if value is MISSING and part.needed and not isinstance(part.shape, Zone):
            raise Unfit
        node.said[part.name] = {} if value is MISSING else part.shape.draw(value)
    for slot in kind.slots:
        value = _found(plain, slot.at)
        if value is MISSING and slot.needed:
            raise Unfit
        node.inside[slot.name] = Inside() if value is MISSING else _filled(slot, value, depth + 1)
    return node


def _found(plain: Any, at: tuple[str, ...]) -> Any:
    for step in at:
        if not isinstance(plain, dict) or step not in plain:
            return MISSING
        plain = plain[step]
    return plain


def _filled(slot: Slot, value: Any, depth: int) -> Inside:
    if slot.sort == "joined":
        return _joined(slot.scope, value, depth)
    if slot.sort == "one":
        return Inside([drawn(slot.scope, value, depth)])
    if not isinstance(value, list) or slot.exactly not in (None, len(value)):
        raise Unfit
    return Inside([drawn(slot.scope, each, depth) for each in value])


def _joined(scope: Scope, plain: Any, depth: int) -> Inside:
    """Two conditions or more under one word are rows of their own; all else is one row."""
    op = next(iter(plain), "") if isinstance(plain, dict) and len(plain) == 1 else ""
    if op in ("all", "any") and isinstance(plain[op], list) and len(plain[op]) > 1:
        return Inside([drawn(scope, each, depth + 1) for each in plain[op]], op)
    return Inside([drawn(scope, plain, depth)])
