"""The graph of a journey as SVG: time runs down, answers lead apart; drawn here, because every library needs a program.

Promise: a file that stands alone, without script or font of its own, readable in light and dark; or a part of a page that
styles it by the same classes.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from textwrap import wrap
from types import MappingProxyType

from journeys.walk.graph import Edge, Graph, Node

_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 260, 92, 44, 60, 30
_LETTERS = 36  # in a line of a box
_LINES = 4  # of a box
_LABEL = 30  # letters in a line of an answer
_LABEL_WIDE, _LETTER = 190, 13  # an answer's width and the height of its lines
_SENTENCE = 640  # the width of what stands below a picture
_LANE, _TURN = 16, 12  # beside and below what an edge passes that leads back
_BETWEEN = "between "  # what an edge passes by in a row
_STYLE = """
text{font:13px system-ui,sans-serif;fill:#1c2733} .t{fill:#5d6b7a;font-size:11px} .a{font-size:11px;fill:#33506e}
.a{paint-order:stroke;stroke:#fff;stroke-width:4px}
rect,path.b{stroke:#8a97a6;fill:#f4f6f8} .message{fill:#e3f1e6;stroke:#3f8a55} .question,.first{fill:#fdf3dc;stroke:#b58a2a}
.begin,.end,.open{fill:#e6ecf5;stroke:#4a6b9a} .e{fill:none;stroke:#8a97a6;stroke-width:1.3}
@media(prefers-color-scheme:dark){text{fill:#e8edf2}.t,.a{fill:#aab6c2} .a{stroke:#0d1117}
rect{fill:#28313b}.message{fill:#1e3a28}
.question,.first{fill:#423718}.begin,.end,.open{fill:#22304a}}
"""


_ARROW = (
    '<defs><marker id="to" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0 0 8 4 0 8z" fill="#8a97a6"/></marker></defs>'
)


@dataclass(frozen=True, slots=True)
class _Spot:
    x: float
    y: float


def svg(
    graph: Graph,
    notes: Mapping[str, str] = MappingProxyType({}),
    *,
    alone: bool = True,
    say: Callable[[str], str] = str,
) -> str:
    """The picture, with a note in the boxes of some nodes, by their ids; alone it brings its style and says how all ends.

    `say` puts when a node is come to into another language.
    """
    plan = _placed(graph, _SENTENCE if alone else 0)
    size = f'viewBox="0 0 {plan.width:g} {plan.height:g}" width="{plan.width:g}" height="{plan.height:g}"'
    lines, told = _lines(graph, plan)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="journey {escape(graph.name)}">',
        *([f"<style>{_STYLE}</style>"] if alone else []),
        _ARROW,
        *lines,
        *(_box(node, plan.spots[node.id], notes.get(node.id, ""), say(node.when)) for node in graph.nodes),
        *told,
    ]
    if graph.ends and alone:
        parts.append(f'<text class="t" x="{_MARGIN}" y="{plan.height - 10:g}">{escape(graph.ends)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


@dataclass(frozen=True, slots=True)
class _Plan:
    """Where each node stands, where each edge passes the rows between, and where those lead that lead back."""

    spots: dict[str, _Spot]
    ways: dict[Edge, list[_Spot]]
    lanes: dict[Edge, float]
    width: float
    height: float


def _placed(graph: Graph, least: float) -> _Plan:
    """Each node stands under the lowest of those that lead to it; below a row there is room for all that its edges say."""
    rows = _rows(graph)
    above: dict[str, list[str]] = defaultdict(list)
    by_row: dict[int, list[str]] = defaultdict(list)
    passing: dict[Edge, list[str]] = {}
    for node in graph.nodes:
        by_row[rows[node.id]].append(node.id)
    for n, edge in enumerate(edge for edge in graph.edges if not edge.back):
        passing[edge] = [f"{_BETWEEN}{n}/{row}" for row in range(rows[edge.source] + 1, rows[edge.target])]
        for upper, lower in pairwise([edge.source, *passing[edge], edge.target]):
            above[lower].append(upper)
        for row, between in enumerate(passing[edge], rows[edge.source] + 1):
            by_row[row].append(between)
    width = max(map(_needed, by_row.values())) + 2 * _MARGIN
    spots: dict[str, _Spot] = {}
    y: float = _MARGIN
    for _, members in sorted(by_row.items()):
        x = (width - _needed(members)) / 2
        for id_ in sorted(members, key=lambda each: _middle(each, above, spots)):
            spots[id_] = _Spot(x + _wide(id_) / 2, y + _HEIGHT / 2)
            x += _wide(id_) + _GAP_X
        y += _HEIGHT + _room_below(graph, members)
    ways = {edge: [spots[each] for each in between] for edge, between in passing.items()}
    lanes = _lanes(graph, spots)
    needed = max([width, *(lane + (_LABEL_WIDE if edge.answer else _MARGIN) for edge, lane in lanes.items())])
    return _Plan(spots, ways, lanes, max(needed, least), y + _MARGIN)


def _room_below(graph: Graph, members: list[str]) -> float:
    """As much as the answers of all edges need that leave a row, one below the other."""
    said = [len(_told(edge)) for edge in graph.edges if edge.source in members and not edge.back]
    return _GAP_Y + max(0, sum(said) - 1) * _LETTER


def _lanes(graph: Graph, spots: dict[str, _Spot]) -> dict[Edge, float]:
    """Where each edge that leads back goes up: to the right of all that stands between, and of the others."""
    lanes: dict[Edge, float] = {}
    for edge in graph.edges:
        if edge.back:
            low, high = sorted((spots[edge.source].y, spots[edge.target].y))
            right = max(spot.x + _wide(id_) / 2 for id_, spot in spots.items() if low <= spot.y <= high)
            lanes[edge] = right + _LANE * (1 + len(lanes))
    return lanes


def _rows(graph: Graph) -> dict[str, int]:
    rows: dict[str, int] = dict.fromkeys((node.id for node in graph.nodes), 0)
    for _ in graph.nodes:
        for edge in graph.edges:
            if not edge.back:
                rows[edge.target] = max(rows[edge.target], rows[edge.source] + 1)
    return rows


def _wide(id_: str) -> float:
    return 20 if id_.startswith(_BETWEEN) else _WIDTH


def _needed(members: list[str]) -> float:
    return sum(map(_wide, members)) + (len(members) - 1) * _GAP_X


def _middle(id_: str, above: dict[str, list[str]], spots: dict[str, _Spot]) -> float:
    known = [spots[each].x for each in above[id_] if each in spots]
    return sum(known) / len(known) if known else 0


def _box(node: Node, spot: _Spot, note: str, when: str) -> str:
    left, top = spot.x - _WIDTH / 2, spot.y - _HEIGHT / 2
    round_ = 4 if node.kind in ("message", "question") else _HEIGHT / 4
    timed = node.kind in ("message", "first")
    lines = wrap(node.what, _LETTERS, max_lines=_LINES - bool(note), placeholder=" …") or [""]
    said = [("", line) for line in lines] + [(' class="t"', when)] * timed + [(' class="n"', note)] * bool(note)
    first = spot.y + 4 - 8 * (len(said) - 1)
    text = [
        f'<text{style} x="{spot.x:g}" y="{first + 16 * n:g}" text-anchor="middle">{escape(line)}</text>'
        for n, (style, line) in enumerate(said)
    ]
    box = f'<rect class="{node.kind}" x="{left:g}" y="{top:g}" width="{_WIDTH}" height="{_HEIGHT}" rx="{round_:g}"/>'
    return f"<g><title>{escape(node.what)}</title>{box}{''.join(text)}</g>"


def _lines(graph: Graph, plan: _Plan) -> tuple[list[str], list[str]]:
    """All edges, and beside each what it says, where nothing else is said."""
    lines: list[str] = []
    told: list[str] = []
    taken: list[tuple[float, float, float]] = []
    for edge in sorted(graph.edges, key=lambda each: (plan.spots[each.source].y, plan.spots[each.target].x)):
        if edge.back:
            path, at = _back(edge, plan)
        else:
            stops = _stops(edge, plan)
            path, at = _curve(stops), _free(stops, edge, taken)
        lines.append(f'<path class="e" d="{path}" marker-end="url(#to)"/>')
        spoken = enumerate(_told(edge))
        told += [f'<text class="a" x="{at.x:g}" y="{at.y + _LETTER * n:g}">{escape(line)}</text>' for n, line in spoken]
    return lines, told


def _told(edge: Edge) -> list[str]:
    return wrap(edge.answer, _LABEL)


def _back(edge: Edge, plan: _Plan) -> tuple[str, _Spot]:
    """Below its row, up beside all that stands between, and over the row where it leads."""
    source, target, lane = plan.spots[edge.source], plan.spots[edge.target], plan.lanes[edge]
    left, into = source.x + _WIDTH / 4, target.x + _WIDTH / 4
    below, over = source.y + _HEIGHT / 2 + _TURN, target.y - _HEIGHT / 2 - _TURN
    path = f"M{left:g} {below - _TURN:g} V{below:g} H{lane:g} V{over:g} H{into:g} V{over + _TURN:g}"
    return path, _Spot(lane + 6, (below + over) / 2)


def _stops(edge: Edge, plan: _Plan) -> list[_Spot]:
    source, target = plan.spots[edge.source], plan.spots[edge.target]
    stops = [_Spot(source.x, source.y + _HEIGHT / 2)]
    for spot in plan.ways.get(edge, []):
        stops += [_Spot(spot.x, spot.y - _HEIGHT / 2), _Spot(spot.x, spot.y + _HEIGHT / 2)]
    return [*stops, _Spot(target.x, target.y - _HEIGHT / 2)]


def _curve(stops: list[_Spot]) -> str:
    path = f"M{stops[0].x:g} {stops[0].y:g}"
    for a, b in pairwise(stops):
        bend = (b.y - a.y) / 2
        path += f" C{a.x:g} {a.y + bend:g} {b.x:g} {b.y - bend:g} {b.x:g} {b.y:g}"
    return path


def _free(stops: list[_Spot], edge: Edge, taken: list[tuple[float, float, float]]) -> _Spot:
    """The first place on the way out of its node at which nothing is said yet."""
    first, second, lines = stops[0], stops[1], len(_told(edge))
    at = _Spot(first.x, first.y)
    for y in range(int(first.y) + _LETTER + 12, int(second.y) - 8, _LETTER):
        at = _Spot(_x_at(first, second, y) + 5, y)
        if not any(abs(x - at.x) < _LABEL_WIDE and top < y + lines * _LETTER and y < bottom for x, top, bottom in taken):
            break
    taken += [(at.x, at.y, at.y + lines * _LETTER)] if lines else []
    return at


def _x_at(a: _Spot, b: _Spot, y: float) -> float:
    """Where the curve between two stops is at a height, by halving."""
    low, high = 0.0, 1.0
    for _ in range(20):
        t = (low + high) / 2
        down = 1.5 * t * (1 - t) ** 2 + 1.5 * t * t * (1 - t) + t**3
        low, high = (t, high) if a.y + (b.y - a.y) * down < y else (low, t)
    return a.x + (b.x - a.x) * (3 * low * low * (1 - low) + low**3)
