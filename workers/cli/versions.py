"""`journeys versions`, `deploy` and `move`: which versions of the catalogue people are in; the next one, signed; moving them.

Promise: without `--yes` nobody is moved. Who has done what the other version would not have done stays where they are.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.cli.asked import InJson, fail, say, settings_here, with_database
from workers.cli.check import insist_on_catalogue

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from rich.console import RenderableType

    from store import Database
    from store.versions import VersionInUse
    from workers.moving import Group

_FEW = 3  # names in a cell


def versions(
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """List the versions of the catalogue, newest first, with the people in each; then those that were let go, and by whom."""
    from store.versions import in_use
    from workers.cli import tables

    tables.show(with_database(in_use), _drawn, as_json=as_json)


def deploy(
    by: Annotated[str, typer.Option(help="Who deploys, as `journeys versions` shows it.")] = "",
    public_key: Annotated[
        bool, typer.Option("--public-key", help="Only print what workers need as JOURNEYS_DEPLOY_PUBLIC_KEYS.")
    ] = False,
    anyway: Annotated[bool, typer.Option("--anyway", help="Also where people in older versions could not go on.")] = False,
    as_json: InJson = False,
) -> None:
    """Sign the catalogue as it stands, and write it down as a version (JOURNEYS_DEPLOY_KEY); then start its workers."""
    from workers.signing import private_key, public_text

    given = settings_here()
    if not given.deploy_key_text:
        fail("JOURNEYS_DEPLOY_KEY is not set: it signs versions of the catalogue; make one with `openssl rand -hex 32`")
    if public_key:
        told = public_text(private_key(given.deploy_key_text))
        say({"public_key": told}, told, as_json=as_json)
        return
    insist_on_catalogue(given.catalogue)
    version, sentence = with_database(lambda database: _deployed(database, by, anyway=anyway))
    say({"version": version, "message": sentence}, sentence, as_json=as_json)


async def _deployed(database: "Database", by: str, *, anyway: bool) -> tuple[str, str]:
    from getpass import getuser

    from store.versions import in_use
    from workers.definitions import load_definitions
    from workers.lacking import unable
    from workers.signing import deployers
    from workers.versions import library_of

    given = settings_here()
    catalogue, _ = load_definitions(given.catalogue, doubts=False)
    library = library_of(given.catalogue, database, catalogue, deployers(given))
    if not anyway and (wrong := await unable(library, await in_use(database))):
        fail("\n".join([*wrong, "nothing was deployed; mend that, end those runs, or say --anyway"]))
    library.by = by or getuser()
    new = await library.deploy()
    others = sum(each.people for each in await in_use(database) if each.id != library.archive.id)
    many = (
        "1 person is in another version, and ends as they"
        if others == 1
        else f"{others} people are in other versions, and end as they"
    )
    stay = f"; {many} began" if others else ""
    stands = "is deployed" if new else "stood there already, and is the newest again"
    return library.archive.id, f"version {library.archive.id} {stands}{stay}"


def _drawn(found: "Sequence[VersionInUse]") -> "Iterable[RenderableType]":
    from rich.text import Text

    from workers.cli.tables import Rows, instant

    if not found:
        yield Text("no version has been deployed; `journeys deploy` does that")
        return
    names = ("version", "catalogue", "journeys", "people", "runs", "failing", "coming")
    heads, rows = (*names, "deployed", "deployed by", "dropped", "dropped by"), []
    for each in found:
        counts = (str(each.people), str(each.runs), str(each.failing), str(each.coming))
        dropped = (instant(each.dropped_at), each.dropped_by or "") if each.dropped_at else ("-", "-")
        deployed = (instant(each.deployed_at), each.deployed_by)
        rows.append((each.id, each.package, _few(each.journeys), *counts, *deployed, *dropped))
    yield Rows(heads, rows, ahead=2, sentences=frozenset({"journeys", "deployed by", "dropped by"}))


def _few(names: "Sequence[str]") -> str:
    """The journeys of a version, where they are few; how many, where a list of them would hide what people came to see."""
    return ", ".join(names) if len(names) <= _FEW else f"{len(names)} journeys"


def move(
    journey: Annotated[str, typer.Argument(help="The journey's name.")],
    to: Annotated[str, typer.Option("--to", help="The version; none: the one that was deployed last.")] = "",
    only_from: Annotated[str, typer.Option("--from", help="Only people of this version; none: of all others.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, it is only told what would come of it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """Move people to another version of their journey: how many, from which step, what comes next for them, old against new."""
    from workers.cli import tables

    insist_on_catalogue(settings_here().catalogue)
    preview = with_database(lambda database: _previewed(database, journey, to, only_from))
    tables.show([_plain(group) for group in preview.groups], _prospects, as_json=as_json)
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

    given = settings_here()
    version = _version(await in_use(database), to)
    catalogue, _ = load_definitions(given.catalogue, doubts=False)
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
    from workers.cli.tables import counted

    stay = (
        f"; {staying} {'stays in its version' if staying == 1 else 'stay in the version that they are in'}" if staying else ""
    )
    if yes:
        go, their = ("goes", "its") if moved == 1 else ("go", "their")
        runs = counted(moved, "run")
        return f"{runs} {go} on with version {preview.to} from {their} next wait on{stay} (`journeys versions` shows them)"
    return f"{counted(fitting, 'run')} would go on with version {preview.to}{stay}; `--yes` does it"


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


def _prospects(found: "Sequence[dict[str, Any]]") -> "Iterable[RenderableType]":
    from workers.cli.tables import Rows

    heads, rows = ("version", "stands at", "people", "runs", "next, as it is", "next, as it would be"), []
    for each in found:
        then = f"stays: {each['why_not']}" if each["why_not"] else _next(each["then"])
        counts = str(each["people"]), str(each["runs"])
        rows.append((each["version"] or "-", each["stands"], *counts, _next(each["now"]), then))
    if found:
        yield Rows(heads, rows, ahead=2, sentences=frozenset({"stands at", *heads[4:]}))


def _next(coming: dict[str, Any]) -> str:
    from workers.cli.tables import instant

    first, last = coming["first"], coming["last"]
    when = "" if first is None else instant(first) if first == last else f"{instant(first)} to {instant(last)}"
    return f"{coming['next']} {when}".strip()
