"""A journey's map: its graph, drawn from its code once in a process, with what is to be said of each message in its box."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace

from markupsafe import Markup

from journeys import JourneyDefinition
from journeys.walk.graph import Graph, graph_of
from journeys.walk.picture import svg

_WALKED: dict[str, tuple[JourneyDefinition, Graph]] = {}


async def graph(definition: JourneyDefinition) -> Graph:
    """The graph of a journey; walking its code takes up to a second, so that is done once."""
    known = _WALKED.get(definition.name)
    if known is None or known[0] is not definition:
        known = definition, await asyncio.to_thread(graph_of, definition)
        _WALKED[definition.name] = known
    return known[1]


def places(of: Graph) -> dict[str, list[str]]:
    """The nodes at which each message stands, by what the ledger calls it: it counts all places of one together."""
    found: dict[str, list[str]] = defaultdict(list)
    for node in of.nodes:
        if node.kind == "message":
            found[_step(node.what)].append(node.id)
    return found


def drawn(of: Graph, said: Mapping[str, str], begin: str, say: Callable[[str], str], answer: Callable[[str], str]) -> Markup:
    """The map as a part of a page: what is said at each node, by its id, and of where it begins.

    `say` puts what a node is into a language, `answer` several answers of an edge, or times of a node.
    """
    notes = dict(said) | {node.id: begin for node in of.nodes if node.kind == "begin"}
    nodes = tuple(replace(node, what=say(node.what)) for node in of.nodes)
    of = replace(of, nodes=nodes, edges=tuple(replace(edge, answer=answer(edge.answer)) for edge in of.edges))
    return Markup(svg(of, notes, alone=False, say=answer))  # noqa: S704 - the picture escapes all that it is given


def _step(what: str) -> str:
    """What the ledger calls a message of the graph: `push cart-reminder` is `push:cart-reminder`."""
    channel, _, template = what.partition(" ")
    return f"{channel}:{template}"
