"""`journeys graph`, `lint` and `reference`: what journeys do on every path, drawn and doubted, and what they can say."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.asked import fail, settings
from workers.cli.check import examined_or_fail

if TYPE_CHECKING:
    from journeys.authoring import JourneyDefinition
    from journeys.walk.graph import Graph
    from journeys.walk.lint import Finding

CatalogueOption = Annotated[str | None, typer.Option("--catalogue", help="The catalogue's module (JOURNEYS_CATALOGUE).")]


class Form(StrEnum):
    """How a graph is written."""

    MERMAID = "mermaid"
    SVG = "svg"
    JSON = "json"


def graph(
    journey: Annotated[str, typer.Argument(help="The journey's name.")],
    form: Annotated[
        Form, typer.Option("--as", help="Mermaid for pages and editors, SVG to look at, JSON for programs.")
    ] = Form.MERMAID,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file, instead of the terminal.")] = None,
    catalogue: CatalogueOption = None,
) -> None:
    """Draw every path of a journey, with its timings and what decides. Needs no server."""
    from journeys.walk.graph import graph_of

    drawn = _as(form, graph_of(_journey(journey, catalogue)))
    if output is None:
        sys.stdout.write(drawn)
        return
    try:
        output.write_text(drawn, encoding="utf-8")
    except OSError as error:
        fail(f"{output} cannot be written: {error.strerror}")


def lint(
    journey: Annotated[str | None, typer.Argument(help="One journey; all without.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON list with file, line, rule and what to do.")] = False,
    catalogue: CatalogueOption = None,
) -> None:
    """Look for what loads, but is hardly meant: no goal, sent twice, never reached. Exit code 1 when there is any."""
    from workers.cli.tables import show

    found = _findings(journey, catalogue)
    show(found, _told, as_json=as_json)
    raise typer.Exit(1 if found else 0)


def reference() -> None:
    """Print every word that a journey can say, with an example of each, as Markdown."""
    from journeys.reference import reference as page

    sys.stdout.write(page())


def _findings(journey: str | None, catalogue: str | None) -> "list[Finding]":
    from journeys.walk.lint import lint as doubts

    journeys = [_journey(journey, catalogue)] if journey else list(examined_or_fail(_module(catalogue)).journeys.values())
    return sorted(finding for each in journeys for finding in doubts(each))


def _told(found: "list[Finding]") -> list[str]:
    from journeys.errors import seen_from_here

    return [f"{seen_from_here(each.file)}:{each.line}: [bold]{each.rule}[/bold] {each.text}" for each in found] or ["no doubts"]


def _journey(name: str, catalogue: str | None) -> "JourneyDefinition":
    from difflib import get_close_matches

    known = examined_or_fail(_module(catalogue)).journeys
    if name not in known:
        close = get_close_matches(name, known, n=1)
        fail(f"no journey '{name}'; " + (f"did you mean {close[0]}?" if close else f"there are {', '.join(sorted(known))}"))
    return known[name]


def _module(catalogue: str | None) -> str:
    return catalogue or settings().catalogue


def _as(form: Form, graph: "Graph") -> str:
    if form is Form.JSON:
        import orjson

        return orjson.dumps(graph, default=str, option=orjson.OPT_INDENT_2).decode() + "\n"
    if form is Form.SVG:
        from journeys.walk.picture import svg

        return svg(graph)
    from journeys.walk.graph import mermaid

    return mermaid(graph)
