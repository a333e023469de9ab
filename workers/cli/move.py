"""`journeys move`: people who are in a journey go on with another version of it, on purpose, and previewed.

Promise: without `--yes` nothing is changed. Who has done what the other version would not have done stays where they are.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.cli.asked import fail, settings, with_database
from workers.cli.check import insist_on_catalogue

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from rich.console import RenderableType

    from store import Database
    from store.versions import VersionInUse
    from workers.moving import Group


def move(
    journey: Annotated[str, typer.Argument(help="The journey's name.")],
    to: Annotated[str, typer.Option("--to", help="The version; none: the one that was deployed last.")] = "",
    only_from: Annotated[str, typer.Option("--from", help="Only people of this version; none: of all others.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, it is only told what would come of it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """Move people to another version of their journey: how many, from which step, what comes next for them, old against new."""
    from workers.cli import tables

    insist_on_catalogue(settings().catalogue)
    preview = with_database(lambda database: _previewed(database, journey, to, only_from))
    tables.show([_plain(group) for group in preview.groups], _drawn, as_json=as_json)
    fitting = [run for group in preview.groups if group.why_not is None for run in group.runs]
    moved = with_database(lambda database: _asked(database, fitting, preview.to)) if yes else 0
    if not as_json:
        typer.echo(_told(preview, len(fitting), moved, yes=yes))


@dataclass(frozen=True)
class _Preview:
    to: str
    groups: "list[Group]"


async def _previewed(database: "Database", journey: str, to: str, only_from: str) -> _Preview:
    from store.versions import in_journey, in_use
    from workers.definitions import load_definitions
    from workers.moving import grouped, prospects
    from workers.signing import deployers
    from workers.temporal import connect_temporal
    from workers.versions import library_of

    given = settings()
    version = _version(await in_use(database), to)
    catalogue, _ = load_definitions(given.catalogue)
    library = library_of(given.catalogue, database, catalogue, deployers(given))
    if journey not in (await library.of(version)).specs:
        fail(f"version {version} has no journey '{journey}'; who is in it stays in the version that they are in")
    found = await in_journey(database, journey, version, only_from or None)
    client = await connect_temporal(given)
    return _Preview(version, grouped(await prospects(client, given.clock, library, journey, version, found)))


def _version(known: "Sequence[VersionInUse]", wanted: str) -> str:
    standing = [each.id for each in known if each.dropped_at is None]
    found = [each for each in standing if each.startswith(wanted)]
    if not found or (wanted and len(found) > 1):
        fail(f"--to {wanted}: choose one of {', '.join(standing) or 'none: `journeys deploy` makes one'}")
    return found[0]


async def _asked(database: "Database", runs: "Sequence[Any]", version: str) -> int:
    from store.versions import ask_to_move

    return await ask_to_move(database, runs, version)


def _told(preview: _Preview, fitting: int, moved: int, *, yes: bool) -> str:
    staying = sum(len(group.runs) for group in preview.groups) - fitting
    stay = f"; {staying} stay in the version that they are in" if staying else ""
    if yes:
        return f"{moved} runs go on with version {preview.to} from their next wait on{stay} (`journeys versions` shows them)"
    return f"{fitting} runs would go on with version {preview.to}{stay}; `--yes` does it"


def _plain(group: "Group") -> dict[str, Any]:
    return {
        "version": group.version,
        "stands": group.stands,
        "people": len(group.people),
        "runs": len(group.runs),
        "now": {"next": group.now, **_between(group.now_at)},
        "then": {"next": group.then, **_between(group.then_at)},
        "why_not": group.why_not,
    }


def _between(instants: "Sequence[datetime]") -> "dict[str, datetime | None]":
    return {"first": min(instants, default=None), "last": max(instants, default=None)}


def _drawn(found: "Sequence[dict[str, Any]]") -> "Iterable[RenderableType]":
    from rich.table import Table

    table = Table("version", "stands at", "people", "runs", "next, as it is", "next, as it would be")
    for each in found:
        then = f"stays: {each['why_not']}" if each["why_not"] else _next(each["then"])
        table.add_row(each["version"], each["stands"], str(each["people"]), str(each["runs"]), _next(each["now"]), then)
    if found:
        yield table


def _next(coming: dict[str, Any]) -> str:
    from workers.cli.tables import instant

    first, last = coming["first"], coming["last"]
    when = "" if first is None else instant(first) if first == last else f"{instant(first)} to {instant(last)}"
    return f"{coming['next']} {when}".strip()
