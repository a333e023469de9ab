"""Starts of many, and campaigns: made with a key, approved by another, paused, cancelled; how far each is, and who is left out.

Promise: everything here is rows in Postgres; the watch carries them to Temporal. What was answered with 201 is never lost, and
a repeated call with the same Idempotency-Key makes nothing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from hashlib import file_digest
from typing import IO, Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response

from activities.channels.preview import CannotPreview, around_of
from activities.channels.preview import Given as Shown
from api.auth import JourneyReader, Of, PersonReader, Reader, insist_on, may, of_caller, schemes
from api.campaigns.making import asked_for, attempt, checks_of, drafted, insist_on_params, make, of_message, taken_by
from api.campaigns.models import (
    CampaignName,
    CampaignPage,
    CampaignView,
    NewCampaign,
    ReportPage,
    ReportRow,
    Starts,
    Trial,
    Wanted,
)
from api.campaigns.rows import Given, from_lines, from_objects, from_sheet
from api.campaigns.views import view_of
from api.config import ApiConfig
from api.cursors import cursor, cursor_after
from api.problems import Fault, Problem, responses
from api.runs.journeys import definition_of
from api.runs.models import JourneyName
from api.segments.access import answering
from api.state import Config, Db
from api.uploads import FILE_LIMIT, received
from journeys import InvalidParams, JourneyDefinition
from journeys.campaigns.message import Message, message_of
from segments.ask.overview import all_segments, standing
from segments.define.sheets import lines_of
from segments.errors import SegmentError
from store import Database, campaigns, lists
from store.campaigns import WAITS_FOR_APPROVAL, CampaignRow
from store.campaigns import NewCampaign as Row
from store.keys import Caller, Right

router = APIRouter(prefix="/v1", tags=["campaigns"], dependencies=schemes())

#: Of which rows a report tells.
Told = Literal["bad", "left-out", "twice"]
_JSON_LIMIT = 8 * 1024 * 1024
_CALLS = responses(400, 401, 403, 404, 409, 413, 422, 503)
_Key = Annotated[str | None, Header(alias="Idempotency-Key", max_length=200, description="repeated, it makes nothing more")]
_FILE = {
    "requestBody": {
        "required": True,
        "description": "CSV: the first line names the columns: one that names customers, `key`, `entry.…`, and parameters;"
        " NDJSON: an object in each line, as in `rows`",
        "content": {
            "text/csv": {"schema": {"type": "string"}, "example": "user_id,size\nu-1001,42\n"},
            "application/x-ndjson": {
                "schema": {"type": "string"},
                "example": '{"user_id": "u-1001", "params": {"size": 42}}\n',
            },
        },
    }
}


@router.post(
    "/journeys/{journey}/starts",
    status_code=201,
    max_body_size=_JSON_LIMIT,
    response_model=CampaignView | Trial,
    responses=_CALLS,
)
async def start_many(
    journey: JourneyName,
    body: Starts,
    response: Response,
    caller: Annotated[Caller, may(Right.START, "make campaign", of=Of.NAMED)],
    config: Config,
    database: Db,
    idempotency_key: _Key = None,
) -> CampaignView | Trial:
    """Start a journey for many: rows, or everybody in a segment or on a list; at once, at an instant, or again and again.

    Each enters by the journey's rules, as by a single start. Who cannot, is counted with the reason.
    """
    definition = definition_of(config, journey)
    own = of_caller(caller, idempotency_key)
    new = drafted(
        body,
        config.clock.now(),
        caller.name,
        journey,
        own,
        needs_approval=config.approve_campaigns,
    )
    if body.rows is None:
        await _known(config, database, body.segment, body.list)
        new = replace(new, segment=body.segment, list=body.list, params=_all(definition, body))
    rows = from_objects(body.rows or (), config.default_region)
    return await _made(config, database, response, new, definition, rows, body, caller, asked_for(body))


@router.post(
    "/journeys/{journey}/starts/file",
    status_code=201,
    max_body_size=FILE_LIMIT,
    response_model=CampaignView | Trial,
    responses=_CALLS,
    openapi_extra=_FILE,
)
async def start_file(
    journey: JourneyName,
    request: Request,
    response: Response,
    caller: Annotated[Caller, may(Right.START, "make campaign", of=Of.NAMED)],
    config: Config,
    database: Db,
    *,
    at: Annotated[datetime | None, Query(description="as in the call with rows")] = None,
    in_their_zone: bool = False,
    per_second: Annotated[float | None, Query(gt=0, le=10_000)] = None,
    dry_run: bool = False,
    name: Annotated[CampaignName | None, Query(description="what it is called; else like its journey")] = None,
    idempotency_key: _Key = None,
) -> CampaignView | Trial:
    """Start a journey for the customers of a file; a wrong column is refused, a wrong row is told."""
    definition_of(config, journey)  # before a file is received for nothing
    try:
        body = Starts(at=at, in_their_zone=in_their_zone, per_second=per_second, dry_run=dry_run, name=name, rows=[])
    except ValueError as error:
        raise Problem(422, str(error), code="invalid-query") from None
    lines = "ndjson" in request.headers.get("content-type", "")
    async with received(request) as file:
        return await start_sheet(journey, file, body, response, caller, config, database, idempotency_key, lines=lines)


async def start_sheet(
    journey: str,
    file: IO[bytes],
    body: Starts,
    response: Response,
    caller: Caller,
    config: ApiConfig,
    database: Database,
    key: str | None = None,
    *,
    lines: bool = False,
) -> CampaignView | Trial:
    """Start a journey for the customers of a file: CSV, or `lines` of JSON; `body` says the rest, also parameters of all.

    Raises:
        Problem: 400, it cannot be read; 404, there is no such journey.
    """
    definition = definition_of(config, journey)
    own = of_caller(caller, key)
    new = drafted(body, config.clock.now(), caller.name, journey, own, needs_approval=config.approve_campaigns)
    asked = asked_for(body, file_digest(file, "sha256").hexdigest())  # type: ignore[arg-type]  # a temporary file has `readinto`
    file.seek(0)
    try:
        rows = _read(file, config.default_region, definition, lines=lines)
        return await _made(config, database, response, new, definition, rows, body, caller, asked)
    except SegmentError as error:
        raise Problem(400, f"{error}", code="bad-file") from None


@router.post("/campaigns", status_code=201, response_model=CampaignView | Trial, responses=_CALLS)
async def make_campaign(
    body: NewCampaign,
    response: Response,
    caller: Annotated[Caller, may(Right.OPERATE, "make campaign")],
    config: Config,
    database: Db,
    idempotency_key: _Key = None,
) -> CampaignView | Trial:
    """Send one message to everybody in a segment or on a list, past the same gate: consent, caps, quiet hours, holdout.

    For a journey to everybody in a segment, start it: `POST /v1/journeys/{journey}/starts`.
    """
    await _known(config, database, body.to.segment, body.to.list)
    await _shown(config, database, body.message, Shown())
    insist_on_params(config.templates, body.message)
    own = of_caller(caller, idempotency_key)
    new = of_message(body, config.clock.now(), caller.name, own, needs_approval=config.approve_campaigns)
    warned = await _named_alike(database, new)
    if body.dry_run:
        response.status_code = 200
        async with answering():
            of = config.clock, database, new, body.message
            trial = await attempt(*of, catalogue=config.segments, predictions=config.predictions)
        return trial.model_copy(update={"warnings": [*warned, *trial.warnings]})
    made = await make(database, new, asked=asked_for(body))
    response.status_code = 201 if made.id == new.id else 200
    view = await _view(config, database, made)
    warned += await _wanting(config, database, new)
    return view.model_copy(update={"warnings": warned}) if made.id == new.id else view


async def _wanting(config: ApiConfig, database: Database, new: Row) -> list[str]:
    """What to know where its segment is not loaded yet."""
    wanting = (await standing(database, config.segments, new.segment)).wanting if new.segment else None
    return [wanting] if wanting else []


async def _named_alike(database: Database, new: Row) -> list[str]:
    """What to know where there is a campaign of the same name already."""
    return [
        f"there is one of this name since {each.created_at:%Y-%m-%d %H:%M} UTC, made by {each.by} ({each.id}): this is another,"
        " whoever is in both is written to by both, unless a cap holds one back; caps and reports count them together."
        " Repeat a call with the same Idempotency-Key to make one"
        for each in await campaigns.newest(database, new.journey, None, 1)
    ]


@router.get("/campaigns", responses=responses(400, 401, 403, 422, 503))
async def list_campaigns(
    _: JourneyReader,
    config: Config,
    database: Db,
    journey: Annotated[str | None, Query(max_length=64, description="starts of this journey")] = None,
    turns_of: Annotated[UUID | None, Query(description="the turns of this recurring one")] = None,
    after: Annotated[str | None, Query(max_length=200, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> CampaignPage:
    """Campaigns and bulk starts, newest first, each with how far it is."""
    return await newest(config, database, journey, after, limit, turns_of)


@router.get("/campaigns/{campaign}", responses=responses(401, 403, 404, 422, 503))
async def get_campaign(campaign: UUID, _: Reader, config: Config, database: Db) -> CampaignView:
    """A campaign or bulk start, and how far it is."""
    return await one(config, database, campaign)


@router.get("/campaigns/{campaign}/report", responses=responses(401, 403, 404, 422, 503))
async def report_campaign(
    campaign: UUID,
    _: Reader,
    database: Db,
    of: Annotated[
        Told, Query(description="rows that cannot be used, customers left out, or rows that name somebody once more")
    ] = "bad",
    after: Annotated[int, Query(ge=0, le=2**31 - 1, description="`next` of the page before")] = 0,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1_000,
) -> ReportPage:
    """Row by row what was wrong with it, why nothing came of a customer, or which row had named them before."""
    await _existing(database, campaign)
    return await reported(database, campaign, of, after, limit)


@router.get("/campaigns/{campaign}/preview", responses=responses(401, 403, 404, 422, 503))
async def preview_campaign(
    campaign: UUID,
    _: PersonReader,
    config: Config,
    database: Db,
    response: Response,
    user_id: Annotated[
        str | None, Query(max_length=200, description="the `userId` of a customer; nobody: its fallbacks show")
    ] = None,
    context: Annotated[
        list[str] | None,
        Query(max_length=100, description="what contexts tell; else as they declare it", examples=["weather.rain=2"]),
    ] = None,
) -> dict[str, object]:
    """A campaign's message as it would look now; `otherwise` is what of a context nobody gave, so that its own holds."""
    found = await _existing(database, campaign)
    if found.message is None:
        raise Problem(422, "it starts a journey, whose messages are previewed by themselves", code="no-message")
    response.headers["Cache-Control"] = "no-store"
    message = message_of(found.message)
    named = ("user_id", user_id) if user_id is not None else None
    try:
        around = around_of(context or ())
    except CannotPreview as error:
        raise Problem(422, str(error), code="cannot-preview") from None
    return await _shown(config, database, message, Shown(named=named, params=dict(message.params), context=around))


@router.put("/campaigns/{campaign}/state", responses=responses(401, 403, 404, 409, 422, 503))
async def switch_campaign(
    campaign: UUID,
    body: Wanted,
    _: Annotated[Caller, may(Right.OPERATE, "switch campaign")],
    config: Config,
    database: Db,
) -> CampaignView:
    """Pause a campaign, let it go on, or cancel it; a recurring one with the turns of it that are not over.

    What is at a provider goes out; runs of a journey that began go on.
    """
    return await switch(config, database, campaign, body)


@router.post("/campaigns/{campaign}/approve", responses=responses(401, 403, 404, 409, 422, 503))
async def approve_campaign(
    campaign: UUID, caller: Annotated[Caller, may(Right.OPERATE, "approve campaign")], config: Config, database: Db
) -> CampaignView:
    """Approve a campaign, with another key than the one that made it."""
    return await approve(config, database, campaign, caller)


async def newest(
    config: ApiConfig, database: Database, journey: str | None, after: str | None, limit: int, turns_of: UUID | None = None
) -> CampaignPage:
    """Campaigns and bulk starts, newest first, each with how far it is; or the turns of a recurring one.

    Raises:
        Problem: 400, `after` was never the end of a page.
    """
    found = await campaigns.newest(database, journey, cursor(after, UUID), limit, turns_of)
    more = cursor_after(found[-1].created_at, found[-1].id) if len(found) == limit else None
    return CampaignPage(campaigns=[await _view(config, database, each) for each in found], next=more)


async def one(config: ApiConfig, database: Database, campaign: UUID) -> CampaignView:
    """A campaign, and how far it is.

    Raises:
        Problem: 404, there is none.
    """
    return await _view(config, database, await _existing(database, campaign))


async def reported(database: Database, campaign: UUID, of: Told, after: int, limit: int) -> ReportPage:
    """Rows that cannot be used, customers for whom nothing came of it, or rows that name somebody once more, after a row."""
    if of != "left-out":
        asked = campaigns.problems_of if of == "bad" else campaigns.repeated_of
        found = await asked(database, campaign, after, limit)
        rows = [ReportRow(row=row, customer_id=None, reason=problem) for row, problem in found]
    else:
        refused = await campaigns.refused_of(database, campaign, after, limit)
        rows = [ReportRow(row=row, customer_id=who, reason=reason) for row, who, reason in refused]
    return ReportPage(rows=rows, next=rows[-1].row if len(rows) == limit else None)


async def switch(config: ApiConfig, database: Database, campaign: UUID, wanted: Wanted) -> CampaignView:
    """Pause a campaign, let it go on, or cancel it.

    Raises:
        Problem: 404, there is none; 409, it is over, or begins only when somebody has approved it.
    """
    now = config.clock.now()
    await _existing(database, campaign)
    if wanted.state == "cancelled":
        turns = await campaigns.cancel(database, campaign, now)
    else:
        turns = await campaigns.pause(database, campaign, now if wanted.state == "paused" else None, now)
    found = await _existing(database, campaign)
    stands = found.state(now)
    if turns is None and wanted.state == "running" and stands == WAITS_FOR_APPROVAL:
        told = f"it waits for approval by somebody else than who made it: `POST /v1/campaigns/{campaign}/approve` lets it begin"
        raise Problem(409, told, code="not-approved")
    if turns is None and stands in ("cancelled", "finished") and stands != wanted.state:
        raise Problem(409, f"it is {stands} already", code="campaign-over")
    view = await _view(config, database, found)
    return view.model_copy(update={"turns_switched": turns or 0}) if found.cron else view


async def approve(config: ApiConfig, database: Database, campaign: UUID, caller: Caller) -> CampaignView:
    """Approve a campaign that somebody else has made.

    Raises:
        Problem: 404, there is none; 403, the caller made it; 409, it waits for no approval.
    """
    found = await _existing(database, campaign)
    if found.needs_approval and found.by == caller.name:
        raise Problem(
            403, "whoever made it does not approve it; somebody else has to, with a key of their own", code="own-campaign"
        )
    if not await campaigns.approve(database, campaign, caller.name, config.clock.now()) and found.approved_at is None:
        raise Problem(409, f"it is {found.state(config.clock.now())} and waits for no approval", code="no-approval")
    return await _view(config, database, await _existing(database, campaign))


def _all(definition: JourneyDefinition, body: Starts) -> dict[str, object]:
    """The parameters of all, as they are kept."""
    try:
        return definition.accept(body.params)
    except InvalidParams as error:
        faults = [Fault(pointer=where, detail=what) for where, what in error.problems]
        raise Problem(422, f"the parameters are not valid: {error}", code="invalid-params", errors=faults) from error


async def _made(
    config: ApiConfig,
    database: Database,
    response: Response,
    new: Row,
    definition: JourneyDefinition,
    rows: Iterable[Given],
    body: Starts,
    caller: Caller,
    asked: str,
) -> CampaignView | Trial:
    check, keyed = checks_of(definition, body.params), definition.spec.keyed
    if body.dry_run:
        response.status_code = 200
        rows = _by_our_names(rows, caller)
        async with answering():
            return await attempt(
                *(config.clock, database, new, definition.spec, rows, check),
                keyed=keyed,
                catalogue=config.segments,
                predictions=config.predictions,
            )
    made = await make(database, new, rows, check, keyed=keyed, asked=asked)
    response.status_code = 201 if made.id == new.id else 200
    response.headers["Location"] = f"/v1/campaigns/{made.id}"
    view = await _view(config, database, made)
    return view.model_copy(update={"warnings": await _wanting(config, database, new)}) if made.id == new.id else view


def _by_our_names(rows: Iterable[Given], caller: Caller) -> Iterator[Given]:
    """Rows to be tried, which would tell of somebody's name or address whether they are here, and what is with them.

    Raises:
        Problem: 403, one has another name than an id of ours, and the caller may look nobody up by it.
    """
    for row in rows:
        if row.name and row.name[0] != "customer_id":
            insist_on(caller, Right.PERSONAL)
        yield row


def _read(file: IO[bytes], region: str, definition: JourneyDefinition, *, lines: bool) -> Iterable[Given]:
    if lines:
        return from_lines(lines_of(file), region)
    return from_sheet(lines_of(file), region, taken_by(definition))


async def _known(config: ApiConfig, database: Database, segment: str | None, name: str | None) -> None:
    """Make sure that there is such a segment, or such a list."""
    if segment is not None:
        known = (await all_segments(database, config.segments)).known
        if segment not in known:
            raise Problem(
                404, f"no segment {segment!r}; there are: {', '.join(known) or 'none'}"[:1_000], code="unknown-segment"
            )
    elif name is not None and name not in {each.name for each in await lists.lists(database)}:
        raise Problem(404, f"no list {name!r}", code="unknown-list")


async def _shown(config: ApiConfig, database: Database, message: Message, given: Shown) -> dict[str, object]:
    """The message as it would look; of a template that there is, but that needs a value, what is missing."""
    if config.preview is None:
        return {}
    try:
        found = await config.preview(database, message.channel.value, message.template, given)
        return found.shown | ({"otherwise": dict(found.otherwise)} if found.otherwise else {})
    except CannotPreview as error:
        if error.of is not None:
            raise Problem(404, str(error), code=f"unknown-{error.of}") from None
        return {"missing": str(error)}


async def _existing(database: Database, id_: UUID) -> CampaignRow:
    found = await campaigns.campaign(database, id_)
    if found is None:
        raise Problem(404, f"no campaign {id_}", code="unknown-campaign")
    return found


async def _view(config: ApiConfig, database: Database, row: CampaignRow) -> CampaignView:
    counts, hindrance = await campaigns.counts_of(database, row.id), await campaigns.hindrance_of(database, row.id)
    return view_of(row, counts, config.clock.now(), hindrance)
