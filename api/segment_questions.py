"""Questions about customers and segments: count or preview a definition without saving it, worries, coverage of traits.

Promise: reads only, and gives up after half a minute.
"""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from api.auth import Operator, schemes
from api.problems import responses
from api.segment_access import Silence, answering, entries, known
from api.segment_models import Question, predicate_of
from api.segment_views import ConcernView, Counted, CoverageReport, CoverageView, MemberView, concern, member
from api.state import Config, Db
from segments.asking import count, preview
from segments.concerns import Limits, concerns
from segments.overview import landscape
from store.segments import coverage, sizes

router = APIRouter(prefix="/v1", tags=["segments"], dependencies=schemes())


@router.post("/segments/count", responses=responses(401, 403, 422, 503))
async def count_definition(body: Question, _: Operator, config: Config, database: Db) -> Counted:
    """How many customers a definition is true of now; nothing is saved."""
    predicate = predicate_of(body.predicate, (await landscape(database, config.segments)).predicates)
    now = config.clock.now()
    async with answering():
        return Counted(members=await count(database, predicate, now), at=now, english=str(predicate))


@router.post("/segments/preview", responses=responses(401, 403, 422, 503))
async def preview_definition(body: Question, _: Operator, config: Config, database: Db) -> list[MemberView]:
    """Some customers of whom a definition is true now; nothing is saved."""
    predicate = predicate_of(body.predicate, (await landscape(database, config.segments)).predicates)
    async with answering():
        found = await preview(database, predicate, config.clock.now(), body.limit)
    return [member(each) for each in found]


@router.get("/concerns", responses=responses(401, 403, 422, 503))
async def list_concerns(
    _: Operator,
    config: Config,
    database: Db,
    silence_hours: Silence = 24,
    overlap: Annotated[float, Query(ge=0, le=1, description="share from which two segments count as overlapping")] = 0.8,
    most: Annotated[int, Query(ge=1, le=100_000, description="how many active segments are too many")] = 50,
) -> list[ConcernView]:
    """What to worry about: too small, too many, overlapping, stale, past the review date; and what stands still."""
    around = await landscape(database, config.segments)
    counted = await sizes(database, list(around.known))
    limits = Limits(timedelta(hours=silence_hours), overlap, most)
    found = await concerns(database, around.segments, counted, config.clock.now(), limits)
    return [concern(each) for each in (*around.concerns(entries(config)), *found)]


@router.get("/coverage", responses=responses(401, 403, 404, 409, 422, 503))
async def trait_coverage(
    _: Operator,
    config: Config,
    database: Db,
    segment: Annotated[str | None, Query(max_length=100, description="only its members")] = None,
    outdated_days: Annotated[int, Query(ge=1, le=36_500, description="from which age a value counts as outdated")] = 365,
) -> CoverageReport:
    """Per trait: the share of the customers who have it, and how fresh its values are."""
    if segment is not None:
        await known(config, database, segment)
    before = config.clock.now() - timedelta(days=outdated_days)
    customers, found = await coverage(database, before, segment)
    traits = [
        CoverageView(
            trait=each.trait,
            having=each.having,
            share=each.having / each.customers,
            newest_at=each.newest_at,
            median_at=each.median_at,
            outdated=each.outdated,
        )
        for each in found
    ]
    return CoverageReport(customers=customers, traits=traits)
