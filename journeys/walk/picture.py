"""The graph of a journey as SVG: time runs down, answers lead apart; drawn here, because every library needs a program.

Promise: a file that stands alone, without script or font of its own, readable in light and dark.
"""

from collections import defaultdict
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from textwrap import wrap

from journeys.walk.graph import Edge, Graph, Node

_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 260, 92, 44, 60, 30
_LETTERS = 36  # in a line of a box
_LINES = 4  # of a box
_LABEL = 30  # letters in a line of an answer
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


def svg(graph: Graph) -> str:
    """The picture."""
    spots, ways, width, height = _placed(graph)
    size = f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="journey {escape(graph.name)}">',
        f"<style>{_STYLE}</style>",
        _ARROW,
        *(_line(edge, spots, ways.get(edge, [])) for edge in graph.edges),
        *(_box(node, spots[node.id]) for node in graph.nodes),
    ]
    if graph.ends:
        parts.append(f'<text class="t" x="{_MARGIN}" y="{height - 10:g}">{escape(graph.ends)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _placed(graph: Graph) -> tuple[dict[str, _Spot], dict[Edge, list[_Spot]], float, float]:
    """Where each node stands, under the lowest of those that lead to it, and where each edge passes the rows between."""
    rows = _rows(graph)
    forward = [edge for edge in graph.edges if not edge.back]
    above: dict[str, list[str]] = defaultdict(list)
    by_row: dict[int, list[str]] = defaultdict(list)
    passing: dict[Edge, list[str]] = {}
    for node in graph.nodes:
        by_row[rows[node.id]].append(node.id)
    for n, edge in enumerate(forward):
        passing[edge] = [f"{_BETWEEN}{n}/{row}" for row in range(rows[edge.source] + 1, rows[edge.target])]
        for upper, lower in pairwise([edge.source, *passing[edge], edge.target]):
            above[lower].append(upper)
        for row, between in enumerate(passing[edge], rows[edge.source] + 1):
            by_row[row].append(between)
    width = max(map(_needed, by_row.values())) + 2 * _MARGIN
    spots: dict[str, _Spot] = {}
    for row, members in sorted(by_row.items()):
        x = (width - _needed(members)) / 2
        for id_ in sorted(members, key=lambda each: _middle(each, above, spots)):
            spots[id_] = _Spot(x + _wide(id_) / 2, _MARGIN + row * (_HEIGHT + _GAP_Y) + _HEIGHT / 2)
            x += _wide(id_) + _GAP_X
    ways = {edge: [spots[each] for each in between] for edge, between in passing.items()}
    return spots, ways, max(width, 640), _MARGIN * 2 + (max(by_row) + 1) * (_HEIGHT + _GAP_Y)


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


def _box(node: Node, spot: _Spot) -> str:
    left, top = spot.x - _WIDTH / 2, spot.y - _HEIGHT / 2
    round_ = 4 if node.kind in ("message", "question") else _HEIGHT / 4
    timed = node.kind in ("message", "first")
    lines = wrap(node.what, _LETTERS, max_lines=_LINES, placeholder=" …") or [""]
    first = spot.y + 4 - 8 * (len(lines) - 1 + timed)
    text = [
        f'<text x="{spot.x:g}" y="{first + 16 * n:g}" text-anchor="middle">{escape(line)}</text>'
        for n, line in enumerate(lines)
    ]
    if timed:
        text.append(
            f'<text class="t" x="{spot.x:g}" y="{first + 16 * len(lines):g}" text-anchor="middle">{escape(node.when)}</text>'
        )
    box = f'<rect class="{node.kind}" x="{left:g}" y="{top:g}" width="{_WIDTH}" height="{_HEIGHT}" rx="{round_:g}"/>'
    return f"<g><title>{escape(node.what)}</title>{box}{''.join(text)}</g>"


def _line(edge: Edge, spots: dict[str, _Spot], between: list[_Spot]) -> str:
    source, target = spots[edge.source], spots[edge.target]
    if edge.back:
        side, end = source.x + _WIDTH / 2, target.x + _WIDTH / 2
        far = max(side, end) + _GAP_X * 0.7
        path = f"M{side:g} {source.y:g} C{far:g} {source.y:g} {far:g} {target.y:g} {end:g} {target.y:g}"
        return _drawn(path, edge.answer, _Spot(far - 4, (source.y + target.y) / 2))
    stops = [_Spot(source.x, source.y + _HEIGHT / 2)]
    for spot in between:
        stops += [_Spot(spot.x, spot.y - _HEIGHT / 2), _Spot(spot.x, spot.y + _HEIGHT / 2)]
    stops.append(_Spot(target.x, target.y - _HEIGHT / 2))
    path = f"M{stops[0].x:g} {stops[0].y:g}"
    for a, b in pairwise(stops):
        bend = (b.y - a.y) / 2
        path += f" C{a.x:g} {a.y + bend:g} {b.x:g} {b.y - bend:g} {b.x:g} {b.y:g}"
    first, second = stops[0], stops[1]
    told = _Spot(first.x + (second.x - first.x) * 0.55 + 5, first.y + (second.y - first.y) * 0.55)
    return _drawn(path, edge.answer, told)


def _drawn(path: str, answer: str, at: _Spot) -> str:
    lines = wrap(answer, _LABEL)
    first = at.y - 12 * (len(lines) - 1) / 2
    told = "".join(f'<text class="a" x="{at.x:g}" y="{first + 12 * n:g}">{escape(line)}</text>' for n, line in enumerate(lines))
    return f'<path class="e" d="{path}" marker-end="url(#to)"/>{told}'
