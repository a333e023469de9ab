"""`journeys graph`, `lint` and `reference`: what journeys do on every path, drawn and doubted, and what they can say."""

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.asked import fail, settings
from workers.cli.check import examined_as_named, examined_or_fail, is_catalogue, module_of, tell

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from journeys.authoring import JourneyDefinition
    from journeys.errors import Problem
    from journeys.walk.graph import Graph

CatalogueOption = Annotated[
    str | None, typer.Option("--catalogue", help="The catalogue's module, or its folder (JOURNEYS_CATALOGUE).")
]


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
    as_json: Annotated[bool, typer.Option("--json", help="The same as --as json.")] = False,
    catalogue: CatalogueOption = None,
) -> None:
    """Draw every path of a journey, with its timings and what decides. Needs no server."""
    from journeys.walk.graph import graph_of

    definition = _journey(journey, catalogue)
    _say(f"every way through {journey} is walked …")
    drawn = _as(Form.JSON if as_json else form, graph_of(definition))
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
    people: Annotated[
        bool, typer.Option("--database", help="Also count customers: are they enough for what experiments are to find?")
    ] = False,
    catalogue: CatalogueOption = None,
) -> None:
    """Look for what does not load, and for what does, but is hardly meant: no goal, sent twice, never reached, too late.

    With --database it also says which experiments are too small for their effect: how many people they need, who is
    there, how many days it takes. Exit code 0 when there is nothing, 1 when there is. --json is a list of objects with
    file, line, column, rule, severity (error: it does not load; warning: a doubt), message and remedy.
    """
    found = _findings(journey, catalogue)
    if people:
        from journeys.rules import Rule

        counted = [each for each in found if each.rule is not Rule.TOO_SMALL]  # who counts people says of plans alone, too
        found = sorted({*counted, *_too_small(journey, catalogue)})
    if as_json:
        typer.echo(json.dumps([problem.plain() for problem in found], ensure_ascii=False, indent=2))
    else:
        tell(found)
        typer.echo(f"{len(found)} to look at" if found else "no doubts")
    raise typer.Exit(1 if found else 0)


def reference(
    context: typer.Context,
    *,
    all_: Annotated[bool, typer.Option("--all", help="Also segments, templates, calls, tools and commands.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="All of it as a JSON list of sections: name, title, text.")] = False,
) -> None:
    """Print every word that a journey can say, with an example of each, as Markdown; with --all the whole reference."""
    if not all_ and not as_json:
        from journeys.check.reference import reference as handle

        sys.stdout.write(handle())
        return
    from workers.reference.page import page, sections

    root = context.find_root().command
    if as_json:
        found = [{"name": each.name, "title": each.title, "text": each.text} for each in sections(root)]
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        sys.stdout.write(page(root))


def _findings(journey: str | None, catalogue: str | None) -> "list[Problem]":
    from journeys.walk.lint import lint as doubts

    examined = examined_as_named(catalogue)
    if not examined.usable or examined.catalogue is None:
        return list(examined.problems)
    known, segments = examined.catalogue.journeys, examined.catalogue.segments
    if journey is not None:
        return doubts(_named(journey, known), segments, examined.catalogue.experiments)
    from workers.lacking import may_lack

    found = set(examined.problems)
    found.update(may_lack(examined.catalogue, examined.templates) if examined.templates is not None else ())
    for n, each in enumerate(known.values(), start=1):
        _say(f"{n} of {len(known)}: {each.name}")
        found.update(doubts(each, segments, examined.catalogue.experiments))
    return sorted(found)


def _too_small(journey: str | None, catalogue: str | None) -> "Iterator[Problem]":
    """The experiments and holdouts for which too few customers are there, or come."""
    from activities.measuring.planning import planned
    from journeys.errors import Fault
    from journeys.rules import Rule
    from workers.cli.asked import settings_here, with_database
    from workers.definitions import experiments_of

    found = examined_or_fail(_module(catalogue))
    known = found.journeys if journey is None else {journey: found.journeys[journey]}
    specs, now = [each.spec for each in known.values()], settings_here().clock.now()
    asked = experiments_of(found)
    of = specs, asked, found.segments, now, found.holdout, found.predictions
    plans = with_database(lambda database: planned(database, *of))
    for name, each in known.items():
        for small in (one for one in plans[name] if one.too_small):
            yield each.problem(Fault(small.warning.rstrip("."), "see docs/measuring.md", Rule.TOO_SMALL), serious=False)


def _say(what: str) -> None:
    """A sign of life for who waits at a terminal."""
    if sys.stderr.isatty():
        typer.echo(what, err=True)


def _journey(name: str, catalogue: str | None) -> "JourneyDefinition":
    return _named(name, examined_or_fail(_module(catalogue)).journeys)


def _named(name: str, known: "Mapping[str, JourneyDefinition]") -> "JourneyDefinition":
    from difflib import get_close_matches

    if name not in known:
        if is_catalogue(Path(name.replace(".", "/"))):
            fail(f"no journey '{name}', but a catalogue: write --catalogue {module_of(name)}")
        close = get_close_matches(name, known, n=1)
        fail(f"no journey '{name}'; " + (f"did you mean {close[0]}?" if close else f"there are {', '.join(sorted(known))}"))
    return known[name]


def _module(catalogue: str | None) -> str:
    return module_of(catalogue) if catalogue else settings().catalogue


def _as(form: Form, graph: "Graph") -> str:
    if form is Form.JSON:
        import orjson

        return orjson.dumps(graph, default=str, option=orjson.OPT_INDENT_2).decode() + "\n"
    if form is Form.SVG:
        from journeys.walk.picture import svg

        return svg(graph)
    from journeys.walk.graph import mermaid

    return mermaid(graph)
