"""`journeys runs`: who is in which journey, which runs cannot go on and why, newest first."""

from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.asked import fail, settings, with_database

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from store import Database
    from store.runs.views import Run

_STATES = ("open", "waiting", "failing", "ended")


def runs(
    journey: Annotated[str | None, typer.Argument(help="Only of this journey, also one that has left the catalogue.")] = None,
    status: Annotated[
        str | None, typer.Option(help=f"{', '.join(_STATES)}; waiting (to be let in) and failing ones are open, too.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many at most.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """List runs: `journeys runs --status failing` shows what waits for mended code, with the error's kind and place."""
    from store.runs.views import list_runs
    from workers.cli import tables
    from workers.cli.run_tables import listed, told

    if status not in (None, *_STATES):
        fail(f"--status {status}: choose one of {', '.join(_STATES)}")
    found = with_database(
        lambda database: list_runs(
            database,
            journey=journey,
            profile_id=None,
            is_open=None if status is None else status != "ended",
            is_failing=status == "failing",
            is_waiting=status == "waiting",
            before=None,
            limit=limit,
        )
    )
    if journey is not None and not found:
        _insist_on_known(journey)
    tables.show([told(run) for run in found], listed, as_json=as_json)


def _insist_on_known(journey: str) -> None:
    """A misspelt name is no empty list; one that has left the catalogue is known by its runs."""
    from journeys.catalogue import load
    from store.runs.views import list_runs

    def any_run(database: "Database") -> "Coroutine[object, object, list[Run]]":
        return list_runs(database, journey=journey, profile_id=None, is_open=None, before=None, limit=1)

    names = sorted(load(settings().catalogue).journeys)
    if journey not in names and not with_database(any_run):
        fail(f"no journey {journey!r}, and no run of one; the catalogue has: {', '.join(names)}")
