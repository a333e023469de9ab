"""`journeys sums`: a day added up anew, and what that found to be different."""

from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.asked import fail, settings, with_database

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType

    from store import Database
    from store.measuring.sums import Difference

sums = typer.Typer(no_args_is_help=True, help="The sums by day: added up anew, and where they were not what they should be.")
Json = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]
_LATELY = 90  # days


@sums.command()
def recompute(
    day: Annotated[str, typer.Option(help="Which day (UTC): 2026-03-02.")],
    as_json: Json = False,
) -> None:
    """Add a day up anew, from the ledger and the events alone; where the sums were others, the new ones stand."""
    from datetime import date

    from activities.measuring.folding import Folding

    try:
        asked = date.fromisoformat(day)
    except ValueError:
        fail(f"{day} is no day; write --day 2026-03-02")
    clock = settings().clock

    async def anew(database: "Database") -> "list[Difference]":
        return await Folding(database, None, clock).recompute(asked)

    try:
        _show(with_database(anew), f"the sums of {asked} are what ledger and events say", as_json=as_json)
    except TimeoutError as error:
        fail(str(error))


@sums.command()
def differences(
    limit: Annotated[int, typer.Option(help="How many at most.")] = 100,
    as_json: Json = False,
) -> None:
    """Sums that were not what ledger and events say, or members of segments: the last ninety days, newest first."""
    from datetime import timedelta

    from store.measuring.sums import differences as found

    since = settings().clock.now() - timedelta(days=_LATELY)
    _show(
        with_database(lambda database: found(database, since, limit)), "every sum that was looked at was right", as_json=as_json
    )


def _show(found: "Sequence[Difference]", nothing: str, *, as_json: bool) -> None:
    from rich.table import Table

    from workers.cli import tables

    def drawn(rows: "Sequence[Difference]") -> "Iterable[RenderableType]":
        if not rows:
            return [nothing]
        table = Table("day", "journey", "step", "segment", "arm", "metric", "was", "is", box=None)
        for row in rows:
            what = f"{row.metric} {row.reason}".strip()
            table.add_row(str(row.day), row.journey, row.step, row.segment, row.arm, what, _sum(row.had), _sum(row.found))
        return [table]

    tables.show(found, drawn, as_json=as_json)


def _sum(told: "Sequence[object]") -> str:
    """How many, and how much where there is any."""
    return " · ".join(str(each) for each in told[:2])
