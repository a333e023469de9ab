"""A journey as a graph: what it does, in which order, and what decides where it goes on; from every way through it.

Promise: each effect at a place of the code is one node, so that a loop is an edge back; where all answers lead to the same
place, one edge without a word stands for them.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import Any

from journeys.authoring import JourneyDefinition
from journeys.contracts import JourneySpec
from journeys.endings import said
from journeys.spans import describe
from journeys.walk.deciding import ANSWER, BEGUN, Known, condition, short
from journeys.walk.explore import ANY_DAY, Effect, Explored, Path, explore
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

#: A node, and the answer on which it is left.
_End = tuple[str, str]


#: A way, and how many effects of it were over.
_Stand = tuple[Path, int]


@dataclass
class _Drawing:
    #: Whether what was answered before tells where a way goes on: where not all were walked, it may only seem so.
    complete: bool = True
    numbers: dict[object, str] = field(default_factory=dict)
    effects: dict[str, Effect] = field(default_factory=dict)
    times: dict[str, set[timedelta]] = field(default_factory=lambda: defaultdict(set))
    spans: dict[str, list[tuple[Effect, Known]]] = field(default_factory=lambda: defaultdict(list))
    ways: dict[tuple[str, str], dict[str, list[_Stand]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    leads: dict[str, dict[str, dict[str, None]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(dict)))

    def node(self, effect: Effect, looked: Known) -> str:
        what = "" if effect.is_span else effect.what
        key = self.numbers.setdefault((effect.place, effect.kind, what, effect.branch), f"n{len(self.numbers) + 1}")
        self.effects[key] = effect
        self.times[key] |= {effect.at, effect.at + effect.slack}
        if effect.is_span:
            self.spans[key].append((effect, looked))
        return key

    def lead(self, before: str, answer: str, target: str, stand: _Stand) -> None:
        """From a node to the next one, on an answer, on a way."""
        self.leads[before][answer][target] = None
        self.ways[before, answer][target].append(stand)

    def follow(self, path: Path) -> list[_End]:
        """Draw a path; with which answer it leaves which node, at its end. Branches begin at a fork and end at its join."""
        ends, forks = [("begin", "")], list[tuple[str, list[_End]]]()
        for n, effect in enumerate(path.effects):
            if effect.kind == "branch":
                fork, ended = forks[-1]
                ended += ends
                ends = [(fork, effect.what)]
                continue
            if effect.kind == "join":
                ends += forks.pop()[1]
            node = self.node(effect, path.looked)
            for before, answer in ends:
                self.lead(before, answer, node, (path, n))
            ends = [(node, effect.answer)] if effect.kind != "fork" else []
            if effect.kind == "fork":
                forks.append((node, []))
        return ends + [end for _, ended in forks for end in ended]

    def decided(self, before: str, answer: str, target: str) -> str:
        """On what one goes from a node to this one of several, where its answer does not tell."""
        ways = self.ways[before, answer]
        if len(ways) == 1:
            return ""
        return condition({each: [self._known(*stand) for stand in stands] for each, stands in ways.items()}, target)

    def _known(self, path: Path, n: int) -> Known:
        """What was looked at, and answered, before an effect; the latest answers first."""
        looks = path.effects[n].looks if n < len(path.effects) else len(path.looked)
        known = dict(islice(path.looked.items(), looks))
        known[BEGUN] = "before the change" if path.changes is None else "with the change"
        answered = reversed(path.effects[:n]) if self.complete else ()
        return known | {f"{effect.what}{ANSWER}": effect.answer for effect in answered if effect.answer}


def graph_of(definition: JourneyDefinition, explored: Explored | None = None) -> Graph:
    """The graph of a journey."""
    explored = explored or explore(definition)
    drawing = _Drawing(explored.complete)
    over = {name: f"over{n}" for n, name in enumerate(definition.spec.exits, start=1)}
    for path in explored.paths:
        for before, answer in drawing.follow(path):
            target = over.get(path.over_by, "end") if path.stop is None else "open"
            drawing.lead(before, answer, target, (path, len(path.effects)))
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


def _span(spans: list[tuple[Effect, Known]]) -> str:
    """A wait of several lengths, and what they depend on as far as the values tell that it was walked with."""
    since_entry = spans[0][0].what.startswith("until ")
    lasting = [(span.at + span.lasts if since_entry else span.lasts, looked) for span, looked in spans]
    lengths = [length for length, _ in lasting]
    told = f"{describe(min(lengths))} to {describe(max(lengths))}"
    told = f"until {told} after entry" if since_entry else f"wait {told}"
    known = short(name for _, looked in lasting for name in looked)
    names = [known[name] for name in known if _decides(name, lasting)]
    return f"{told}, by {' and '.join(names)}" if names else told


def _decides(name: str, lasting: list[tuple[timedelta, Known]]) -> bool:
    by_value: dict[Any, set[timedelta]] = defaultdict(set)
    for length, looked in lasting:
        by_value[looked.get(name)].add(length)
    return len(by_value) > 1 and all(len(lengths) == 1 for lengths in by_value.values())


def _edges(drawing: _Drawing) -> list[Edge]:
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for source, answers in drawing.leads.items():
        same = len({tuple(sorted(leads)) for leads in answers.values()}) == 1
        for answer, leads in answers.items():
            for target in leads:
                if_ = drawing.decided(source, answer, target)
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
