"""A journey as a graph: what it does, in which order, and what decides where it goes on; from every way through it.

Promise: each effect at a place of the code is one node, so that a loop is an edge back; where all answers lead to the same
place, one edge without a word stands for them.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from journeys.authoring import JourneyDefinition
from journeys.endings import said
from journeys.spans import describe
from journeys.walk.explore import Effect, Explored, explore


@dataclass(frozen=True, slots=True)
class Node:
    """Something that a journey does: a message, a wait, a question, waiting for the first of several; or its begin and end."""

    id: str
    kind: str
    what: str
    earliest: timedelta = timedelta(0)
    latest: timedelta = timedelta(0)

    @property
    def when(self) -> str:
        """When since entry, as a person says it; several times where several ways lead here."""
        first, last = describe(self.earliest), describe(self.latest)
        return first if first == last else f"{first} to {last}"


@dataclass(frozen=True, slots=True)
class Edge:
    """What follows, and on which answer; an empty one: on any."""

    source: str
    target: str
    answer: str = ""
    back: bool = False


@dataclass(frozen=True, slots=True)
class Graph:
    """A journey's nodes from its begin to its end, and what leads where; `complete`: every way was walked."""

    name: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    complete: bool = True
    ends: str = ""


#: A node, and the answer on which it is left.
_End = tuple[str, str]


@dataclass
class _Drawing:
    numbers: dict[object, str] = field(default_factory=dict)
    effects: dict[str, Effect] = field(default_factory=dict)
    times: dict[str, set[timedelta]] = field(default_factory=lambda: defaultdict(set))
    leads: dict[str, dict[str, dict[str, None]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(dict)))

    def node(self, effect: Effect) -> str:
        key = self.numbers.setdefault((effect.place, effect.kind, effect.what, effect.branch), f"n{len(self.numbers) + 1}")
        self.effects[key] = effect
        self.times[key].add(effect.at)
        return key

    def follow(self, effects: Iterable[Effect]) -> list[_End]:
        """Draw a path; with which answer it leaves which node, at its end. Branches begin at a fork and end at its join."""
        ends, forks = [("begin", "")], list[tuple[str, list[_End]]]()
        for effect in effects:
            if effect.kind == "branch":
                fork, ended = forks[-1]
                ended += ends if effect.what != "1" else []
                ends = [(fork, "")]
                continue
            if effect.kind == "join":
                ends += forks.pop()[1]
            node = self.node(effect)
            for before, answer in ends:
                self.leads[before][answer][node] = None
            ends = [(node, effect.answer)]
            if effect.kind == "fork":
                forks.append((node, []))
        return ends + [end for _, ended in forks for end in ended]


def graph_of(definition: JourneyDefinition, explored: Explored | None = None) -> Graph:
    """The graph of a journey."""
    explored = explored or explore(definition)
    drawing = _Drawing()
    for path in explored.paths:
        last = drawing.follow(path.effects)
        for before, answer in last:
            drawing.leads[before][answer]["end" if path.stop is None else "open"] = None
    entered = definition.spec.entered_by
    nodes = [Node("begin", "begin", f"enters {entered}" if entered else "is started by API")]
    nodes += [_node(key, effect, drawing.times[key]) for key, effect in drawing.effects.items()]
    edges = tuple(_edges(drawing))
    targets = {edge.target for edge in edges}
    nodes += [Node(key, key, told) for key, told in (("end", "finished"), ("open", "goes on")) if key in targets]
    goal = definition.spec.goal
    ends = [f"the goal ends it at any time: {goal}"] if goal is not None else []
    ends += [f"so does {name}: {told}" for name, told in said(definition.spec).items() if name in definition.spec.exits]
    ends += [f"so does leaving {entered}"] if definition.spec.ends_on_leave else []
    return Graph(definition.name, tuple(nodes), edges, explored.complete, "; ".join(ends))


def _node(key: str, effect: Effect, times: set[timedelta]) -> Node:
    return Node(key, effect.kind, effect.what, min(times), max(times))


def _edges(drawing: _Drawing) -> list[Edge]:
    places = {key: n for n, key in enumerate(["begin", *drawing.effects])}
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for source, answers in drawing.leads.items():
        same = len({tuple(sorted(leads)) for leads in answers.values()}) == 1
        for answer, leads in answers.items():
            for target in leads:
                found[source, target] += [] if same or not answer else [answer]
    return [
        Edge(source, target, " or ".join(answers), back=places.get(target, len(places)) <= places[source])
        for (source, target), answers in found.items()
    ]


_SHAPES = {"message": ("[/", "/]"), "wait": ("(", ")"), "first": ("{{", "}}"), "question": ("{", "}")}


def mermaid(graph: Graph) -> str:
    """The graph in Mermaid's language, which many pages and editors draw."""
    lines = ["flowchart TD"]
    for node in graph.nodes:
        told = node.what.replace('"', "'")
        timed = f"{told}<br/><small>{node.when}</small>" if node.kind in ("message", "first") else told
        before, after = _SHAPES.get(node.kind, ("([", "])"))
        lines.append(f'    {node.id}{before}"{timed}"{after}')
    for edge in graph.edges:
        answer = f"|{edge.answer}|" if edge.answer else ""
        lines.append(f"    {edge.source} -->{answer} {edge.target}")
    return "\n".join([*lines, *([f"    %% {graph.ends}"] if graph.ends else [])]) + "\n"
