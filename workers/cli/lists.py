"""`journeys lists …`: customers put on lists by hand or from CSV files, and what was wrong with the rows of a file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from workers.cli.asked import InJson, fail, say, settings
from workers.cli.segments.asked import Asked, Json, ask

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from segments.define.importing import Report
    from segments.define.snapshots import Kept
    from store import Connection

lists = typer.Typer(
    help="Lists of customers, kept by hand or from CSV files; a segment uses one by `listed`.\n\n"
    "Begin with `journeys lists import <name> <file>`. Snapshots of segments are lists, too: `journeys segments snapshot`.",
    no_args_is_help=True,
)

_BY = "command line"
_ALL = 100_000
Name = Annotated[str, typer.Argument(help="The list; the first change makes it.")]
Users = Annotated[list[str], typer.Argument(help="userIds; with --kind, other names.")]
Kind = Annotated[str, typer.Option(help="What the names are: user_id, email, phone, customer_id or anonymous_id.")]


@lists.command("list")
def list_(as_json: Json = False) -> None:
    """The lists with their sizes; of a snapshot also the segment and the instant."""

    async def work(asked: Asked) -> "list[Kept]":
        from segments.define.snapshots import kept_lists

        return await kept_lists(asked.database)

    found = ask(work)
    from api.segments.views import snapshot
    from workers.cli import list_tables as tables

    plain = [
        {
            "name": kept.row.name,
            "members": kept.members,
            "by": kept.row.by,
            "snapshot": kept.snapshot and snapshot(kept.snapshot),
        }
        for kept in found
    ]
    tables.show(plain, tables.lists, as_json=as_json)


@lists.command()
def add(name: Name, names: Users, kind: Kind = "user_id", as_json: InJson = False) -> None:
    """Put customers on a list; those who are on it already stay."""
    from segments.define.importing import put_on

    changed, already = _change(name, names, kind, put_on)
    told = {"list": name, "added": changed, "on_it_already": already}
    say(told, f"{name}: {changed:,} added, {already:,} on it already", as_json=as_json)


@lists.command()
def remove(name: Name, names: Users, kind: Kind = "user_id", as_json: InJson = False) -> None:
    """Take customers off a list."""
    from segments.define.importing import take_off

    changed, already = _change(name, names, kind, take_off)
    told = {"list": name, "taken_off": changed, "not_on_it": already}
    say(told, f"{name}: {changed:,} taken off, {already:,} were not on it", as_json=as_json)


@lists.command("import")
def import_(
    name: Name,
    file: Annotated[
        Path, typer.Argument(help="CSV; the first line names a column user_id, email, phone, customer_id or anonymous_id.")
    ],
    replace: Annotated[bool, typer.Option("--replace", help="Take everybody else off the list.")] = False,
    as_json: Json = False,
) -> None:
    """Put the customers of a CSV file on a list, and report the rows that could not be used. Repeating it is harmless."""
    from uuid import uuid4

    from segments.define.importing import import_rows, read_rows
    from segments.leaves.listed import check_list_name
    from workers.cli import list_tables as tables

    check_list_name(name)
    if not file.is_file():
        fail(f"{file}: there is no such file")
    import_id = uuid4()

    async def work(asked: Asked) -> "Report":
        region = settings().default_region
        with tables.reading(file, quiet=as_json) as lines:
            return await import_rows(
                asked.database, name, read_rows(lines, region), import_id, settings().clock.now, by=_BY, replace=replace
            )

    report = ask(work)
    tables.show(tables.Import.of(name, import_id, report), tables.imported, as_json=as_json)


@lists.command()
def report(
    import_id: Annotated[UUID, typer.Argument(help="The import's id, as `journeys lists import` and the API tell it.")],
    as_json: Json = False,
) -> None:
    """What an import did, with every bad row; also while it runs."""

    async def work(asked: Asked) -> Any:
        from store.lists import import_of, problems_of

        found = await import_of(asked.database, import_id)
        return (found, await problems_of(asked.database, import_id, 0, _ALL)) if found else None

    found = ask(work) or fail(f"no import {import_id}")
    from workers.cli import list_tables as tables

    tables.show(tables.Import.told(*found), tables.imported, as_json=as_json)


def _change(name: str, names: "Sequence[str]", kind: str, change: "Callable[..., Awaitable[int]]") -> tuple[int, int]:
    """Change a list, all or nothing; returns how many changed, and how many were as asked already."""
    from segments.define.importing import COLUMNS, checked_name
    from segments.leaves.listed import check_list_name

    check_list_name(name)
    if kind not in (kinds := sorted(set(COLUMNS.values()))):
        fail(f"--kind {kind}: choose one of {', '.join(kinds)}")

    async def work(asked: Asked) -> tuple[int, int]:
        async with asked.database.transaction() as connection:
            known = await _known(connection, [(each, checked_name(kind, each, settings().default_region)) for each in names])
            changed = await change(connection, name, known, by=_BY, at=asked.now)
            return changed, len(known) - changed

    return ask(work)


async def _known(connection: "Connection", names: "Sequence[tuple[str, tuple[str, str] | str]]") -> list[UUID]:
    from store.lists import resolve

    for given, checked in names:
        if isinstance(checked, str):
            fail(f"{given!r}: {checked}; nothing was changed")
    found = await resolve(connection, [checked for _, checked in names if not isinstance(checked, str)])
    if unknown := [given for (given, _), profile in zip(names, found, strict=True) if profile is None]:
        fail(f"no such customer: {', '.join(unknown)}; nothing was changed")
    return list(dict.fromkeys(profile for profile in found if profile is not None))
