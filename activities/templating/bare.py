"""Which variables a template names, and which it shows as they are: without a fallback, and nothing asks for them before.

Promise: what an `if`, an `assign` or any other tag of the same text looks at is taken for looked after.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from itertools import takewhile
from typing import NamedTuple

from liquid import RenderContext
from liquid.ast import Node
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.output import OutputNode
from liquid.expression import Expression

from activities.templating.base import Template
from activities.templating.language import Phrase
from activities.templating.vocabulary import CONTEXT, OFFERED

#: Under which names there may be no value.
_MAY_LACK = ("customer", "entry", "fetched")
#: Those that whoever looks at a message may give values for.
_GIVEN = (*_MAY_LACK, "params", CONTEXT, *OFFERED)


class Bare(NamedTuple):
    """A variable, by its parts, and the line of the text in which it stands."""

    path: tuple[str, ...]
    line: int


def bare(template: Template) -> list[Bare]:
    """Each variable of a template that is shown as it is, once."""
    return list(dict.fromkeys(Bare(path, phrase.line) for phrase in _phrases(template) for path in _of(phrase)))


def variables(template: Template) -> list[str]:
    """The variables that a template names, and that somebody gives it: `customer.firstName`, `params.offer`."""
    paths = {path for phrase in _phrases(template) for path in _named(phrase)}
    return sorted(".".join(path) for path in paths if not any(path == other[: len(path)] != other for other in paths))


def _named(phrase: Phrase) -> Iterator[tuple[str, ...]]:
    for node in _nodes(phrase, phrase.template.nodes):
        for each in node.expressions():
            yield from (tuple(takewhile(_is_name, path)) for path in _paths(each) if path[0] in _GIVEN)


def _is_name(part: str) -> bool:
    return not part.isdigit()  # as in entry.products[0].name: the list is given


def _phrases(part: object) -> Iterator[Phrase]:
    if isinstance(part, Phrase):
        yield part
    elif is_dataclass(part) and not isinstance(part, type):
        yield from (each for field in fields(part) for each in _phrases(getattr(part, field.name)))
    elif isinstance(part, Mapping):
        yield from (each for value in part.values() for each in _phrases(value))
    elif isinstance(part, list | tuple):
        yield from (each for value in part for each in _phrases(value))


def _of(phrase: Phrase) -> Iterator[tuple[str, ...]]:
    nodes = list(_nodes(phrase, phrase.template.nodes))
    asked = {path for node in nodes if not isinstance(node, OutputNode) for each in node.expressions() for path in _paths(each)}
    for node in nodes:
        for each in node.expressions() if isinstance(node, OutputNode) else ():
            if isinstance(each, FilteredExpression) and not any(use.name == "default" for use in each.filters or ()):
                found = _parts(each.left)
                yield from [found] if found and found[0] in _MAY_LACK and found not in asked else []


def _nodes(phrase: Phrase, nodes: Iterable[Node]) -> Iterator[Node]:
    for node in nodes:
        yield node
        yield from _nodes(phrase, node.children(RenderContext(phrase.template)))


def _paths(expression: Expression) -> Iterator[tuple[str, ...]]:
    if found := _parts(expression):
        yield from (found[:n] for n in range(2, len(found) + 1))
    for each in expression.children():
        yield from _paths(each)


def _parts(expression: object) -> tuple[str, ...]:
    return tuple(map(str, expression.path)) if isinstance(expression, Path) else ()
