"""`journeys segments …` that ask: how many, who, what to worry about, which traits are covered; nothing is saved."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.cli.asked import fail
from workers.cli.segments.asked import Asked, Json, Silence, ask, read

if TYPE_CHECKING:
    from segments.ask.coverage import Report

Maybe = Annotated[str | None, typer.Argument(help="The segment's name; none with --definition.")]
File = Annotated[
    Path | None,
    typer.Option(
        "--definition",
        help='A JSON file with a predicate that is not saved, such as {"did": "Signed Up", "within": 604800}; -: stdin.',
    ),
]


def register(app: typer.Typer) -> None:
    """Add these commands to the others."""
    for panel, commands in (("Look", (count, preview)), ("Trust", (concerns, coverage))):
        for command in commands:
            app.command(rich_help_panel=panel)(command)


def count(name: Maybe = None, definition: File = None, as_json: Json = False) -> None:
    """How many customers are in now: of a segment, or of a definition in a file without saving it."""
    plain = _definition(name, definition)

    async def work(asked: Asked) -> dict[str, Any]:
        from segments.ask.ask import count, hinted
        from store.segments.sizes import sizes

        predicate = await asked.predicate(plain) if name is None else (await asked.one(name)).segment.predicate
        known = {} if name is None else await asked.evaluated(name)
        size = (await sizes(asked.database, list(known)))[name] if name in known else None
        size = await count(asked.database, predicate, asked.now) if size is None else size
        told = await hinted(asked.database, predicate, asked.now)
        return {"members": size, "at": known.get(name or "", asked.now), "english": str(predicate), "hints": told}

    found = ask(work)
    from workers.cli.segments import tables

    tables.show(found, tables.counted, as_json=as_json)


def preview(
    name: Maybe = None,
    definition: File = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many customers.")] = 20,
    as_json: Json = False,
) -> None:
    """Some customers who are in, by customer id, with the traits that the definition names (these may be personal data)."""
    plain = _definition(name, definition)

    async def work(asked: Asked) -> "tuple[list[Any], list[str]]":
        from segments.ask.ask import hinted, preview
        from segments.language.moves import trait_names
        from store.segments.rows import members

        predicate = await asked.predicate(plain) if name is None else (await asked.one(name)).segment.predicate
        told = await hinted(asked.database, predicate, asked.now)
        if name is None or not await asked.evaluated(name):
            return list(await preview(asked.database, predicate, asked.now, limit)), told
        return list(await members(asked.database, name, sorted(trait_names(predicate)), limit=limit)), told

    found, told = ask(work)
    from api.segments.views import Previewed, member
    from workers.cli.segments import tables

    tables.show(Previewed(customers=[member(each) for each in found], hints=told), tables.members, as_json=as_json)


def concerns(
    silence_hours: Silence = 24,
    overlap: Annotated[float, typer.Option(min=0, max=1, help="Share from which two segments count as overlapping.")] = 0.8,
    most: Annotated[int, typer.Option(min=1, help="How many active segments are too many.")] = 50,
    source_silence: Annotated[
        list[str] | None, typer.Option(help="crm=48: hours a source may be silent; else twice its longest gap. Repeat it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """What to worry about: too small, too many, overlapping, stale, or past the review date."""
    from segments.ask.silence import BadAllowance, allowances

    try:
        allowed = allowances(source_silence or ())
    except BadAllowance as error:
        fail(f"--source-silence {error}")

    async def work(asked: Asked) -> "list[Any]":
        from segments.ask.concerns import WorryFrom, concerns
        from store.segments.sizes import sizes

        around = await asked.all_segments()
        counted = await sizes(asked.database, list(around.known))
        limits = WorryFrom(timedelta(hours=silence_hours), overlap, most, allowed)
        found = await concerns(asked.database, around.segments, counted, asked.now, limits)
        return [*around.concerns(asked.catalogue.entries), *found]

    found = ask(work)
    from workers.cli.segments import tables

    tables.show(found, tables.concerns, as_json=as_json)


def coverage(
    segment: Annotated[str | None, typer.Option(help="Only the members of this segment.")] = None,
    outdated_days: Annotated[int, typer.Option(min=1, help="From which age a value counts as outdated.")] = 365,
    enough: Annotated[float, typer.Option(min=0, max=1, help="Share who must have what a segment asks for.")] = 0.5,
    as_json: Json = False,
) -> None:
    """Per trait: who has it, from which sources, how surely and how fresh. Per segment: whether that is enough."""

    async def work(asked: Asked) -> "tuple[datetime, Report]":
        from segments.ask.coverage import report

        segments = (await asked.all_segments()).segments if segment is None else [(await asked.one(segment)).segment]
        before = asked.now - timedelta(days=outdated_days)
        return asked.now, await report(asked.database, segments, before, enough=enough, only=segment)

    now, found = ask(work)
    from api.segments.coverage import coverage_report
    from workers.cli.segments import tables

    tables.show(coverage_report(found), lambda shown: tables.coverage(shown, now), as_json=as_json)


def _definition(name: str | None, file: Path | None) -> Any:
    """What stands in a file, or None when a segment's name was given instead."""
    if (name is None) is (file is None):
        fail("give either a segment's name or --definition FILE")
    if file is None:
        return None
    import json

    try:
        plain = json.loads(read(file))
    except ValueError as error:
        fail(f"{file}: is not JSON: {error}")
    return plain.get("predicate", plain) if isinstance(plain, dict) else plain
