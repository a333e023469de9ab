"""`journeys pause`, `resume`, `kill`, `switches`: the operator's switches, of one journey or of everything at once."""

from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.asked import fail, settings, with_database
from workers.cli.operating.runs import confirmed, insist_on_known

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType

    from store.runs.switches import Switch
    from workers.cli.operating.switch_tables import Thrown

Journey = Annotated[str | None, typer.Argument(help="The journey, also one that has left the catalogue.")]
All = Annotated[bool, typer.Option("--all", help="Everything at once: a switch of its own, beside each journey's.")]
By = Annotated[str, typer.Option(help="Who does it, as `GET /v1/journeys` shows it; else the name you are logged in by.")]
Json = Annotated[bool, typer.Option("--json", help="JSON instead of a sentence.")]


def pause(journey: Journey = None, all_: All = False, by: By = "", as_json: Json = False) -> None:
    """Let messages wait: timers run on, conversions end runs, who enters a segment comes in, nobody is started by API."""
    _show(_throw(_named(journey, all_), "paused", by), as_json=as_json)


def resume(journey: Journey = None, all_: All = False, by: By = "", as_json: Json = False) -> None:
    """Let a journey live again: each message that waits passes the gate anew, so many a second, the soonest useless first."""
    _show(_throw(_named(journey, all_), "live", by), as_json=as_json)


def kill(
    journey: Journey = None,
    all_: All = False,
    by: By = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say whom it would concern.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """End every open run of a journey, for good, and let nobody in: nothing more goes out but what is at a provider."""
    from store.runs.switches import affected
    from workers.cli.operating.switch_tables import Thrown

    name = _named(journey, all_)
    concerned = with_database(lambda database: affected(database, name))
    if dry_run:
        return _show(Thrown(name, None, settings().release_per_second, concerned), as_json=as_json)
    what = "every journey" if all_ else name
    confirmed(f"kill {what}: end {concerned.open_runs:,} runs for good?", yes=yes)
    return _show(_throw(name, "killed", by), as_json=as_json)


def switches(as_json: Json = False) -> None:
    """What is paused or killed, since when, by whom, and why where a journey paused itself."""
    from store.runs.switches import thrown
    from workers.cli import tables
    from workers.cli.operating.switch_tables import standing

    def drawn(found: "Sequence[Switch]") -> "Iterable[RenderableType]":
        return list(standing(found)) or ["everything lives"]

    tables.show(with_database(thrown), drawn, as_json=as_json)


def _named(journey: str | None, all_: bool) -> str:
    from store.runs.switches import EVERYTHING

    if (journey is None) != all_:
        fail("say which journey, or --all")
    if journey is None:
        return EVERYTHING
    insist_on_known(journey)
    return journey


def _throw(journey: str, state: str, by: str) -> "Thrown":
    from getpass import getuser

    from store.runs.switches import throw
    from workers.cli.operating.switch_tables import Thrown

    given = settings()
    now, who = given.clock.now(), by or getuser()
    concerned = with_database(lambda database: throw(database, journey, state, now, who), by)
    return Thrown(journey, state, given.release_per_second, concerned)


def _show(thrown: "Thrown", *, as_json: bool) -> None:
    from workers.cli import tables

    def drawn(found: "Thrown") -> "Iterable[RenderableType]":
        return [found.sentence]

    tables.show(thrown, drawn, as_json=as_json)
