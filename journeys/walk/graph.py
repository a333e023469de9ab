"""A journey as a graph: what it does, in which order, and what decides where it goes on; from every way through it.

Promise: each effect at a place of the code is one node, so that a loop is an edge back; where all answers lead to the same
place, one edge without a word stands for them.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from journeys.authoring import JourneyDefinition
from journeys.contracts import JourneySpec
from journeys.endings import said
from journeys.spans import describe
from journeys.walk.explore import ANY_DAY, Effect, Explored, explore
from journeys.walk.outline import among
from journeys.walk.saying import shortened


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


#: What is said where the customer's clock decides when something happens.
_ASSUMED = f"; times are of an entry on a {ANY_DAY:%A} at {ANY_DAY:%H:%M}"

#: With which code a run began, where its journey asks (`j.changed`).
_BEGUN = "begun"
#: A node, and the answer on which it is left.
_End = tuple[str, str]


@dataclass
class _Drawing:
    numbers: dict[object, str] = field(default_factory=dict)
    effects: dict[str, Effect] = field(default_factory=dict)
    times: dict[str, set[timedelta]] = field(default_factory=lambda: defaultdict(set))
    spans: dict[str, list[tuple[Effect, dict[str, Any]]]] = field(default_factory=lambda: defaultdict(list))
    ways: dict[tuple[str, str], dict[str, list[dict[str, Any]]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    leads: dict[str, dict[str, dict[str, None]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(dict)))

    def node(self, effect: Effect, given: dict[str, Any]) -> str:
        what = "" if effect.is_span else effect.what
        key = self.numbers.setdefault((effect.place, effect.kind, what, effect.branch), f"n{len(self.numbers) + 1}")
        self.effects[key] = effect
        self.times[key].add(effect.at)
        if effect.is_span:
            self.spans[key].append((effect, given))
        return key

    def lead(self, before: str, answer: str, target: str, given: dict[str, Any]) -> None:
        """From a node to the next one, on an answer, with what the journey was walked with."""
        self.leads[before][answer][target] = None
        self.ways[before, answer][target].append(given)

    def follow(self, effects: Iterable[Effect], given: dict[str, Any]) -> list[_End]:
        """Draw a path; with which answer it leaves which node, at its end. Branches begin at a fork and end at its join."""
        ends, forks = [("begin", "")], list[tuple[str, list[_End]]]()
        for effect in effects:
            if effect.kind == "branch":
                fork, ended = forks[-1]
                ended += ends
                ends = [(fork, effect.what)]
                continue
            if effect.kind == "join":
                ends += forks.pop()[1]
            node = self.node(effect, {name: value for name, value in given.items() if name != _BEGUN})
            for before, answer in ends:
                self.lead(before, answer, node, given)
            ends = [(node, effect.answer)] if effect.kind != "fork" else []
            if effect.kind == "fork":
                forks.append((node, []))
        return ends + [end for _, ended in forks for end in ended]


def graph_of(definition: JourneyDefinition, explored: Explored | None = None) -> Graph:
    """The graph of a journey."""
    explored = explored or explore(definition)
    drawing = _Drawing()
    over = {name: f"over{n}" for n, name in enumerate(definition.spec.exits, start=1)}
    for path in explored.paths:
        given = path.params | path.entry | {_BEGUN: "before the change" if path.changes is None else "with the change"}
        for before, answer in drawing.follow(path.effects, given):
            drawing.lead(before, answer, over.get(path.over_by, "end") if path.stop is None else "open", given)
    entered = definition.spec.entered_by
    begins = f"enters {entered}" if entered else "is started by API"
    begins += _ASSUMED if any(effect.by_the_clock for effect in drawing.effects.values()) else ""
    nodes = [Node("begin", "begin", begins)]
    nodes += [_node(key, effect, drawing) for key, effect in drawing.effects.items()]
    edges = tuple(_edges(drawing))
    targets = {edge.target for edge in edges}
    ends = {"end": "finished", **{key: name for name, key in over.items()}, "open": "goes on"}
    nodes += [Node(key, "open" if key == "open" else "end", told) for key, told in ends.items() if key in targets]
    return Graph(definition.name, tuple(nodes), edges, explored.complete, "; ".join(_ends(definition.spec, explored)))


def _ends(spec: JourneySpec, explored: Explored) -> Iterator[str]:
    """What ends it at any time; and whether that is all."""
    if spec.goal is not None:
        yield f"the goal ends it at any time: {spec.goal}"
    yield from (f"so does {name}: {told}" for name, told in said(spec).items() if name in spec.exits)
    if spec.ends_on_leave:
        yield f"so does leaving {spec.entered_by}"
    if not explored.complete:
        yield "not all ways were seen: there may be more, at other times"


def _node(key: str, effect: Effect, drawing: _Drawing) -> Node:
    times, spans = drawing.times[key], drawing.spans[key]
    told = _span(spans) if len({span.what for span, _ in spans}) > 1 else effect.what
    return Node(key, effect.kind, told, min(times), max(times))


def _span(spans: list[tuple[Effect, dict[str, Any]]]) -> str:
    """A wait of several lengths, and what they depend on as far as the values tell that it was walked with."""
    since_entry = spans[0][0].what.startswith("until ")
    lasting = [(span.at + span.lasts if since_entry else span.lasts, given) for span, given in spans]
    lengths = [length for length, _ in lasting]
    told = f"{describe(min(lengths))} to {describe(max(lengths))}"
    told = f"until {told} after entry" if since_entry else f"wait {told}"
    names = [name for name in lasting[0][1] if _decides(name, lasting)]
    return f"{told}, by {' and '.join(names)}" if names else told


def _decides(name: str, lasting: list[tuple[timedelta, dict[str, Any]]]) -> bool:
    by_value: dict[Any, set[timedelta]] = defaultdict(set)
    for length, given in lasting:
        by_value[given.get(name)].add(length)
    return len(by_value) > 1 and all(len(lengths) == 1 for lengths in by_value.values())


def _edges(drawing: _Drawing) -> list[Edge]:
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for source, answers in drawing.leads.items():
        same = len({tuple(sorted(leads)) for leads in answers.values()}) == 1
        for answer, leads in answers.items():
            for target in leads:
                if_ = _decided(drawing.ways[source, answer], target)
                told = "" if same else answer
                found[source, target] += [" and ".join(filter(None, (told, if_)))] if told or if_ else []
    back = _loops(found)
    return [
        Edge(
            source,
            target,
            " or ".join(shortened(answers, drawing.leads[source])),
            back=(source, target) in back,
        )
        for (source, target), answers in found.items()
    ]


def _decided(ways: dict[str, list[dict[str, Any]]], target: str) -> str:
    """What leads to this one of several targets: values that lead to no other; else those that do not lead to all of them."""
    values: dict[str, dict[str, set[Any]]] = defaultdict(dict)
    for name in {name: None for given in ways[target] for name in given}:
        for each, met in ways.items():
            values[name][each] = {given.get(name) for given in met}
    apart = {name: [each for each in found if found[each].isdisjoint(found[target])] for name, found in values.items()}
    alone = [name for name, others in apart.items() if others and len(others) == len(ways) - 1][:1]
    told = alone or [name for name, others in apart.items() if others]
    return " and ".join(f"{name} {among(values[name][target], set().union(*values[name].values()))}" for name in told)


def _loops(edges: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """The edges that lead back to where a way has come from."""
    leads: dict[str, list[str]] = defaultdict(list)
    for source, target in edges:
        leads[source].append(target)
    back, through, way = set[tuple[str, str]](), set[str](), ["begin"]
    ahead = {"begin": iter(leads["begin"])}
    while way:
        target = next(ahead[way[-1]], "")
        if not target:
            through.add(way.pop())
        elif target in ahead and target not in through:
            back.add((way[-1], target))
        elif target not in ahead:
            ahead[target] = iter(leads[target])
            way.append(target)
    return back


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
