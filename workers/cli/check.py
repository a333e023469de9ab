"""`journeys check`: the catalogue is looked at as it is when a worker starts, without any server, for editors and CI.

Promise: exit code 0 when it loads and 1 when not; each problem on a line of its own, `file:line:column: what to do`.
"""

import contextlib
import io
import json
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from journeys.place import other_catalogue, spec_of
from workers.cli.asked import fail, settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from journeys.catalogue import Catalogue
    from journeys.errors import Problem
    from workers.definitions import Examined


def check(
    catalogue: Annotated[
        str | None, typer.Argument(help="The catalogue: acme.campaigns, or its folder acme/campaigns (JOURNEYS_CATALOGUE).")
    ] = None,
    *,
    named: Annotated[str | None, typer.Option("--catalogue", help="The same, as the other commands take it.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON list, for editors and CI.")] = False,
) -> None:
    """Look for mistakes in the catalogue: journeys, segments, templates. Needs no server.

    Exit code 0 when it loads (warnings, too), 1 when not. --json is a list of objects with file, line, column, rule,
    severity (error, warning), message and remedy; docs/authoring.md has the rules.
    """
    catalogue = catalogue or named
    module = module_of(catalogue) if catalogue else settings().catalogue
    examined = examined_as_named(catalogue)
    if as_json:
        typer.echo(json.dumps([problem.plain() for problem in examined.problems], ensure_ascii=False, indent=2))
    else:
        _tell(module, examined)
    raise typer.Exit(0 if examined.usable else 1)


def examined_as_named(catalogue: str | None) -> "Examined":
    """A catalogue by its module or its folder, else that of the settings, with all that is wrong with it."""
    return _examined(module_of(catalogue) if catalogue else settings().catalogue, named=catalogue is not None)


def insist_on_catalogue(module: str) -> None:
    """End with all that is wrong with the catalogue, before anything is started that would need it."""
    examined_or_fail(module)


def examined_or_fail(module: str) -> "Catalogue":
    """A catalogue that loads; else the end, with all that is wrong with it."""
    examined = _examined(module)
    if not examined.usable or examined.catalogue is None:
        refused(module, examined)
    return examined.catalogue


def refused(module: str, examined: "Examined") -> NoReturn:
    """The end, with all that is wrong with a catalogue."""
    wrong = [str(problem) for problem in examined.problems if problem.serious]
    fail(f"the catalogue '{module}' does not load:\n" + "\n".join(wrong) if len(wrong) > 1 else wrong[0])


def module_of(given: str) -> str:
    """The name by which a folder below this one, or below its `src`, is imported; one elsewhere ends the command."""
    parts = PurePath(given).parts
    if PurePath(given).is_absolute() or ".." in parts:
        folder, here = Path(given).resolve(), Path.cwd().resolve()
        if not folder.is_relative_to(here) or folder == here:
            fail(f"{given} is not below this folder: stand in the one that holds your packages, and name it from there")
        parts = folder.relative_to(here).parts
    return ".".join(parts[1:] if parts[0] == "src" and len(parts) > 1 else parts)


def _examined(module: str, *, named: bool = False) -> "Examined":
    from journeys.errors import Problem
    from workers.cli.stuck import ended_when_stuck
    from workers.definitions import Examined, examine

    if wrong := other_catalogue(module) or _unnamed(module, named=named):
        return Examined((Problem("", 0, 0, wrong),))
    with ended_when_stuck(), contextlib.redirect_stdout(io.StringIO()):  # what the catalogue prints is not our answer
        return examine(module)


def _unnamed(module: str, *, named: bool) -> str | None:
    """What to do where nobody has named a catalogue, and none has the name that is looked for then."""
    if named or spec_of(module) is not None or "catalogue" in settings().model_fields_set:
        return None
    advice = f"set JOURNEYS_CATALOGUE={found}" if (found := _some_catalogue()) else "write one with: journeys new my_shop"
    return f"no catalogue is named, and none is called '{module}' here; {advice}"


def _some_catalogue() -> str | None:
    """A package here that is a catalogue."""
    folders = sorted(file.parent for depth in ("*", "*/*", "*/*/*") for file in Path().glob(f"{depth}/__init__.py"))
    return next((module_of(str(folder)) for folder in folders if is_catalogue(folder)), None)


def is_catalogue(folder: Path) -> bool:
    """Whether a folder looks like a catalogue: a package that declares journeys or segments."""
    file = folder / "__init__.py"
    return file.is_file() and "from journeys import" in file.read_text(encoding="utf-8", errors="ignore")


def tell(problems: "Iterable[Problem]") -> None:
    """Problems, a line each."""
    for problem in problems:
        typer.secho(f"{problem} [{problem.rule}]", fg=typer.colors.RED if problem.serious else typer.colors.YELLOW)


def _tell(module: str, examined: "Examined") -> None:
    tell(examined.problems)
    found = examined.catalogue
    from activities.templating.base import Measured
    from workers.definitions import place_of

    if examined.usable and found is not None and examined.templates is not None:
        counts = [(len(found.journeys), "journey"), (len(found.segments), "segment")]
        counts += [(len(found.predictions), "prediction")] if found.predictions else []
        rules = len(found.together) + len(found.changes) + len(found.again)
        counts += [(rules, "product rule")] if rules else []
        counts += [(len(found.places), "place")] if found.places else []
        counts.append((len(examined.templates.found), "template"))
        told = ", ".join(f"{count} {what}{'' if count == 1 else 's'}" for count, what in counts)
        holdout = f"; a global holdout: {found.holdout} get no marketing" if found.holdout else ""
        for key, template in examined.templates.found.items():
            others = examined.templates.translations.get(key, {})
            if others:
                typer.echo(f"{place_of(module, template.file)}: also in {', '.join(sorted(others))}")
            for each in (template, *others.values()):
                if isinstance(each, Measured):
                    typer.echo(f"{place_of(module, each.file)}: {each.measure()}")
        typer.echo(f"{module}: {told}{holdout}; it loads")
