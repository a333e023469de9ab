"""`journeys bucket`: the files of each hour in the company's bucket: what is there, lags or is lost, and older hours."""

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from workers.cli.asked import InJson, fail, say, settings, with_database
from workers.cli.reports.export import instant

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
    from datetime import datetime

    from rich.console import RenderableType

    from store.exports.hourly import Hourly
    from store.exports.hours import Hour, InBucket
    from workers.settings import Settings

bucket = typer.Typer(
    no_args_is_help=True, help="Each hour's rows as files in a bucket (JOURNEYS_EXPORT_BUCKET): docs/exports.md."
)
_AT_ONCE = 1000
T = TypeVar("T")


@bucket.command()
def status(
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Read all files: tell which are missing, or not as they were put there; exit with 1 then."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """Of each table: since when and up to when its hours are in the bucket, how much that is, and what waits.

    A worker brings it up to date each hour, by Temporal's schedule export-hours. With --check, of each hour that is there: its
    place, and what is wrong with it.
    """
    from store.exports.hours import in_bucket, last_over
    from workers.cli import tables

    given = settings()
    if check:
        _tell_wrong(given, as_json=as_json)
        return
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
    check: Annotated[
        bool, typer.Option("--check", help="Also read all files, and write anew what is missing or not as it was put there.")
    ] = False,
    as_json: InJson = False,
) -> None:
    """Write now what a worker would write at the next full hour; with --from, older hours, too.

    It may be stopped and begun again, and does no harm beside workers. It needs JOURNEYS_EXPORT_BUCKET.
    """
    from datetime import UTC

    from store.exports.hours import due, plan, settled

    given, first = settings(), instant("--from", since)
    if first is not None:
        first = first.astimezone(UTC).replace(minute=0, second=0, microsecond=0)

    async def work(hourly: "Hourly") -> list[dict[str, Any]]:
        database, lag, done = hourly.database, given.export_lag, list[dict[str, Any]]()
        await plan(database, given.export_tables, await hourly.now(), lag, first)
        await settled(database)
        while hours := await due(database, await hourly.now(), lag, _AT_ONCE):
            for hour in hours:
                stands = await hourly.write(hour)
                done.append({"folder": hour.folder, "rows": stands.rows, "was": None})
                if not as_json:
                    typer.echo(f"{hour.folder}: {stands.rows:,} rows")
        return [*done, *(await _mended(hourly, quiet=as_json) if check else ())]

    found = _with_bucket(given, work)
    if as_json:
        say(found, "", as_json=True)
    else:
        typer.echo(f"{len(found):,} written" if found else "the bucket is up to date", err=True)


def _with_bucket(given: "Settings", work: "Callable[[Hourly], Awaitable[T]]") -> "T":
    from store.exports import NoArrow
    from store.exports.hourly import Hourly, bucket_at

    if not given.export_bucket:
        fail("JOURNEYS_EXPORT_BUCKET is not set; set it to where the files go: s3://bucket/prefix, or file:///folder")
    try:
        return with_database(lambda database: work(Hourly(database, bucket_at(given.export_bucket), given.clock.business)))
    except NoArrow as error:
        fail(str(error))


async def _wrong(hourly: "Hourly") -> "AsyncIterator[tuple[Hour, int, str]]":
    """Hours that are not in the bucket as they were put there, each with how many rows it had, and what is wrong."""
    from store.exports.hours import written

    for hour, rows in await written(hourly.database):
        if why := await hourly.wrong(hour):
            yield hour, rows, why


async def _mended(hourly: "Hourly", *, quiet: bool) -> list[dict[str, Any]]:
    done = []
    async for hour, had, why in _wrong(hourly):
        stands = await hourly.write(hour, again=True)
        done.append({"folder": hour.folder, "rows": stands.rows, "was": why})
        if not quiet:
            typer.echo(f"{hour.folder}: {why}; {stands.rows:,} rows written anew{_lost(had - stands.rows)}")
    return done


def _lost(rows: int) -> str:
    return f", {rows:,} fewer than there were: erased since, or kept for as long as they may be" if rows > 0 else ""


def _tell_wrong(given: "Settings", *, as_json: bool) -> None:
    from workers.cli import tables

    async def work(hourly: "Hourly") -> "list[dict[str, str]]":
        return [{"hour": hour.folder, "wrong": why} async for hour, _, why in _wrong(hourly)]

    def drawn(found: "Sequence[dict[str, str]]") -> "Iterable[RenderableType]":
        yield from (f"{each['hour']}: {each['wrong']}" for each in found)
        again = "to be written anew, as far as the rows are there: journeys bucket write --check"
        yield f"{tables.counted(len(found), 'hour')} {again}" if found else "all that was written is there, as it was put there"

    found = _with_bucket(given, work)
    tables.show(found, drawn, as_json=as_json)
    if found:
        raise typer.Exit(1)


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
