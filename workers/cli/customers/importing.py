"""`journeys customers import`: customers created and changed from a CSV file, and its bad rows told or written to be mended."""

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.cli.asked import InJson, deployed, fail, say, settings, with_database

if TYPE_CHECKING:
    from typing import TextIO

    from api.profiles.importing import How, Refused, Report
    from store import Database

_BY = "command line"


def import_(
    file: Annotated[Path, typer.Argument(help="CSV in any usual encoding; comma, semicolon or tab.")],
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="COLUMN=TRAIT",
            help="What a column becomes: Age=age:number (or boolean, date), Number=user_id, News=consent:email, Since=at,"
            " Notes=- (left out). Others become traits of their own names.",
        ),
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Of the file, such as mac_roman, koi8-r or shift_jis; else as it looks.")
    ] = None,
    region: Annotated[str, typer.Option(help="Of phone numbers without a country code (JOURNEYS_DEFAULT_REGION).")] = "",
    consent: Annotated[
        list[str] | None, typer.Option(help="Everybody in the file has consented on this channel: email, sms or whatsapp.")
    ] = None,
    consent_source: Annotated[str, typer.Option(help="Where consent was given; needed to write any.")] = "",
    text: Annotated[str, typer.Option(help="Which text they saw then, such as newsletter-2026-03.")] = "",
    clear: Annotated[bool, typer.Option("--clear", help="An empty cell takes the trait away; else it says nothing.")] = False,
    again: Annotated[
        str, typer.Option("--as", help="Of this import; a file is taken once, and under another name again.")
    ] = "",
    bad: Annotated[Path | None, typer.Option(help="Write the bad rows here, each with what is wrong, to be mended.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would come of it, and write nothing.")] = False,
    as_json: InJson = False,
) -> None:
    """Create or change the customers of a CSV file; repeating it changes nothing, and goes on where it broke off."""
    from api.profiles.importing import How, column, digest
    from segments.define.sheets import NotCsv, written_in

    if not file.is_file():
        fail(f"{file}: there is no such file")
    given = deployed()
    with file.open("rb") as raw:
        id_ = again or digest(raw) + (f":{encoding}" if encoding else "")
        try:
            written = written_in(raw, encoding)
        except NotCsv as error:
            fail(str(error))
    if written.doubt and not as_json:
        typer.echo(f"{file}: {written.doubt}", err=True)
    how = How(
        source=_BY,
        now=given.clock.now(),
        region=region.upper() or given.default_region,
        columns=dict(column(each) for each in mapping or ()),
        consent=consent or (),
        consent_source=consent_source or None,
        text=text or None,
        clear=clear,
        id=id_,
    )
    report = with_database(lambda database: _taken(database, file, how, bad, written.encoding, dry_run=dry_run, quiet=as_json))
    for row, problem in () if as_json else report.problems:
        typer.echo(f"line {row}: {problem}", err=True)
    for row, before in () if as_json else report.repeats:
        typer.echo(f"line {row}: names the same customer as line {before}; what it says counts", err=True)
    if dry_run and not as_json:
        typer.echo("columns become: " + ", ".join(f"{name}: {what}" for name, what in report.becomes.items()), err=True)
    would = ("would be created", "would be changed") if dry_run else ("created", "changed")
    counts = (
        f"{report.created:,} {would[0]}, {report.updated:,} {would[1]}, {report.already:,} taken before, {report.bad:,} bad"
    )
    counts += f", {report.twice:,} twice" if report.twice else ""
    plainly = not written.sample and written.encoding.startswith("utf-8")
    read_as = "" if plainly else "; " + " ".join([f"read as {written.encoding}:", *written.sample])
    told = _plain(report) | {"encoding": written.encoding, "sample": [*written.sample], "doubt": written.doubt}
    say({"id": id_, "dry_run": dry_run, **told}, f"{report.rows:,} rows: {counts}{read_as}", as_json=as_json)


def _plain(report: "Report") -> dict[str, Any]:
    problems = [{"row": row, "problem": problem} for row, problem in report.problems]
    repeats = [{"row": row, "before": before} for row, before in report.repeats]
    counts = {name: getattr(report, name) for name in ("rows", "created", "updated", "already", "bad", "twice", "becomes")}
    return {**counts, "problems": problems, "repeats": repeats}


async def _taken(
    database: "Database", file: Path, how: "How", bad: Path | None, encoding: str, *, dry_run: bool, quiet: bool
) -> "Report":
    from contextlib import ExitStack

    from api.ingest.taking import Taking
    from api.profiles.importing import taken
    from journeys.catalogue import load
    from workers.cli.tables import reading

    taking = Taking(database, how.region, load(settings().catalogue).readings)
    with ExitStack() as stack:
        lines = stack.enter_context(reading(file, quiet=quiet, encoding=encoding))
        refused = (
            _writing(file, encoding, stack.enter_context(bad.open("w", encoding="utf-8-sig", newline=""))) if bad else None
        )
        return await taken(database, lines, how, taking, dry_run=dry_run, refused=refused)


def _writing(file: Path, encoding: str, out: "TextIO") -> "Refused":
    """Writes each bad row with the columns of the file, and what is wrong in front."""
    from segments.define.sheets import lines_of, sheet

    with file.open("rb") as raw:
        names, _ = sheet(lines_of(raw, encoding))
    written = csv.writer(out)
    written.writerow(["problem", "line", *names])
    return lambda number, problem, cells: written.writerow([problem, number, *cells])
