"""`journeys segments …` that ask: how many, who, what to worry about, which traits are covered; nothing is saved."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from workers.asked import fail
from workers.segments_asked import Asked, Json, Silence, ask, read

Maybe = Annotated[str | None, typer.Argument(help="The segment's name; none with --definition.")]
File = Annotated[Path | None, typer.Option("--definition", help="A JSON file with a predicate that is not saved; -: stdin.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the others."""
    for panel, commands in (("Look", (count, preview)), ("Trust", (concerns, coverage))):
        for command in commands:
            app.command(rich_help_panel=panel)(command)


def count(name: Maybe = None, definition: File = None, as_json: Json = False) -> None:
    """How many customers are in now: of a segment, or of a definition in a file without saving it."""
    plain = _definition(name, definition)

    async def work(asked: Asked) -> dict[str, Any]:
        from segments.asking import count
        from store.segments import sizes

        predicate = await asked.predicate(plain) if name is None else (await asked.one(name)).segment.predicate
        known = {} if name is None else await asked.evaluated(name)
        size = (await sizes(asked.database, list(known)))[name] if name in known else None
        size = await count(asked.database, predicate, asked.now) if size is None else size
        return {"members": size, "at": known.get(name or "", asked.now), "english": str(predicate)}

    found = ask(work)
    from workers import segment_tables as tables

    tables.show(found, tables.counted, as_json=as_json)


def preview(
    name: Maybe = None,
    definition: File = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many customers.")] = 20,
    as_json: Json = False,
) -> None:
    """Some customers who are in, by customer id, with the traits that the definition names (these may be personal data)."""
    plain = _definition(name, definition)

    async def work(asked: Asked) -> "list[Any]":
        from segments.asking import preview
        from segments.predicate import trait_names
        from store.segments import members

        if name is None:
            return list(await preview(asked.database, await asked.predicate(plain), asked.now, limit))
        segment = (await asked.one(name)).segment
        if not await asked.evaluated(name):
            return list(await preview(asked.database, segment.predicate, asked.now, limit))
        return list(await members(asked.database, name, sorted(trait_names(segment.predicate)), limit=limit))

    found = ask(work)
    from api.segment_views import member
    from workers import segment_tables as tables

    tables.show([member(each) for each in found], tables.members, as_json=as_json)


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

        around = await asked.landscape()
        counted = await sizes(asked.database, list(around.known))
        limits = Limits(timedelta(hours=silence_hours), overlap, most)
        found = await concerns(asked.database, around.segments, counted, asked.now, limits)
        return [*around.concerns(asked.catalogue.entries), *found]

    found = ask(work)
    from workers import segment_tables as tables

    tables.show(found, tables.concerns, as_json=as_json)


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
