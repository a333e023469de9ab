"""`journeys versions` and `journeys deploy`: which versions of the catalogue people are in, and the next one, signed."""

from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.asked import fail, settings, with_database
from workers.cli.check import insist_on_catalogue

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType

    from store import Database
    from store.versions import VersionInUse


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
) -> None:
    """Sign the catalogue as it stands, and write it down as a version (JOURNEYS_DEPLOY_KEY); then start its workers."""
    from workers.signing import private_key, public_text

    given = settings()
    if not given.deploy_key_text:
        fail("JOURNEYS_DEPLOY_KEY is not set: it signs versions of the catalogue; make one with `openssl rand -hex 32`")
    if public_key:
        typer.echo(public_text(private_key(given.deploy_key_text)))
        return
    insist_on_catalogue(given.catalogue)
    typer.echo(with_database(lambda database: _deployed(database, by)))


async def _deployed(database: "Database", by: str) -> str:
    from getpass import getuser

    from store.versions import in_use
    from workers.definitions import load_definitions
    from workers.signing import deployers
    from workers.versions import library_of

    given = settings()
    catalogue, _ = load_definitions(given.catalogue)
    library = library_of(given.catalogue, database, catalogue, deployers(given))
    library.by = by or getuser()
    new = await library.deploy()
    others = sum(each.people for each in await in_use(database) if each.id != library.archive.id)
    stay = f"; {others} people are in other versions, and end as they began" if others else ""
    return f"version {library.archive.id} {'is deployed' if new else 'stood there already, and is the newest again'}{stay}"


def _drawn(found: "Sequence[VersionInUse]") -> "Iterable[RenderableType]":
    from rich.table import Table
    from rich.text import Text

    from workers.cli.tables import instant

    if not found:
        yield Text("no version has been deployed; `journeys deploy` does that")
        return
    table = Table("version", "catalogue", "journeys", "people", "runs", "failing", "coming", "deployed", "by", "dropped", "by")
    for each in found:
        counts = (str(each.people), str(each.runs), str(each.failing), str(each.coming))
        dropped = (instant(each.dropped_at), each.dropped_by or "") if each.dropped_at else ("", "")
        deployed = (instant(each.deployed_at), each.deployed_by)
        table.add_row(each.id, each.package, ", ".join(each.journeys), *counts, *deployed, *dropped)
    yield table
