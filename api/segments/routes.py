"""Segments for product teams: list them, explain one, see its members, its size over time, and why a customer is in or not.

Promise: reads only.
"""

from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from api.auth import PersonReader, Reader, schemes
from api.config import ApiConfig
from api.problems import Problem, responses
from api.segments.access import Silence, Text, answering, entries, in_detail, known, no_customer, one_name
from api.segments.models import Name
from api.segments.views import DayView, MemberPage, SegmentDetail, SegmentView, WhyView, finding, member, view
from api.state import Config, Db
from segments.ask.ask import explain
from segments.ask.concerns import WorryFrom
from segments.ask.overview import all_segments, overview
from segments.language.moves import trait_names
from store import Database
from store.lists import resolve
from store.segments.rows import days, members, period

router = APIRouter(prefix="/v1", tags=["segments"], dependencies=schemes())


@router.get("/segments", responses=responses(401, 403, 422, 503))
async def list_segments(_: Reader, config: Config, database: Db, silence_hours: Silence = 24) -> list[SegmentView]:
    """Every segment: of the catalogue and defined by API, with its size, the journeys it feeds and what to worry about."""
    return await seen(config, database, WorryFrom(silence=timedelta(hours=silence_hours)))


async def seen(config: ApiConfig, database: Database, limits: WorryFrom) -> list[SegmentView]:
    """Every segment at a glance."""
    around = await all_segments(database, config.segments)
    found = await overview(database, list(around.known.values()), entries(config), around, config.clock.now(), limits)
    return [view(each) for each in found]


@router.get("/segments/{name}", responses=responses(401, 403, 404, 409, 422, 503))
async def get_segment(name: Name, caller: Reader, config: Config, database: Db) -> SegmentDetail:
    """A segment with its definition in words and as JSON, and the segments, events and traits that it reads."""
    return await in_detail(config, database, name, config.clock.now(), caller)


@router.get("/segments/{name}/members", responses=responses(401, 403, 404, 409, 422, 503))
async def list_members(
    name: Name,
    _: PersonReader,
    config: Config,
    database: Db,
    after: Annotated[UUID | None, Query(description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> MemberPage:
    """Members as the watch has written them, by customer id, with the traits that the definition names."""
    return await some_members(config, database, name, limit=limit, after=after)


async def some_members(
    config: ApiConfig, database: Database, name: str, *, limit: int, after: UUID | None = None
) -> MemberPage:
    """Some members of a segment, by customer id."""
    segment = (await known(config, database, name)).segment
    found = await members(database, name, sorted(trait_names(segment.predicate)), limit=limit, after=after)
    more = found[-1].profile_id if len(found) == limit else None
    return MemberPage(members=[member(each) for each in found], next=more)


@router.get("/segments/{name}/days", responses=responses(401, 403, 404, 409, 422, 503))
async def size_over_time(
    name: Name,
    _: Reader,
    config: Config,
    database: Db,
    since: Annotated[date | None, Query(description="first UTC day; 30 days ago when absent")] = None,
    until: Annotated[date | None, Query(description="last UTC day; today when absent")] = None,
) -> list[DayView]:
    """Each day with who entered, who left and the size at its end."""
    await known(config, database, name)
    return await sizes_by_day(config, database, name, since, until)


async def sizes_by_day(
    config: ApiConfig, database: Database, name: str, since: date | None = None, until: date | None = None
) -> list[DayView]:
    """The days of a segment: the last thirty, unless they are said.

    Raises:
        Problem: 422, they are too many, the wrong way round, or days of which nothing can be known.
    """
    try:
        first, last = period(config.clock.now().date(), since, until)
    except ValueError as error:
        raise Problem(422, str(error), code="bad-period") from None
    return [DayView.model_validate(day) for day in await days(database, name, first, last)]


@router.get("/segments/{name}/why", responses=responses(401, 403, 404, 409, 422, 503))
async def why_member(
    name: Name,
    _: PersonReader,
    config: Config,
    database: Db,
    user_id: Text = None,
    customer_id: Annotated[UUID | None, Query()] = None,
    anonymous_id: Text = None,
    email: Text = None,
) -> WhyView:
    """Why a customer is in the segment or not: each part of the definition, what it saw, and when time alone changes it."""
    return await why(config, database, name, one_name(user_id, customer_id, anonymous_id, email))


async def why(config: ApiConfig, database: Database, name: str, given: tuple[str, str]) -> WhyView:
    """Why a customer, named in one way, is in a segment or not.

    Raises:
        Problem: 404, there is no such segment or customer; 422, the definition cannot be evaluated.
    """
    segment = (await known(config, database, name)).segment
    async with database.pool.acquire() as connection:
        [profile] = await resolve(connection, [given])
    async with answering():
        answer = await explain(database, segment, profile, config.clock.now()) if profile else None
    if profile is None or answer is None:
        raise no_customer()
    return WhyView(
        customer_id=profile,
        segment=name,
        at=answer.at,
        member=answer.member,
        entered_at=answer.entered_at,
        complete=answer.complete,
        finding=finding(answer.finding),
    )
