"""`journeys bucket`: the files of each hour in the company's bucket: what is there and what lags, older hours, an end of it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.cli.asked import InJson, fail, say, settings, with_database
from workers.cli.reports.export import instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from rich.console import RenderableType

    from store import Database
    from store.exports.hours import InBucket

bucket = typer.Typer(
    no_args_is_help=True, help="Each hour's rows as files in a bucket (JOURNEYS_EXPORT_BUCKET): docs/exports.md."
)
_AT_ONCE = 1000


@bucket.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False) -> None:
    """Of each table: since when and up to when its hours are in the bucket, how much that is, and what waits.

    A worker brings it up to date each hour, by Temporal's schedule export-hours.
    """
    from store.exports.hours import in_bucket, last_over
    from workers.cli import tables

    given = settings()
    over = last_over(given.clock.now(), given.export_lag)

    def drawn(found: "Sequence[InBucket]") -> "Iterable[RenderableType]":
        kept_up = [each for each in found if each.name in given.export_tables]
        return [_table(found), *_sentences(kept_up, given.export_bucket, over)]

    tables.show(with_database(in_bucket), drawn, as_json=as_json)


@bucket.command()
def write(
    since: Annotated[
        str | None,
        typer.Option("--from", metavar="INSTANT", help="Also older hours, from then on: 2026-11-01, 2026-11-01T06:00Z."),
    ] = None,
    as_json: InJson = False,
) -> None:
    """Write now what a worker would write at the next full hour; with --from, older hours, too.

    It may be stopped and begun again, and does no harm beside workers. It needs JOURNEYS_EXPORT_BUCKET.
    """
    from datetime import UTC

    from store.exports import NoArrow
    from store.exports.hourly import Hourly, bucket_at
    from store.exports.hours import due, last_over, plan, settled

    given, first = settings(), instant("--from", since)
    if not given.export_bucket:
        fail("JOURNEYS_EXPORT_BUCKET is not set; set it to where the files go: s3://bucket/prefix, or file:///folder")
    if first is not None:
        first = first.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    now = given.clock.now

    async def work(database: "Database") -> list[dict[str, Any]]:
        hourly, written = Hourly(database, bucket_at(given.export_bucket), now), list[dict[str, Any]]()
        await plan(database, given.export_tables, last_over(now(), given.export_lag), first)
        await settled(database)
        while hours := await due(database, now(), _AT_ONCE):
            for hour in hours:
                stands = await hourly.write(hour)
                written.append({"folder": hour.folder, "rows": stands.rows})
                if not as_json:
                    typer.echo(f"{hour.folder}: {stands.rows:,} rows")
        return written

    try:
        written = with_database(work)
    except NoArrow as error:
        fail(str(error))
    if as_json:
        say(written, "", as_json=True)
    else:
        typer.echo(f"{len(written):,} written" if written else "the bucket is up to date", err=True)


@bucket.command()
def forget(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: InJson = False,
) -> None:
    """Say that the files are gone, or are no longer ours to keep: erasures do not reach them any more.

    With a bucket set, everything from the last full hour on is written into it anew.
    """
    from store.exports.hours import forget as forgotten

    if not yes:
        typer.confirm(
            "Erasures will not reach the files that are there. Have they been deleted, or does somebody else see to that?",
            abort=True,
        )
    count = with_database(forgotten)
    say({"forgotten": count}, f"{count:,} hours of tables forgotten", as_json=as_json)


def _table(found: "Sequence[InBucket]") -> "RenderableType":
    from datetime import timedelta

    from workers.cli.tables import Rows

    hour = timedelta(hours=1)
    cells = [
        [
            each.name.value, f"{each.since:%Y-%m-%d %H:%M}", f"{each.last + hour:%Y-%m-%d %H:%M}" if each.last else "-",
            f"{each.hours:,}", f"{each.rows:,}", f"{each.bytes / 1e6:,.1f} MB",
            f"{each.waiting:,}" if each.waiting else "-", f"{each.stale:,}" if each.stale else "-",
        ]
        for each in found
    ]  # fmt: skip
    return Rows(("table", "from", "up to", "hours", "rows", "size", "waiting", "outdated"), cells, boxed=False)


def _sentences(found: "Sequence[InBucket]", where: str, over: "datetime") -> "Iterable[str]":
    from datetime import timedelta

    if not where:
        yield "JOURNEYS_EXPORT_BUCKET is not set: nothing is written"
    if not found:
        yield "no hour is in a bucket yet; a worker begins with the last full one, `bucket write --from` with older ones"
        return
    behind = max((over - (each.last or each.since - timedelta(hours=1)) for each in found), default=timedelta(0))
    if behind > timedelta(hours=1):
        hours = behind // timedelta(hours=1)
        yield f"{hours} hours behind: is a worker up, and what does the workflow export-hours say in Temporal?"
    yield "times in UTC; an outdated hour is written anew within a day, at once where somebody is erased"
