"""`journeys segments …`: what segments there are, who is in, how many, since when and why, and what to worry about."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers import segments_change
from workers.asked import fail
from workers.segments_asked import Asked, ask, read

if TYPE_CHECKING:
    from segments import Predicate
    from segments.overview import Overview

segments = typer.Typer(
    help="Segments: who is in, how many, since when and why; define them and keep lists.\n\n"
    "Begin with `journeys segments list`, then `journeys segments explain <name>`.",
    no_args_is_help=True,
)

_LOOK, _TRUST = "Look", "Trust"
Name = Annotated[str, typer.Argument(help="The segment's name, as `journeys segments list` shows it.")]
Maybe = Annotated[str | None, typer.Argument(help="The segment's name; none with --definition.")]
Json = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]
File = Annotated[Path | None, typer.Option("--definition", help="A JSON file with a predicate that is not saved; -: stdin.")]
Silence = Annotated[float, typer.Option(min=0.001, help="Hours without an event after which what reads it counts as stale.")]

Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A UTC day; the last 30 days when absent.")]


@segments.command("list", rich_help_panel=_LOOK)
def list_(as_json: Json = False, silence_hours: Silence = 24) -> None:
    """Every segment with its size, owner, review date, the journeys it feeds, and what to worry about."""

    async def work(asked: Asked) -> "list[Overview]":
        return await asked.overview(list((await asked.known()).values()), silence_hours)

    seen = ask(work)
    from api.segment_models import view
    from workers import segment_tables as tables

    tables.show([view(each) for each in seen], tables.overview, as_json=as_json)


@segments.command(rich_help_panel=_LOOK)
def explain(name: Name, as_json: Json = False) -> None:
    """A segment's definition in words and as JSON, with the events and traits that it reads."""

    async def work(asked: Asked) -> "list[Overview]":
        return await asked.overview([await asked.one(name)])

    [seen] = ask(work)
    from api.segment_models import detail
    from workers import segment_tables as tables

    tables.show(detail(seen), tables.detail, as_json=as_json)


@segments.command(rich_help_panel=_LOOK)
def count(name: Maybe = None, definition: File = None, as_json: Json = False) -> None:
    """How many customers are in now: of a segment, or of a definition in a file without saving it."""
    predicate = _predicate(name, definition)

    async def work(asked: Asked) -> dict[str, Any]:
        from segments.asking import count
        from store.segments import sizes

        if predicate is not None:
            return {"members": await count(asked.database, predicate, asked.now), "english": str(predicate)}
        known = await asked.one(str(name))
        return {"members": (await sizes(asked.database, [str(name)]))[str(name)], "english": str(known.segment.predicate)}

    found = ask(work)
    from workers import segment_tables as tables

    tables.show(found, tables.counted, as_json=as_json)


@segments.command(rich_help_panel=_LOOK)
def preview(
    name: Maybe = None,
    definition: File = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many customers.")] = 20,
    as_json: Json = False,
) -> None:
    """Some customers who are in, by customer id, with the traits that the definition names (these may be personal data)."""
    predicate = _predicate(name, definition)

    async def work(asked: Asked) -> "list[Any]":
        from segments.asking import preview
        from segments.predicate import trait_names
        from store.segments import members

        if predicate is not None:
            return list(await preview(asked.database, predicate, asked.now, limit))
        known = await asked.one(str(name))
        return list(await members(asked.database, str(name), sorted(trait_names(known.segment.predicate)), limit=limit))

    found = ask(work)
    from api.segment_models import member
    from workers import segment_tables as tables

    tables.show([member(each) for each in found], tables.members, as_json=as_json)


@segments.command(rich_help_panel=_LOOK)
def days(
    name: Name,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First UTC day; 30 days ago when absent.")
    ] = None,
    until: Day = None,
    as_json: Json = False,
) -> None:
    """A segment's size over time: each day with who entered, who left, and the size at its end."""

    async def work(asked: Asked) -> "list[Any]":
        from store.segments import days

        await asked.one(name)
        last = (until or asked.now).date()
        first = since.date() if since else last - timedelta(days=30)
        if first > last:
            fail(f"--since {first} is after --until {last}; choose an earlier day")
        return list(await days(asked.database, name, first, last))

    found = ask(work)
    from workers import segment_tables as tables

    tables.show(found, tables.days, as_json=as_json)


@segments.command(rich_help_panel=_LOOK)
def why(
    name: Name,
    user_id: Annotated[str | None, typer.Option(help="The customer's userId.")] = None,
    customer_id: Annotated[str | None, typer.Option(help="The customer's id here.")] = None,
    email: Annotated[str | None, typer.Option(help="One of the customer's addresses.")] = None,
    as_json: Json = False,
) -> None:
    """Why a customer is in or not: each part of the definition, what it saw, and when time alone will change it."""
    given = {"user_id": user_id, "customer_id": customer_id, "email": email}
    names = [(kind, value) for kind, value in given.items() if value is not None]
    if len(names) != 1:
        fail("name the customer by exactly one of --user-id, --customer-id and --email")

    async def work(asked: Asked) -> Any:
        from segments.asking import explain
        from segments.importing import checked_name
        from store.lists import resolve

        segment = (await asked.one(name)).segment
        checked = checked_name(*names[0])
        if isinstance(checked, str):
            fail(checked)
        async with asked.database.transaction() as connection:
            [profile] = await resolve(connection, [checked])
        answer = await explain(asked.database, segment, profile, asked.now) if profile else None
        return answer or fail("no such customer")

    answer = ask(work)
    from workers import segment_tables as tables

    tables.show(answer, lambda found: tables.why(name, found), as_json=as_json)


@segments.command(rich_help_panel=_TRUST)
def concerns(
    silence_hours: Silence = 24,
    overlap: Annotated[float, typer.Option(min=0, max=1, help="Share from which two segments count as overlapping.")] = 0.8,
    most: Annotated[int, typer.Option(min=1, help="How many active segments are too many.")] = 50,
    as_json: Json = False,
) -> None:
    """What to worry about: too small, too many, overlapping, stale, or past the review date."""

    async def work(asked: Asked) -> "list[Any]":
        from segments.concerns import Limits, concerns
        from store.segments import sizes

        known = [each.segment for each in (await asked.known()).values()]
        counted = await sizes(asked.database, [segment.name for segment in known])
        limits = Limits(timedelta(hours=silence_hours), overlap, most)
        return list(await concerns(asked.database, known, counted, asked.now, limits))

    found = ask(work)
    from workers import segment_tables as tables

    tables.show(found, tables.concerns, as_json=as_json)


@segments.command(rich_help_panel=_TRUST)
def coverage(
    segment: Annotated[str | None, typer.Option(help="Only the members of this segment.")] = None,
    outdated_days: Annotated[int, typer.Option(min=1, help="From which age a value counts as outdated.")] = 365,
    as_json: Json = False,
) -> None:
    """Per trait: the share of the customers who have it, and how fresh its values are."""

    async def work(asked: Asked) -> tuple[datetime, "list[Any]"]:
        from store.segments import coverage

        if segment is not None:
            await asked.one(segment)
        before = asked.now - timedelta(days=outdated_days)
        return asked.now, list((await coverage(asked.database, before, segment))[1])

    now, found = ask(work)
    from workers import segment_tables as tables

    tables.show(found, lambda rows: tables.coverage(rows, now), as_json=as_json)


segments_change.register(segments)


def _predicate(name: str | None, definition: Path | None) -> "Predicate | None":
    """The predicate in a file, or None when a name was given instead."""
    if (name is None) is (definition is None):
        fail("give either a segment's name or --definition FILE")
    if definition is None:
        return None
    import json

    from segments.wire import predicate_from_json

    try:
        plain = json.loads(read(definition))
    except ValueError as error:
        fail(f"{definition}: is not JSON: {error}")
    return predicate_from_json(plain.get("predicate", plain) if isinstance(plain, dict) else plain)
