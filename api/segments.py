"""Segments for product teams: list, explain, count, preview, size over time, why a customer is in; define one as JSON.

Promise: a definition that was answered with success is taken up by every watch within seconds, without a restart, and survives
one; nothing here moves a customer by itself, but `announce`, which says so.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from api.auth import Operator, schemes
from api.config import ApiConfig
from api.problems import Problem, responses
from api.segment_models import (
    Announced,
    ConcernView,
    Counted,
    CoverageReport,
    CoverageView,
    DayView,
    MemberPage,
    MemberView,
    Name,
    Question,
    SegmentBody,
    SegmentDetail,
    SegmentView,
    WhyView,
    concern,
    detail,
    finding,
    member,
    predicate_of,
    view,
)
from api.state import Config, Db
from segments import Segment
from segments.announcing import MOST_AT_ONCE, announce, unannounced
from segments.asking import CannotAsk, TooSlow, check, count, explain, preview
from segments.concerns import Limits, concerns
from segments.overview import Known, known_segments, overview
from segments.predicate import trait_names
from store import Database
from store.lists import resolve
from store.segments import coverage, days, delete_stored, members, put_stored, sizes

router = APIRouter(prefix="/v1", tags=["segments"], dependencies=schemes())

_Text = Annotated[str | None, Query(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
_LONGEST = 1_100  # days that a size over time may have
_Silence = Annotated[float, Query(gt=0, le=87_600, description="hours without an event after which its readers count as stale")]


@router.get("/segments", responses=responses(401, 403, 422, 503))
async def list_segments(_: Operator, config: Config, database: Db, silence_hours: _Silence = 24) -> list[SegmentView]:
    """Every segment: of the catalogue and defined by API, with its size, the journeys it feeds and what to worry about."""
    known = await known_segments(database, config.segments.values())
    limits = Limits(silence=timedelta(hours=silence_hours))
    seen = await overview(database, list(known.values()), entries(config), config.clock.now(), limits)
    return [view(each) for each in seen]


@router.post("/segments/count", responses=responses(401, 403, 422, 503))
async def count_definition(body: Question, _: Operator, config: Config, database: Db) -> Counted:
    """How many customers a definition is true of now; nothing is saved."""
    predicate, now = predicate_of(body.predicate), config.clock.now()
    async with _asking():
        return Counted(members=await count(database, predicate, now), at=now, english=str(predicate))


@router.post("/segments/preview", responses=responses(401, 403, 422, 503))
async def preview_definition(body: Question, _: Operator, config: Config, database: Db) -> list[MemberView]:
    """Some customers of whom a definition is true now; nothing is saved."""
    async with _asking():
        found = await preview(database, predicate_of(body.predicate), config.clock.now(), body.limit)
    return [member(each) for each in found]


@router.get("/segments/{name}", responses=responses(401, 403, 404, 422, 503))
async def get_segment(name: Name, _: Operator, config: Config, database: Db) -> SegmentDetail:
    """A segment with its definition in words and as JSON, and the events and traits that it reads."""
    return await _detail(config, database, await _known(config, database, name))


@router.put(
    "/segments/{name}",
    responses={
        201: {"model": SegmentDetail, "description": "there was none of that name"},
        **responses(401, 403, 409, 422, 503),
    },
)
async def put_segment(
    name: Name, body: SegmentBody, response: Response, caller: Operator, config: Config, database: Db
) -> SegmentDetail:
    """Define a segment, or change one. Customers whose membership a change does not touch notice nothing."""
    segment, now = body.segment(name), config.clock.now()
    _refuse_code(config, name)
    async with _asking():
        await check(database, segment.predicate, now)
    stored = (name, segment.version, segment.to_json())
    created = await put_stored(database, *stored, announce=body.announce, by=caller.name, at=now)
    response.status_code = 201 if created else 200
    return await _detail(config, database, await _known(config, database, name))


@router.delete("/segments/{name}", status_code=204, responses=responses(401, 403, 404, 409, 422, 503))
async def delete_segment(name: Name, caller: Operator, config: Config, database: Db) -> None:
    """Take a segment out of use: its members leave it within seconds, in the log too."""
    _refuse_code(config, name)
    if not await delete_stored(database, name, by=caller.name, at=config.clock.now()):
        raise _unknown(name)


@router.post("/segments/{name}/announce", responses=responses(401, 403, 404, 409, 422, 503))
async def announce_members(
    name: Name,
    _: Operator,
    config: Config,
    database: Db,
    limit: Annotated[int, Query(ge=1, le=MOST_AT_ONCE, description="how many members at most")] = 10_000,
) -> Announced:
    """Let those who are in the segment now enter its journeys, by their own re-entry rules.

    Whoever has a line in the log that says how they came in is left out, so that calling it again goes on with the others.
    """
    detail = await _detail(config, database, await _known(config, database, name))
    if detail.state != "live":
        raise Problem(409, f"segment '{name}' is {detail.state}; announce it when its state is live", code="not-live")
    done = await announce(database, name, detail.version, config.clock.now, limit)
    return Announced(announced=done, remaining=await unannounced(database, name))


@router.get("/segments/{name}/members", responses=responses(401, 403, 404, 422, 503))
async def list_members(
    name: Name,
    _: Operator,
    config: Config,
    database: Db,
    after: Annotated[UUID | None, Query(description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> MemberPage:
    """Members as the watch has written them, by customer id, with the traits that the definition names."""
    segment = (await _known(config, database, name)).segment
    found = await members(database, name, sorted(trait_names(segment.predicate)), limit=limit, after=after)
    more = found[-1].profile_id if len(found) == limit else None
    return MemberPage(members=[member(each) for each in found], next=more)


@router.get("/segments/{name}/days", responses=responses(401, 403, 404, 422, 503))
async def size_over_time(
    name: Name,
    _: Operator,
    config: Config,
    database: Db,
    since: Annotated[date | None, Query(description="first UTC day; 30 days ago when absent")] = None,
    until: Annotated[date | None, Query(description="last UTC day; today when absent")] = None,
) -> list[DayView]:
    """Each day with who entered, who left and the size at its end."""
    await _known(config, database, name)
    last = until or config.clock.now().date()
    first = since or max(date.min + timedelta(days=30), last) - timedelta(days=30)
    if not 0 <= (last - first).days < _LONGEST:
        raise Problem(422, f"since must not be after until, nor more than {_LONGEST} days before it", code="bad-period")
    return [DayView.model_validate(day) for day in await days(database, name, first, last)]


@router.get("/segments/{name}/why", responses=responses(401, 403, 404, 422, 503))
async def why_member(
    name: Name,
    _: Operator,
    config: Config,
    database: Db,
    user_id: _Text = None,
    customer_id: Annotated[UUID | None, Query()] = None,
    anonymous_id: _Text = None,
    email: _Text = None,
) -> WhyView:
    """Why a customer is in the segment or not: each part of the definition, what it saw, and when time alone changes it."""
    given = {"user_id": user_id, "customer_id": customer_id, "anonymous_id": anonymous_id, "email": email and email.lower()}
    profile = await _customer(database, {kind: str(value) for kind, value in given.items() if value is not None})
    segment = (await _known(config, database, name)).segment
    async with _asking():
        answer = await explain(database, segment, profile, config.clock.now())
    if answer is None:
        raise _no_customer()
    return WhyView(
        customer_id=profile,
        segment=name,
        at=answer.at,
        member=answer.member,
        entered_at=answer.entered_at,
        complete=answer.complete,
        finding=finding(answer.finding),
    )


@router.get("/concerns", responses=responses(401, 403, 422, 503))
async def list_concerns(
    _: Operator,
    config: Config,
    database: Db,
    silence_hours: _Silence = 24,
    overlap: Annotated[float, Query(ge=0, le=1, description="share from which two segments count as overlapping")] = 0.8,
    most: Annotated[int, Query(ge=1, le=100_000, description="how many active segments are too many")] = 50,
) -> list[ConcernView]:
    """What to worry about: too small, too many, overlapping, stale, or past the review date."""
    segments = [each.segment for each in (await known_segments(database, config.segments.values())).values()]
    counted = await sizes(database, [segment.name for segment in segments])
    limits = Limits(timedelta(hours=silence_hours), overlap, most)
    return [concern(each) for each in await concerns(database, segments, counted, config.clock.now(), limits)]


@router.get("/coverage", responses=responses(401, 403, 404, 422, 503))
async def trait_coverage(
    _: Operator,
    config: Config,
    database: Db,
    segment: Annotated[str | None, Query(max_length=100, description="only its members")] = None,
    outdated_days: Annotated[int, Query(ge=1, le=36_500, description="from which age a value counts as outdated")] = 365,
) -> CoverageReport:
    """Per trait: the share of the customers who have it, and how fresh its values are."""
    if segment is not None:
        await _known(config, database, segment)
    before = config.clock.now() - timedelta(days=outdated_days)
    customers, found = await coverage(database, before, segment)
    shares = [(each, each.having / each.customers) for each in found]
    traits = [
        CoverageView(
            trait=each.trait,
            having=each.having,
            share=share,
            newest_at=each.newest_at,
            median_at=each.median_at,
            outdated=each.outdated,
        )
        for each, share in shares
    ]
    return CoverageReport(customers=customers, traits=traits)


def entries(config: ApiConfig) -> dict[str, Segment]:
    """The entry segment of each journey that has one."""
    return {name: journey.spec.entry for name, journey in config.catalogue.items() if journey.spec.entry is not None}


async def _known(config: ApiConfig, database: Database, name: str) -> Known:
    known = (await known_segments(database, config.segments.values())).get(name)
    if known is None:
        raise _unknown(name)
    return known


async def _detail(config: ApiConfig, database: Database, known: Known) -> SegmentDetail:
    [seen] = await overview(database, [known], entries(config), config.clock.now(), Limits())
    return detail(seen)


async def _customer(database: Database, given: dict[str, str]) -> UUID:
    if len(given) != 1:
        raise Problem(422, "give exactly one of user_id, customer_id, anonymous_id and email", code="invalid-request")
    async with database.pool.acquire() as connection:
        [profile] = await resolve(connection, list(given.items()))
    if profile is None:
        raise _no_customer()
    return profile


def _refuse_code(config: ApiConfig, name: str) -> None:
    if name in config.segments:
        raise Problem(409, f"segment '{name}' is defined in code; change it there, or choose another name", code="in-code")


def _unknown(name: str) -> Problem:
    return Problem(404, f"no segment '{name}'; `GET /v1/segments` lists them", code="unknown-segment")


def _no_customer() -> Problem:
    return Problem(404, "no such customer", code="unknown-customer")


@asynccontextmanager
async def _asking() -> AsyncIterator[None]:
    """What keeps a definition from being evaluated, as a problem."""
    try:
        yield
    except TooSlow as error:
        raise Problem(422, f"the answer {error}", code="too-slow") from None
    except (CannotAsk, NotImplementedError, RecursionError) as error:
        raise Problem(422, str(error) or "the definition is nested too deeply", code="invalid-definition") from None
