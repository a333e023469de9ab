"""`journeys segments …` that change something: definitions from JSON files, and snapshots of who is in."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.asked import InJson, fail, say, settings
from workers.cli.segments.asked import Asked, Json, Name, ask, read, until_live

if TYPE_CHECKING:
    from store.segments.snapshots import Snapshot

_BY = "command line"


def register(app: typer.Typer) -> None:
    """Add these commands to those that only look."""
    for command in (put, delete, wait, announce, snapshot):
        app.command(rich_help_panel="Change")(command)


def put(
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits and hyphens.")],
    file: Annotated[
        Path,
        typer.Argument(
            help='JSON as `PUT /v1/segments/{name}` takes it, such as {"predicate": {"did": "Signed Up"}}; -: stdin.'
        ),
    ],
    as_json: InJson = False,
) -> None:
    """Define a segment from a JSON file, or change one; every watch takes it up within seconds."""
    from pydantic import ValidationError

    from api.problems import Problem
    from api.segments.models import SegmentBody
    from segments.language.segment import check_segment_name

    check_segment_name(name)
    try:
        draft = SegmentBody.model_validate_json(read(file)).draft(name)
    except ValidationError as error:
        fail("; ".join(f"{'.'.join(map(str, e['loc'])) or file}: {e['msg']}" for e in error.errors(include_url=False)))
    except Problem as error:
        fail(error.detail)

    async def work(asked: Asked) -> "tuple[bool, str, list[str]]":
        from segments.ask.ask import hinted
        from segments.define.define import define

        foretold, own = asked.catalogue.predictions, settings().personal_traits
        segments = asked.catalogue.segments
        new = await define(asked.database, segments, draft, by=_BY, at=asked.now, foretold=foretold, own=own)
        predicate = (await asked.one(name)).segment.predicate
        return new, str(predicate), await hinted(asked.database, predicate, asked.now)

    new, english, told = ask(work)
    lines = [f"{'defined' if new else 'changed'} {name}: {english}", *(f"hint: {hint}" for hint in told)]
    say({"name": name, "new": new, "english": english, "hints": told}, "\n".join(lines), as_json=as_json)


def delete(
    name: Annotated[str, typer.Argument(help="A segment that was defined by API or `put`.")], as_json: InJson = False
) -> None:
    """Take a segment that was defined by API or `put` out of use; its members leave it within seconds."""

    async def work(asked: Asked) -> bool:
        from segments.define.define import undefine

        catalogue, own = asked.catalogue, settings().personal_traits
        return await undefine(asked.database, catalogue.segments, catalogue.entries, name, by=_BY, at=asked.now, own=own)

    if not ask(work):
        fail(f"no segment {name!r} was defined by API; see `journeys segments list`")
    say({"deleted": name}, f"deleted {name}", as_json=as_json)


def wait(
    name: Name,
    seconds: Annotated[float, typer.Option(min=0, help="Give up after so many seconds.")] = 3_600,
    as_json: InJson = False,
) -> None:
    """Wait until a new or changed segment is live, with its progress; it needs a running worker."""
    from workers.cli.segments import tables

    with tables.bar(f"loading {name}") as show:
        seen = ask(lambda asked: until_live(asked, name, seconds, lambda each: show(each.loaded or 0)))
    if seen.state != "live":
        fail(f"{name} is still {seen.state} after {seconds:g} seconds; is a worker running?")
    sentence = f"{name} is live, with {seen.members:,} member{'' if seen.members == 1 else 's'}"
    say({"name": name, "state": seen.state, "members": seen.members}, sentence, as_json=as_json)


def announce(name: Name, as_json: InJson = False) -> None:
    """Let those who are in a segment already enter its journeys, by their own re-entry rules; doing it twice is harmless."""
    from workers.cli.segments import tables

    async def work(asked: Asked) -> int:
        from segments.load.announce import announce, unannounced

        seen = await asked.glance(name)
        if seen.state != "live":
            fail(f"{name} is {seen.state}; see `journeys segments wait {name}`")
        most = await unannounced(asked.database, name)
        with tables.bar(f"announcing {name}") as show:
            version, now = seen.known.segment.version, settings().clock.now
            return await announce(asked.database, name, version, now, most, lambda done: show(done / max(most, 1)))

    done = ask(work)
    say({"name": name, "announced": done}, f"{done:,} member{'' if done == 1 else 's'} of {name} announced", as_json=as_json)


def snapshot(
    name: Name,
    list_name: Annotated[str, typer.Argument(metavar="LIST", help="The new list's name.")],
    at: Annotated[str | None, typer.Option(help="An instant or day, not in the future; now when absent.")] = None,
    as_json: Json = False,
) -> None:
    """Freeze who is in now, or was at an instant, as a list that never changes.

    Events count up to that instant by their own time; traits, consents, addresses and user ids are taken as they are now.
    One that broke off is finished by the same command with the same --at.
    """
    as_of = _instant(at)

    async def work(asked: Asked) -> "Snapshot":
        from segments.define.snapshots import freeze
        from workers.cli.segments import tables

        segment, now = (await asked.one(name)).segment, settings().clock.now
        with tables.freezing(quiet=as_json) as progress:

            async def heard(row: "Snapshot") -> None:
                progress(row)

            return await freeze(asked.database, segment, list_name, as_of, now, by=_BY, heard=heard)

    made = ask(work)
    from api.segments.views import snapshot as view
    from workers.cli.segments import tables

    tables.show(view(made), tables.frozen, as_json=as_json)


def _instant(text: str | None) -> datetime | None:
    try:
        found = None if text is None else datetime.fromisoformat(text)
    except ValueError:
        fail(f"--at {text}: write an instant such as 2026-11-01 or 2026-11-01T09:00+01:00")
    return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found
