"""`journeys segments …` that change something: definitions from JSON files, lists from CSV files."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.asked import fail, settings
from workers.segments_asked import Asked, ask, read

if TYPE_CHECKING:
    from segments.importing import Report

Json = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]


def register(app: typer.Typer) -> None:
    """Add these commands to those that only look."""
    for command, name in (
        (put, "put"),
        (delete, "delete"),
        (wait, "wait"),
        (announce, "announce"),
        (lists, "lists"),
        (import_, "import"),
    ):
        app.command(name, rich_help_panel="Change")(command)


def put(
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits and hyphens.")],
    file: Annotated[Path, typer.Argument(help="JSON as `PUT /v1/segments/{name}` takes it: predicate, owner, …; -: stdin.")],
) -> None:
    """Define a segment from a JSON file, or change one; every watch takes it up within seconds."""
    from pydantic import ValidationError

    from api.segment_models import SegmentBody
    from segments import Segment
    from segments.wire import predicate_from_json

    try:
        body = SegmentBody.model_validate_json(read(file))
    except ValidationError as error:
        fail("; ".join(f"{'.'.join(map(str, e['loc'])) or file}: {e['msg']}" for e in error.errors(include_url=False)))
    predicate_from_json(body.predicate)  # its error names the place better than a problem of the API would
    segment: Segment = body.segment(name)

    async def work(asked: Asked) -> bool:
        from segments.asking import check
        from store.segments import put_stored

        _not_in_code(asked, name)
        await check(asked.database, segment.predicate, asked.now)
        stored = (name, segment.version, segment.to_json())
        return await put_stored(asked.database, *stored, announce=body.announce, by="command line", at=asked.now)

    typer.echo(f"{'defined' if ask(work) else 'changed'} {name}: {segment.predicate}")


def delete(name: Annotated[str, typer.Argument(help="A segment that was defined by API or `put`.")]) -> None:
    """Take a segment that was defined by API or `put` out of use; its members leave it within seconds."""

    async def work(asked: Asked) -> bool:
        from store.segments import delete_stored

        _not_in_code(asked, name)
        return await delete_stored(asked.database, name, by="command line", at=asked.now)

    if not ask(work):
        fail(f"no segment {name!r} was defined by API; see `journeys segments list`")
    typer.echo(f"deleted {name}")


def wait(
    name: Annotated[str, typer.Argument(help="The segment's name.")],
    seconds: Annotated[float, typer.Option(min=0, help="Give up after so many seconds.")] = 3_600,
) -> None:
    """Wait until a new or changed segment is live, with its progress; it needs a running worker."""
    from workers import segment_tables as tables
    from workers.segments_asked import until_live

    with tables.bar(f"loading {name}") as show:
        seen = ask(lambda asked: until_live(asked, name, seconds, lambda each: show(each.loaded or 0)))
    if seen.state != "live":
        fail(f"{name} is still {seen.state} after {seconds:g} seconds; is a worker running?")
    typer.echo(f"{name} is live, with {seen.members:,} member{'' if seen.members == 1 else 's'}")


def announce(name: Annotated[str, typer.Argument(help="A segment that is live.")]) -> None:
    """Let those who are in a segment already enter its journeys, by their own re-entry rules; doing it twice is harmless."""
    from workers import segment_tables as tables

    async def work(asked: Asked) -> int:
        from segments.announcing import announce, unannounced

        [seen] = await asked.overview([await asked.one(name)])
        if seen.state != "live":
            fail(f"{name} is {seen.state}; see `journeys segments wait {name}`")
        most = await unannounced(asked.database, name)
        with tables.bar(f"announcing {name}") as show:
            version, now = seen.known.segment.version, settings().clock.now
            return await announce(asked.database, name, version, now, most, lambda done: show(done / max(most, 1)))

    done = ask(work)
    typer.echo(f"{done:,} member{'' if done == 1 else 's'} of {name} announced")


def lists(as_json: Json = False) -> None:
    """The lists kept by hand or from files, with their sizes; a definition uses one by `listed("name")`."""

    async def work(asked: Asked) -> "list[Any]":
        from segments.listed import LIST_EVENT
        from store.lists import lists, on_lists

        found = await lists(asked.database)
        sizes = await on_lists(asked.database, [LIST_EVENT + each.name for each in found])
        return [{"name": each.name, "members": sizes.get(LIST_EVENT + each.name, 0), "by": each.by} for each in found]

    found = ask(work)
    from workers import segment_tables as tables

    tables.show(found, tables.lists, as_json=as_json)


def import_(
    name: Annotated[str, typer.Argument(help="The list; it is made if there is none.")],
    file: Annotated[Path, typer.Argument(help="CSV; its first line names a column user_id, email or customer_id.")],
    replace: Annotated[bool, typer.Option("--replace", help="Take everybody else off the list.")] = False,
    as_json: Json = False,
) -> None:
    """Put the customers of a CSV file on a list, and report the rows that could not be used. Repeating it is harmless."""
    from uuid import uuid4

    from segments.importing import import_rows, read_rows
    from segments.listed import check_list_name
    from workers import segment_tables as tables

    check_list_name(name)

    if not file.is_file():
        fail(f"{file}: there is no such file")

    async def work(asked: Asked) -> "Report":
        with tables.reading(file, quiet=as_json) as lines:
            now, by = settings().clock.now, "command line"
            return await import_rows(asked.database, name, read_rows(lines), uuid4(), now, by=by, replace=replace)

    try:
        report = ask(work)
    except UnicodeDecodeError:
        fail(f"{file}: is not UTF-8; save it as UTF-8 and try again")
    tables.show(report, lambda done: tables.imported(name, done), as_json=as_json)


def _not_in_code(asked: Asked, name: str) -> None:
    if name in asked.catalogue.segments:
        fail(f"segment {name!r} is defined in code; change it there, or choose another name")
