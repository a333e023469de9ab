"""What a form means: its definition, or what the language says against it, at the fields that it is about.

Promise: pure. Every row is read by itself, so that one that cannot be does not hide what is wrong with the others.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from api.console.builder.kinds import Field, Slot
from api.console.builder.shapes import MISSING, Compared, Unread, Zone
from api.console.builder.tree import ROOT, Faults, Inside, Node, joined, named, written
from segments import DefinitionError
from segments.language.names import expanded
from segments.language.predicate import Predicate
from segments.language.wire import predicate_from_json
from segments.time.calendar import known_zones

#: A step of a place (`all[1].within`) and, in words of Python, a leaf with what was said of it (`did('A').within`).
_STEP = re.compile(r"\.?(\w+)(?![\w(])|\[(\d+)\]")
_SAID = re.compile(r"\)\.(\w+)$")


@dataclass
class Meaning:
    """The JSON of a form, the predicate where it is one, and what is wrong by the names of fields; `told`: with the whole."""

    plain: Any
    predicate: Predicate | None = None
    faults: Faults = field(default_factory=Faults)
    told: str = ""


def meaning(root: Inside, known: Mapping[str, Any], around: tuple[str, ...]) -> Meaning:
    """What a form means; `known` has what each segment stands for, `around` the name of the one that is being defined."""
    found = Meaning(MISSING)
    found.plain = joined(root, ROOT.name, found.faults)
    for at, node in _rows(root):
        if not any(name == at or name.startswith(f"{at}.") for name in found.faults):
            _read_alone(at, node, known, around, found.faults)
    if found.plain is MISSING:
        found.told = "Add a condition."
    elif not found.faults:
        try:
            found.predicate = predicate_from_json(expanded(found.plain, known, around=around))
        except DefinitionError as error:
            found.told = str(error)
        except (TypeError, ValueError, AttributeError, RecursionError):
            found.told = "This cannot be read."
    return found


def _rows(inside: Inside, at: str = ROOT.name) -> Iterator[tuple[str, Node]]:
    """The conditions on a customer, groups by their rows."""
    for n, node in enumerate(inside.nodes):
        if node.kind.name == "group":
            yield from _rows(node.inside["rows"], f"{at}.{n}.rows")
        else:
            yield f"{at}.{n}", node


def _read_alone(at: str, node: Node, known: Mapping[str, Any], around: tuple[str, ...], faults: Faults) -> None:
    try:
        predicate_from_json(expanded(written(node, at, Faults()), known, around=around))
    except DefinitionError as error:
        place = error.place.removeprefix("not").removeprefix(".") if node.denied else error.place
        faults[field_of(at, node, place)] = Unread(error.problem)
    except (TypeError, ValueError, AttributeError, RecursionError):
        faults[at] = Unread("This cannot be read.")


def field_of(at: str, node: Node, place: str) -> str:
    """The field of a row that a place in its JSON is about; where that names none, the one that compares, or the first."""
    slots = {slot.at: slot for slot in node.kind.slots}
    steps, rest = _steps(place)
    for slot in slots.values():
        if steps[: len(slot.at)] == list(slot.at):
            return _within(at, node, slot, steps[len(slot.at) :], rest)
    said = _SAID.search(rest)
    words = [*steps, *([said[1]] if said else [])]
    parts = node.kind.fields
    if words[-1:] == ["zone"] and (zone := _no_zone(node)):
        return named(at, zone)
    for word in reversed(words):
        if found := next((part for part in parts if word in (part.name, *part.at)), None):
            return _input(at, found)
    compares = next((part for part in parts if isinstance(part.shape, Compared)), parts[0] if parts else None)
    return _input(at, compares) if compares else at


def _no_zone(node: Node) -> Field | None:
    """The field with a zone that nobody knows: the language says only that there is one."""
    zones = (part for part in node.kind.fields if isinstance(part.shape, Zone))
    return next((part for part in zones if node.said[part.name].get("name", "UTC") not in known_zones()), None)


def _input(at: str, part: Field) -> str:
    """Of a comparison it is the value that is wrong."""
    return named(at, part, "value" if isinstance(part.shape, Compared) else "")


def _steps(place: str) -> tuple[list[str], str]:
    """The keys and numbers that lead to a leaf, and what is said of it in words of Python."""
    steps, end = [], 0
    while found := _STEP.match(place, end):
        steps.append(found[1] or found[2])
        end = found.end()
    return steps, place[end:]


def _within(at: str, node: Node, slot: Slot, steps: list[str], rest: str) -> str:
    inside = node.inside[slot.name]
    here = f"{at}.{slot.name}"
    if slot.sort == "one":
        return field_of(here, inside.nodes[0], _joined_again(steps, rest))
    if slot.sort == "joined" and len(inside.nodes) > 1 and steps[:1] in (["all"], ["any"]):
        steps = steps[1:]
    elif slot.sort == "joined":
        steps = ["0", *steps]
    if not steps or not steps[0].isdigit() or int(steps[0]) >= len(inside.nodes):
        return here
    inner = inside.nodes[int(steps[0])]
    below = steps[2:] if inner.denied and steps[1:2] == ["not"] else steps[1:]
    if inner.kind.name == "group" and below[:1] in (["all"], ["any"]):
        below = ["rows", *below[1:]]
    return field_of(f"{here}.{steps[0]}", inner, _joined_again(below, rest))


def _joined_again(steps: list[str], rest: str) -> str:
    told = "".join(f"[{step}]" if step.isdigit() else f".{step}" for step in steps).removeprefix(".")
    return f"{told}.{rest.removeprefix('.')}" if told and rest else told or rest
