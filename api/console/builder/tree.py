"""A form as a tree of conditions, and the JSON that it means.

Promise: pure; what cannot be read is told by the name of its field, and everything that can be is written all the same.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from api.console.builder.kinds import Field, Kind, Plain, Scope, Slot
from api.console.builder.shapes import MISSING, Unread, Zone
from api.console.builder.table import kind_of

#: As deep as the language reads.
DEEPEST = 50
#: Rows of a form: beyond, a page takes seconds to draw, and nobody finds anything in it.
MOST = 200
ROOT = Slot("predicate", "Conditions", "customer")


@dataclass
class Node:
    """One condition: its kind, what stands in its fields, and the conditions inside."""

    kind: Kind
    said: dict[str, dict[str, str]] = field(default_factory=dict)
    inside: dict[str, "Inside"] = field(default_factory=dict)
    denied: bool = False

    def __hash__(self) -> int:
        return id(self)


@dataclass
class Inside:
    """The conditions in a slot, and how they are joined."""

    nodes: list[Node] = field(default_factory=list)
    op: str = "all"


class Faults(dict[str, Unread]):
    """What is wrong in a form, by the name of the field."""

    @property
    def missing(self) -> bool:
        """Whether nothing but empty fields is wrong."""
        return all(each.empty for each in self.values())


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same: 1 is not 1.0, nor true."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def begin(node: Node) -> None:
    """Put into fields that are empty what they begin with."""
    for part in node.kind.fields:
        if not any(node.said.get(part.name, {}).values()):
            node.said[part.name] = dict(part.begins)


def new(scope: Scope, kind: Kind | None = None) -> Node:
    """An empty row."""
    chosen = kind or kind_of(scope, "")
    node = Node(chosen)
    begin(node)
    for slot in chosen.slots:
        count = 1 if slot.sort == "one" else slot.exactly or 0
        node.inside[slot.name] = Inside([new(slot.scope) for _ in range(count)])
    return node


def joined(inside: Inside, at: str, faults: Faults) -> Any:
    """The conditions of a form as one: a single row is that row, several stand under their word, none are MISSING."""
    rows = [written(node, f"{at}.{n}", faults) for n, node in enumerate(inside.nodes)]
    if not rows:
        return MISSING
    return rows[0] if len(rows) == 1 else {inside.op: rows}


def written(node: Node, at: str, faults: Faults) -> Plain:
    """The JSON of a row; what cannot be read is told in `faults` by the field's name in the form, and left out."""
    plain: Plain = {}
    for part in sorted(node.kind.fields, key=lambda part: isinstance(part.shape, Zone)):
        if isinstance(part.shape, Zone) and part.at and part.at[0] not in plain:
            continue
        try:
            value = part.shape.read(node.said.get(part.name, {}))
        except Unread as wrong:
            faults[named(at, part, wrong.suffix)] = wrong
            continue
        if value is MISSING and part.needed:
            faults[named(at, part)] = Unread("This is needed.", empty=True)
        _put(plain, part, value)
    for slot in node.kind.slots:
        value = _inside(slot, node.inside.get(slot.name, Inside()), f"{at}.{slot.name}", faults)
        if value is not MISSING:
            plain[slot.name] = value
    told = node.kind.deep(plain)
    return {"not": told} if node.denied else told


def named(at: str, part: Field, suffix: str = "") -> str:
    """What a field of a row is called in the form."""
    return f"{at}.{part.name}{'-' if suffix else ''}{suffix}"


def _put(plain: Plain, part: Field, value: Any) -> None:
    if value is MISSING:
        return
    *around, last = part.at if not part.shape.spread else (*part.at, "")
    inner = plain
    for step in around:
        inner = inner.setdefault(step, {})
    if part.shape.spread:
        inner.update(value)
    else:
        inner[last] = value


def _inside(slot: Slot, inside: Inside, at: str, faults: Faults) -> Any:
    if slot.sort == "one":
        return written(inside.nodes[0] if inside.nodes else new(slot.scope), at, faults)
    if not inside.nodes:
        if slot.needed:
            faults[at] = Unread("Add a condition here.", empty=True)
        return MISSING
    if slot.sort == "joined":
        return joined(inside, at, faults)
    return [written(node, f"{at}.{n}", faults) for n, node in enumerate(inside.nodes)]


def nodes(inside: Inside, at: str = ROOT.name) -> Iterator[tuple[str, Node]]:
    """Every row with its place in the form, from the outside in."""
    for n, node in enumerate(inside.nodes):
        yield f"{at}.{n}", node
        yield from _below(node, f"{at}.{n}")


def _below(node: Node, at: str) -> Iterator[tuple[str, Node]]:
    for slot in node.kind.slots:
        inside = node.inside.get(slot.name, Inside())
        if slot.sort == "one":
            for each in inside.nodes:
                yield f"{at}.{slot.name}", each
                yield from _below(each, f"{at}.{slot.name}")
        else:
            yield from nodes(inside, f"{at}.{slot.name}")
