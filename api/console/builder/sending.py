"""What a form sent as a tree, and the buttons that add a row to it, take one away or put one into a group.

Promise: pure; a form that nobody was given is read without harm, and what it names that there is not changes nothing.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from api.console.builder.drawing import fitting, is_large
from api.console.builder.kinds import Kind, Scope, Slot
from api.console.builder.table import DENIABLE, kind_of
from api.console.builder.tree import DEEPEST, ROOT, Faults, Inside, Node, begin, new, written

#: What stands under a name of the form: texts, and more names behind the dots.
Branch = dict[str, Any]
_NUMBER = re.compile(r"0|[1-9][0-9]{0,5}")


def branches(said: Mapping[str, str]) -> Branch:
    """The fields of a form by the dots in their names; a text at a branch's own place stands under ""."""
    found: Branch = {}
    for name, text in said.items():
        steps = name.split(".")
        if len(steps) > 3 * DEEPEST or "" in steps:
            continue
        branch = found
        for step in steps:
            branch = branch.setdefault(step, {})
        branch[""] = text
    return found


def read(said: Mapping[str, str], root: Slot = ROOT) -> Inside:
    """The tree that a form sent."""
    return _slot(root, branches(said).get(root.name, {}), 0)


def _slot(slot: Slot, branch: Branch, depth: int) -> Inside:
    if slot.sort == "one":
        return Inside([_node(slot.scope, branch, depth)])
    numbers = sorted((each for each in branch if _NUMBER.fullmatch(each)), key=int)
    nodes = [_node(slot.scope, branch[number], depth) for number in numbers]
    while slot.exactly is not None and len(nodes) < slot.exactly:
        nodes.append(new(slot.scope))
    return Inside(nodes[: slot.exactly], "any" if _text(branch, "op") == "any" else "all")


def _node(scope: Scope, branch: Branch, depth: int) -> Node:
    """A row; one that has just become another kind keeps the fields that both have, and becomes JSON as it is."""
    name, was = _text(branch, "kind"), _text(branch, "was")
    kind = kind_of(scope, name)
    denied = scope in DENIABLE and bool(_text(branch, "not"))
    if depth > DEEPEST:
        return Node(kind_of(scope, "json"), {"json": {"": ""}})
    if was and was != kind.name and "json" in (kind.name, was):
        return replace(_turned(scope, kind, _as_sent(kind_of(scope, was), branch, depth)), denied=denied)
    node = _as_sent(kind, branch, depth)
    if was and was != kind.name:
        begin(node)
    return replace(node, denied=denied)


def _turned(scope: Scope, kind: Kind, before: Node) -> Node:
    """JSON of fields, or fields of JSON where they can hold it."""
    faults = Faults()
    plain = written(before, "", faults)
    if kind.name == "json":
        return Node(kind, {"json": {"": json.dumps(plain, indent=2, ensure_ascii=False)}})
    if is_large(plain):
        return before
    return (None if faults else fitting(kind, plain, 0)) or new(scope, kind)


def _as_sent(kind: Kind, branch: Branch, depth: int) -> Node:
    node = Node(kind)
    for part in kind.fields:
        node.said[part.name] = {
            name.removeprefix(part.name).removeprefix("-"): below.get("", "")
            for name, below in branch.items()
            if isinstance(below, dict) and (name == part.name or name.startswith(f"{part.name}-"))
        }
    for slot in kind.slots:
        node.inside[slot.name] = _slot(slot, branch.get(slot.name, {}), depth + 1)
    return node


def _text(branch: Branch, name: str) -> str:
    found = branch.get(name, {})
    return str(found.get("", "")) if isinstance(found, dict) else ""


def changed(root: Inside, does: str, where: str) -> None:
    """Add a row to a slot, take one away, or put one into a group of its own; nothing where there is no such place."""
    first, *steps = where.split(".")
    if first != ROOT.name:
        return
    if does == "add" and (found := _at(root, ROOT, steps)) and isinstance(found[0], Inside):
        found[0].nodes.append(new(found[1].scope))
    elif does in ("remove", "group") and steps and steps[-1].isdigit() and (found := _at(root, ROOT, steps[:-1])):
        inside, slot = found
        number = int(steps[-1])
        if number >= len(inside.nodes) or slot.exactly is not None:
            return
        if does == "remove":
            del inside.nodes[number]
        elif slot.scope in DENIABLE:
            rows = Inside([inside.nodes[number], new(slot.scope)])
            inside.nodes[number] = Node(kind_of(slot.scope, "group"), {"op": {"": "any"}}, {"rows": rows})


def _at(inside: Inside, slot: Slot, steps: list[str]) -> tuple[Inside, Slot] | None:
    """The slot at a place, such as `0.where` in the whole."""
    if not steps:
        return inside, slot
    if slot.sort == "one":
        node, rest = inside.nodes[0], steps
    else:
        if not steps[0].isdigit() or int(steps[0]) >= len(inside.nodes):
            return None
        node, rest = inside.nodes[int(steps[0])], steps[1:]
    below = {each.name: each for each in node.kind.slots}
    if not rest or rest[0] not in below:
        return None
    return _at(node.inside[rest[0]], below[rest[0]], rest[1:])
