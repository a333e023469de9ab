"""`journeys starts …`: a journey started for the customers of a file, a segment or a list; how far it is; paused, cancelled."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.cli.asked import InJson, fail, needs_approval, say, settings, whoever
from workers.cli.segments.asked import Asked, Json, ask

if TYPE_CHECKING:
    from uuid import UUID

    from api.campaigns.models import Trial
    from api.campaigns.rows import Given
    from journeys import JourneyDefinition
    from store.campaigns import CampaignRow, NewCampaign

starts = typer.Typer(
    help="Journeys started for many, and campaigns: newest first, each with how far it is.\n\n"
    "Begin with `journeys starts file JOURNEY FILE --dry-run`.",
)

_ALL = 100_000
_TURNS = 20  # the newest
Journey = Annotated[str, typer.Argument(help="The journey, as `journeys reference` and the API list it.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="Of the start or campaign, or as much of it as the list shows.")]
At = Annotated[datetime | None, typer.Option(help="When, in UTC; with --in-their-zone on each customer's own clock.")]
InTheirZone = Annotated[bool, typer.Option("--in-their-zone", help="At what each customer's own clock shows.")]
PerSecond = Annotated[float | None, typer.Option(help="At most so many customers a second.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Nobody is started: who would be, and why the others not.")]


@starts.callback(invoke_without_command=True)
def list_(context: typer.Context, as_json: Json = False) -> None:
    """The newest starts and campaigns."""
    if context.invoked_subcommand is not None:
        return

    async def work(asked: Asked) -> list[dict[str, Any]]:
        from store.campaigns import newest

        return [await told_of(asked, row) for row in await newest(asked.database, None, None, 20)]

    from workers.cli import tables
    from workers.cli.campaigns.shown import listed

    tables.show(ask(work), listed, as_json=as_json)


@starts.command("file")
def from_file(
    journey: Journey,
    file: Annotated[Path, typer.Argument(help="CSV (the first line names the columns) or .ndjson.")],
    at: At = None,
    in_their_zone: InTheirZone = False,
    per_second: PerSecond = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Start a journey for the customers of a file; columns that name no customer are parameters."""
    if not file.is_file():
        fail(f"{file}: there is no such file")

    async def work(asked: Asked) -> dict[str, Any]:
        from api.campaigns.making import taken_by
        from api.campaigns.rows import from_lines, from_sheet
        from segments.define.sheets import lines_of

        definition = definition_in(asked, journey)
        with file.open("rb") as opened:
            lines, region = lines_of(opened), settings().default_region
            is_json = file.suffix in (".ndjson", ".jsonl")
            rows = from_lines(lines, region) if is_json else from_sheet(lines, region, taken_by(definition))
            new = _drafted(asked, journey, at, per_second, in_their_zone=in_their_zone)
            return await _made(asked, new, definition, rows, dry_run=dry_run)

    show_one(work, as_json=as_json)


@starts.command()
def everybody(
    journey: Journey,
    segment: Annotated[str | None, typer.Option(help="Who is in this segment as it begins.")] = None,
    list_name: Annotated[str | None, typer.Option("--list", help="Who is on this list as it begins.")] = None,
    at: At = None,
    in_their_zone: InTheirZone = False,
    per_second: PerSecond = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Start a journey for everybody in a segment or on a list."""
    if (segment is None) is (list_name is None):
        fail("say --segment or --list")

    async def work(asked: Asked) -> dict[str, Any]:
        definition = definition_in(asked, journey)
        if segment is not None:
            await asked.one(segment)
        new = _drafted(asked, journey, at, per_second, in_their_zone=in_their_zone)
        params = definition.accept({})
        return await _made(asked, replace(new, segment=segment, list=list_name, params=params), definition, (), dry_run=dry_run)

    show_one(work, as_json=as_json)


@starts.command()
def approve(id_: Id, as_json: InJson = False) -> None:
    """Let a campaign begin that somebody else has made; whoever made it does not approve it."""

    async def work(asked: Asked, made: "CampaignRow") -> int | None:
        from store import campaigns

        if made.needs_approval and made.by == whoever():
            fail("whoever made it does not approve it; somebody else has to, logged in by a name of their own")
        return 0 if await campaigns.approve(asked.database, made.id, whoever(), asked.now) else None

    _changed(id_, work, "approved", as_json=as_json, otherwise="it waits for no approval")


@starts.command()
def show(id_: Id, as_json: Json = False) -> None:
    """How far it is, with rows that could not be used or were named twice, who was left out, and a recurring one's turns."""

    async def work(asked: Asked) -> dict[str, Any]:
        from store.campaigns import newest, problems_of, refused_of, repeated_of

        made = await _existing(asked, id_)
        told = await told_of(asked, made)
        bad = await problems_of(asked.database, made.id, 0, _ALL)
        out = await refused_of(asked.database, made.id, 0, _ALL)
        told["bad_rows"] = [{"row": row, "problem": problem} for row, problem in bad]
        twice = await repeated_of(asked.database, made.id, 0, _ALL)
        told["repeated"] = [{"row": row, "problem": problem} for row, problem in twice]
        turns = await newest(asked.database, None, None, _TURNS, made.id) if made.cron else []
        told["turns"] = [await told_of(asked, each) for each in turns]
        told["left_out"] = [{"row": row, "customer_id": str(who), "reason": reason} for row, who, reason in out]
        return told

    show_one(work, as_json=as_json)


@starts.command()
def pause(id_: Id, as_json: InJson = False) -> None:
    """Nobody else is started or written to until it is resumed; a recurring one pauses with its turns that are not over."""

    async def work(asked: Asked, made: "CampaignRow") -> int | None:
        from store import campaigns

        return await campaigns.pause(asked.database, made.id, asked.now, asked.now)

    _changed(id_, work, "paused", as_json=as_json)


@starts.command()
def resume(id_: Id, as_json: InJson = False) -> None:
    """It goes on where it was; a recurring one with the turns that were paused with it."""

    async def work(asked: Asked, made: "CampaignRow") -> int | None:
        from store import campaigns

        return await campaigns.pause(asked.database, made.id, None, asked.now)

    otherwise = "it is over already, or was not paused; one that waits for approval begins by `journeys starts approve`"
    _changed(id_, work, "goes on", as_json=as_json, otherwise=otherwise)


@starts.command()
def cancel(id_: Id, as_json: InJson = False) -> None:
    """Nobody else is started or written to, by a recurring one's turns neither; runs of a journey that began go on."""

    async def work(asked: Asked, made: "CampaignRow") -> int | None:
        from store import campaigns

        return await campaigns.cancel(asked.database, made.id, asked.now)

    _changed(id_, work, "cancelled", as_json=as_json)


def instant(at: datetime | None, *, in_their_zone: bool) -> datetime | None:
    """An instant as it is written on the command line: UTC, or what each customer's own clock shows."""
    return at if in_their_zone or at is None else at.replace(tzinfo=UTC)


def definition_in(asked: Asked, journey: str) -> "JourneyDefinition":
    """A journey of the catalogue; there being none of that name ends the command."""
    found = asked.catalogue.journeys.get(journey)
    return found or fail(f"no journey {journey!r}; the catalogue has: {', '.join(sorted(asked.catalogue.journeys)) or 'none'}")


def _drafted(
    asked: Asked, journey: str, at: datetime | None, per_second: float | None, *, in_their_zone: bool
) -> "NewCampaign":
    from pydantic import ValidationError

    from api.campaigns.making import drafted
    from api.campaigns.models import When

    try:
        when = When(at=instant(at, in_their_zone=in_their_zone), in_their_zone=in_their_zone, per_second=per_second)
    except ValidationError as error:
        fail("; ".join(each["msg"] for each in error.errors()))
    return drafted(when, asked.now, whoever(), journey, needs_approval=needs_approval())


async def _made(
    asked: Asked, new: "NewCampaign", definition: "JourneyDefinition", rows: "Iterable[Given]", *, dry_run: bool
) -> dict[str, Any]:
    from api.campaigns.making import attempt, checks_of, make

    check, keyed = checks_of(definition, {}), definition.spec.keyed
    if dry_run:
        trial: Trial = await attempt(
            settings().clock,
            asked.database,
            new,
            definition.spec,
            rows,
            check,
            keyed=keyed,
            catalogue=asked.catalogue.segments,
            predictions=asked.catalogue.predictions,
        )
        return trial.model_dump(mode="json")
    return await told_of(asked, await make(asked.database, new, rows, check, keyed=keyed))


async def told_of(asked: Asked, row: "CampaignRow") -> dict[str, Any]:
    """A start or campaign, and how far it is, as JSON has it."""
    from api.campaigns.views import view_of
    from store.campaigns import counts_of, hindrance_of

    counts, hindrance = await counts_of(asked.database, row.id), await hindrance_of(asked.database, row.id)
    return view_of(row, counts, asked.now, hindrance).model_dump(mode="json")


async def _existing(asked: Asked, named: str) -> "CampaignRow":
    """The one of an id, or of as much of one as tells it from all others; none, or several, end the command."""
    from store.campaigns import campaigns_like

    found = await campaigns_like(asked.database, named)
    if not found:
        fail(f"no start or campaign {named}; `journeys starts` lists them")
    if len(found) > 1:
        ids = ", ".join(str(each.id) for each in found)
        fail(f"several starts or campaigns begin with {named}: {ids}; say more of the one that you mean")
    return found[0]


def show_one(work: Callable[[Asked], Awaitable[dict[str, Any]]], *, as_json: bool) -> None:
    """Do something with a start or campaign, and show what it came to."""
    from workers.cli import tables
    from workers.cli.campaigns.shown import one

    tables.show(ask(work), one, as_json=as_json)


def _changed(
    named: str,
    work: Callable[[Asked, "CampaignRow"], Awaitable[int | None]],
    state: str,
    *,
    as_json: bool,
    otherwise: str = "it is over already",
) -> None:
    """Say how it stands now, and how many turns of a recurring one with it; `work` is None where it could not be done."""
    from workers.cli import tables

    async def known(asked: Asked) -> tuple["UUID", int | None]:
        made = await _existing(asked, named)
        return made.id, await work(asked, made)

    id_, turns = ask(known)
    if turns is None:
        fail(otherwise)
    more = f", with {tables.counted(turns, 'turn')} of it" if turns else ""
    say({"id": id_, "state": state, "turns": turns}, f"{id_}: {state}{more}", as_json=as_json)
