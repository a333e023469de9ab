"""`journeys replay`: histories of real runs against the engine and the code at hand, before it is deployed.

Promise: it ends, with exit code 0 when all of them replay and 1 when not, with journey, step, cause and the number of people:
a gate for CI.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.asked import fail, settings_here, with_database
from workers.cli.check import insist_on_catalogue

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType
    from temporalio.client import WorkflowHistory

    from store import Database
    from workers.definitions import Examined
    from workers.replaying import Replayed
    from workers.settings import Settings
    from workers.unfit import Unfit

_RECENT = 7  # days


def replay(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Histories as JSON, or folders of them; none: from Temporal.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many runs at most, the newest first.")] = 1000,
    days: Annotated[int, typer.Option(min=0, help="Besides open runs, those that ended in the last days.")] = _RECENT,
    as_begun: Annotated[
        bool, typer.Option("--as-begun", help="Each run on its own version: whether the engine at hand can go on with it.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """Replay runs on the code at hand: who could not go on, where, and why; and messages that lack a template.

    A run stays on its own version all the same.
    """
    import asyncio
    import logging

    from workers.cli import tables
    from workers.unfit import people_in, unfit

    logging.getLogger("temporalio").setLevel(logging.CRITICAL)  # what does not replay is our answer
    given = settings_here()
    histories = _read(files) if files else None
    examined = _examined(given.catalogue)
    histories = asyncio.run(_fetched(given, limit, days)) if histories is None else histories
    everything = len(histories)
    histories = histories if as_begun else _concerned(examined, histories)
    gone = everything - len(histories)
    if as_begun:
        found, lacking = with_database(lambda database: _as_begun(given, database, histories))
    else:
        found, lacking = _at_hand(given, histories), _without(examined, histories)
    misfits = unfit(found)
    wrong = [*misfits, *lacking]
    tables.show(wrong, _drawn, as_json=as_json)
    if not as_json:
        without = f"; {gone} ended in journeys that are gone, and were left out" if gone else ""
        failing = sum(each.runs for each in misfits)
        runs = tables.counted(len(histories), "run")
        people = tables.counted(people_in(histories), "person", "people")
        typer.echo(f"{runs} of {people}: {failing} {'does' if failing == 1 else 'do'} not replay{without}")
    raise typer.Exit(1 if wrong else 0)


def _read(files: "Sequence[Path]") -> "list[WorkflowHistory]":
    found = [path for file in files for path in (sorted(file.rglob("*.json")) if file.is_dir() else [file])]
    return [_history(path) for path in found]


def _history(file: Path) -> "WorkflowHistory":
    from google.protobuf.json_format import ParseError
    from temporalio.client import WorkflowHistory

    try:
        history = WorkflowHistory.from_json(str(file), file.read_text())
    except OSError as error:
        fail(f"{file}: {error.strerror}")
    except (ParseError, ValueError, KeyError, AttributeError):
        history = None
    if history is None or not history.events or not history.events[0].HasField("workflow_execution_started_event_attributes"):
        fail(f"{file} is no history: export one with `temporal workflow show --output json`")
    return history


async def _fetched(given: "Settings", limit: int, days: int) -> "list[WorkflowHistory]":
    from datetime import timedelta

    from workers.replaying import fetched
    from workers.temporal import connect_temporal

    return await fetched(await connect_temporal(given), limit, timedelta(days=days))


def _concerned(examined: "Examined", histories: "Sequence[WorkflowHistory]") -> "list[WorkflowHistory]":
    """Without runs that have ended in journeys that are no longer there: nobody goes on with them."""
    from workers.unfit import is_over, journey_of

    known = examined.catalogue.journeys if examined.catalogue is not None else {}
    return [each for each in histories if journey_of(each) in known or not is_over(each)]


def _at_hand(given: "Settings", histories: "Sequence[WorkflowHistory]") -> "list[Replayed]":
    import asyncio

    from journeys.temporal import current
    from workers.replaying import replay as replayed

    current.module = given.catalogue

    async def work() -> "list[Replayed]":
        return [each async for each in replayed(histories, None)]

    return asyncio.run(work())


def _examined(module: str) -> "Examined":
    """A catalogue that loads, but for messages that lack their template: those are told with the people whom they concern."""
    from journeys.rules import Rule
    from workers.definitions import examine

    told = (Rule.UNKNOWN_TEMPLATE, Rule.TEMPLATE_PARAMS)
    examined = examine(module)
    if any(problem.serious and problem.rule not in told for problem in examined.problems) or examined.templates is None:
        insist_on_catalogue(module)
    return examined


def _without(examined: "Examined", histories: "Sequence[WorkflowHistory]") -> "list[Unfit]":
    from workers.lacking import people_without

    if examined.catalogue is None or examined.templates is None:
        return []
    return list(people_without(examined.catalogue, examined.templates, histories))


async def _as_begun(
    given: "Settings", database: "Database", histories: "Sequence[WorkflowHistory]"
) -> "tuple[list[Replayed], list[Unfit]]":
    """Each on its own version: how it replays, and which messages lack something there."""
    from workers.definitions import load_definitions
    from workers.lacking import as_begun_without
    from workers.replaying import as_begun
    from workers.signing import deployers
    from workers.versions import library_of

    catalogue, _ = load_definitions(given.catalogue, doubts=False)
    library = library_of(given.catalogue, database, catalogue, deployers(given))
    return await as_begun(library, histories), await as_begun_without(library, histories)


def _drawn(wrong: "Sequence[Unfit]") -> "Iterable[RenderableType]":
    from workers.cli.tables import Rows

    if wrong:
        heads = ("journey", "where", "why", "people", "runs", "for example")
        rows = [(each.journey, each.step, each.cause, str(each.people), str(each.runs), each.example) for each in wrong]
        yield Rows(heads, rows, ahead=2, sentences=frozenset({"where", "why"}))
