"""`journeys segments …`: what segments there are, who is in, how many, since when and why, and what to worry about."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.cli.asked import fail, settings
from workers.cli.segments import change, questions
from workers.cli.segments.asked import Asked, Json, Name, Silence, ask

if TYPE_CHECKING:
    from segments.ask.concerns import Concern
    from segments.ask.overview import Overview

segments = typer.Typer(
    help="Segments: who is in, how many, since when and why; define them, and freeze them as lists.\n\n"
    "Begin with `journeys segments list`, then `journeys segments explain <name>`.",
    no_args_is_help=True,
)

_FORMATS = ["%Y-%m-%d"]
Since = Annotated[datetime | None, typer.Option(formats=_FORMATS, help="First UTC day; 30 days before the last when absent.")]
Until = Annotated[datetime | None, typer.Option(formats=_FORMATS, help="Last UTC day; today when absent.")]


@segments.command("list", rich_help_panel="Look")
def list_(as_json: Json = False, silence_hours: Silence = 24) -> None:
    """Every segment with its size, owner, review date, the journeys it feeds, and what to worry about."""

    async def work(asked: Asked) -> "tuple[list[Overview], list[Concern]]":
        around = await asked.all_segments()
        return await asked.overview(around, around.known, silence_hours), around.concerns(asked.catalogue.entries)

    seen, standing = ask(work)
    from api.segments.views import view
    from workers.cli.segments import tables

    tables.show([view(each) for each in seen], tables.overview, as_json=as_json)
    if not as_json:
        tables.show(standing, tables.standing, as_json=False)


@segments.command(rich_help_panel="Look")
def explain(name: Name, as_json: Json = False) -> None:
    """A segment's definition in words and as JSON, with the events and traits that it reads."""

    async def work(asked: Asked) -> "tuple[Overview, list[str]]":
        from segments.ask.ask import hinted

        predicate = (await asked.one(name)).segment.predicate
        return await asked.glance(name), await hinted(asked.database, predicate, asked.now)

    seen, told = ask(work)
    from api.segments.views import detail
    from workers.cli.segments import tables

    tables.show(detail(seen, told, None), tables.detail, as_json=as_json)


@segments.command(rich_help_panel="Look")
def days(
    name: Name,
    since: Since = None,
    until: Until = None,
    as_json: Json = False,
) -> None:
    """A segment's size over time: each day with who entered, who left, and the size at its end.

    The size is today's, counted back to the day on which the segment was first evaluated; before that it is not known.
    """

    async def work(asked: Asked) -> "list[Any]":
        from store.segments.rows import days, period

        await asked.one(name)
        try:
            first, last = period(asked.now.date(), since and since.date(), until and until.date())
        except ValueError as error:
            fail(str(error))
        return list(await days(asked.database, name, first, last))

    found = ask(work)
    from workers.cli.segments import pictures
    from workers.cli.tables import show

    show(found, lambda each: pictures.days(name, each), as_json=as_json)


@segments.command(rich_help_panel="Look")
def why(
    name: Name,
    user_id: Annotated[str | None, typer.Option(help="The customer's userId.")] = None,
    customer_id: Annotated[str | None, typer.Option(help="The customer's id here.")] = None,
    anonymous_id: Annotated[str | None, typer.Option(help="A visitor's anonymousId.")] = None,
    email: Annotated[str | None, typer.Option(help="One of the customer's addresses.")] = None,
    as_json: Json = False,
) -> None:
    """Why a customer is in or not: each part of the definition, what it saw, and when time alone will change it."""
    given = {"user_id": user_id, "customer_id": customer_id, "anonymous_id": anonymous_id, "email": email}
    names = [(kind, value) for kind, value in given.items() if value is not None]
    if len(names) != 1:
        fail("name the customer by exactly one of --user-id, --customer-id, --anonymous-id and --email")

    async def work(asked: Asked) -> Any:
        from segments.ask.ask import explain
        from segments.define.importing import checked_name
        from store.lists import resolve

        segment = (await asked.one(name)).segment
        checked = checked_name(*names[0], settings().default_region)
        if isinstance(checked, str):
            fail(checked)
        async with asked.database.transaction() as connection:
            [profile] = await resolve(connection, [checked])
        answer = await explain(asked.database, segment, profile, asked.now) if profile else None
        return answer or fail("no such customer")

    answer = ask(work)
    from workers.cli.segments import pictures
    from workers.cli.tables import show

    show(answer, lambda found: pictures.why(name, found), as_json=as_json)


questions.register(segments)
change.register(segments)
