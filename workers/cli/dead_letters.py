"""`journeys dead-letters …`: what could not be taken; shown, read again after a fix, purged."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from workers.cli.asked import InJson, deployed, fail, say, with_database

if TYPE_CHECKING:
    from rich.console import RenderableType

    from store.ingest.dead_letters import Buried, Which

dead_letters = typer.Typer(
    help="Items that could not be taken, each with its reason: shown, read again after a fix, purged.", no_args_is_help=True
)

Ids = Annotated[list[int] | None, typer.Argument(metavar="[ID]...", help="Their numbers, as `list` shows them.")]
Source = Annotated[str | None, typer.Option(help="Only those of this key.")]
Reason = Annotated[str | None, typer.Option(help="Only those whose reason begins so, e.g. bad-identity.")]
Since = Annotated[datetime | None, typer.Option(help="Only those that came then (UTC) or later.")]
Until = Annotated[datetime | None, typer.Option(help="Only those that came before then (UTC).")]
All = Annotated[bool, typer.Option("--all", help="Every one there is.")]
Json = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]


class _Given(NamedTuple):
    ids: list[int] | None
    source: str | None
    reason: str | None
    since: datetime | None
    until: datetime | None

    def which(self, *, all_: bool = True) -> "Which":
        from datetime import UTC

        from store.ingest.dead_letters import Which

        since, until = (at and at.replace(tzinfo=UTC) for at in (self.since, self.until))
        which = Which(self.ids or None, self.source, self.reason, since, until)
        if which == Which() and not all_:
            fail("say which: their numbers, --source, --reason, --since, --until, or --all")
        return which


@dead_letters.command("list")
def list_(
    source: Source = None,
    reason: Reason = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, the newest.")] = 50,
    as_json: Json = False,
) -> None:
    """Show dead letters, newest first (the items are personal data: with --json only)."""
    from store.ingest.dead_letters import dead_letters as look
    from workers.cli.tables import show

    which = _Given(None, source, reason, since, until).which()
    found = with_database(lambda database: look(database.pool, which, limit=limit))
    show(found, _table, as_json=as_json)


@dead_letters.command()
def replay(
    ids: Ids = None,
    source: Source = None,
    reason: Reason = None,
    since: Since = None,
    until: Until = None,
    all_: All = False,
    as_json: InJson = False,
) -> None:
    """Read dead letters again; what can be taken now is stored once, under its own time."""
    from api.ingest.replay import replay as again

    which = _Given(ids, source, reason, since, until).which(all_=all_)
    from journeys.catalogue import load

    given = deployed()
    how = given.default_region, load(given.catalogue).readings
    done = with_database(lambda database: again(database, which, given.clock.now(), *how))
    sentence = f"stored {done.stored}, stored before {done.duplicates}, still refused {done.refused}, skipped {done.skipped}"
    say(done, sentence, as_json=as_json)


@dead_letters.command()
def purge(
    ids: Ids = None,
    source: Source = None,
    reason: Reason = None,
    since: Since = None,
    until: Until = None,
    all_: All = False,
    as_json: InJson = False,
) -> None:
    """Forget dead letters, for good."""
    from store.ingest.dead_letters import purge as forget

    which = _Given(ids, source, reason, since, until).which(all_=all_)
    purged = with_database(lambda database: forget(database.pool, which))
    say({"purged": purged}, f"purged {purged}", as_json=as_json)


def _table(found: "list[Buried]") -> "Iterable[RenderableType]":
    from rich.table import Table
    from rich.text import Text

    from workers.cli.tables import instant

    table = Table("id", "source", "first", "last", "times", "reason")
    for each in found:
        table.add_row(
            str(each.id),
            Text(each.source),
            instant(each.received_at),
            instant(each.last_at),
            str(each.times),
            Text(each.reason),
        )
    yield table
