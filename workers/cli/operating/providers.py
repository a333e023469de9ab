"""`journeys providers`: who carries messages, who is not used for now, and limits that are set at run time."""

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.asked import fail, settings, with_database

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType

    from store import Database
    from workers.cli.operating.provider_tables import Told

providers = typer.Typer(help="Who carries messages, who is not used for now, and limits.", invoke_without_command=True)

Who = Annotated[str, typer.Argument(help="A provider, or provider/sender: twilio, twilio/+34600000001, ses/shop.example.")]
By = Annotated[str, typer.Option(help="Who does it; else the name you are logged in by.")]
Json = Annotated[bool, typer.Option("--json", help="JSON instead of tables.")]


@providers.callback()
def listed(context: typer.Context, as_json: Json = False) -> None:
    """What each has accepted in 24 hours and what it cost, whom workers do not use for now, and the limits."""
    if context.invoked_subcommand is None:
        _show(as_json=as_json)


@providers.command()
def limit(
    who: Who,
    per_second: Annotated[float | None, typer.Option(help="Messages a second, over all workers.")] = None,
    per_day: Annotated[int | None, typer.Option(help="Messages of a day (UTC); marketing waits then.")] = None,
    warm_up: Annotated[str, typer.Option(help="Ceilings of the first days: 50,100,500.")] = "",
    warm_up_from: Annotated[
        str, typer.Option("--from", help="The first day of warming up, as 2026-12-01; no marketing before it; else today.")
    ] = "",
    by: By = "",
    as_json: Json = False,
) -> None:
    """Set the limits of a provider or of one of its senders, in place of those that it had; what is not named does not hold."""
    from getpass import getuser

    from activities.channels.kinds import provider_names
    from store.deliveries.providers import Limit, set_limit, stranger

    now = settings().clock.now()
    plan = _plan(warm_up)
    starts = (_day(warm_up_from) if warm_up_from else now.astimezone(UTC).date()) if plan else None
    made = Limit(who, per_second, per_day, plan, starts)
    for wrong in made.wrong():
        fail(wrong)

    async def work(database: "Database") -> None:
        if wrong := await stranger(database, who, provider_names()):
            fail(wrong)
        await set_limit(database, made, now, by or getuser())

    with_database(work, by)
    _show(as_json=as_json)


@providers.command()
def unlimit(who: Who, as_json: Json = False) -> None:
    """Take the limits of a provider or of one of its senders away."""
    from store.deliveries.providers import drop_limit

    if not with_database(lambda database: drop_limit(database, who)):
        fail(f"no limits are set for {who}; `journeys providers` lists those that are")
    _show(as_json=as_json)


def _plan(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isascii() and part.isdecimal() for part in parts):
        fail("write the ceilings of the first days with commas between: --warm-up 50,100,500")
    return tuple(int(part) for part in parts)


def _day(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a day of UTC
    except ValueError:
        fail(f"{text} is no day; write it as 2026-12-01")


def _show(*, as_json: bool) -> None:
    from workers.cli import tables
    from workers.cli.operating.provider_tables import asked

    now = settings().clock.now()
    found = with_database(lambda database: asked(database, now))

    def drawn(told: "Told") -> "Iterable[RenderableType]":
        return told.tables()

    tables.show(found, drawn, as_json=as_json)
