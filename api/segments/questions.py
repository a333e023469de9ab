"""Questions about customers and segments: count or preview a definition without saving it, worries, coverage of traits.

Promise: reads only, and gives up after half a minute.
"""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from api.auth import PersonReader, Reader, insist_on, schemes
from api.problems import Problem, responses
from api.segments.access import Silence, answering, asked, entries, known_one, too_small_for
from api.segments.coverage import CoverageReport, coverage_report
from api.segments.models import Checked, CountQuestion, Question
from api.segments.views import CheckedView, ConcernView, Counted, Previewed, concern, member
from api.state import Config, Db
from segments.ask.ask import Estimate, count, estimate, hinted, preview
from segments.ask.concerns import WorryFrom, concerns
from segments.ask.coverage import report
from segments.ask.overview import all_segments
from segments.ask.silence import BadAllowance, allowances
from segments.language.events import CROSSED_EVENT, LIST_EVENT
from segments.language.moves import event_types, trait_names
from segments.leaves.people import mentions
from store.keys import Right
from store.segments.sizes import sizes

router = APIRouter(prefix="/v1", tags=["segments"], dependencies=schemes())


#: Of fewer members than so many it is told to nobody, without the right, which traits they have.
_FEW = 10
_Allowed = Annotated[
    list[Annotated[str, Field(max_length=200)]] | None,
    Query(max_length=100, description="`crm=48`: the hours a source may be silent; else twice its longest gap of four weeks"),
]


@router.post("/segments/count", responses=responses(401, 403, 422, 503))
async def count_definition(body: CountQuestion, _: PersonReader, config: Config, database: Db) -> Counted:
    """How many customers a definition is true of now, or about how many, `quickly`; nothing is saved."""
    predicate = await asked(config, database, body.predicate)
    now = config.clock.now()
    async with answering():
        found = (
            await estimate(database, predicate, now) if body.quickly else Estimate(await count(database, predicate, now), now)
        )
        told = await hinted(database, predicate, now)
    return Counted(members=found.members, looked_at=found.looked_at, at=now, english=str(predicate), hints=told)


@router.post("/segments/check", responses=responses(401, 403, 422, 503))
async def check_definition(body: Checked, _: Reader, config: Config, database: Db) -> CheckedView:
    """Whether a definition can be used, and what it means; nobody is counted, and nothing is saved."""
    predicate = await asked(config, database, body.predicate)
    async with answering():
        found = await hinted(database, predicate, config.clock.now())
    types = {each for each in event_types(predicate) if not each.startswith((LIST_EVENT, CROSSED_EVENT))}  # nobody sends those
    named = {"made_of": mentions(predicate), "event_types": types, "traits": trait_names(predicate)}
    return CheckedView(english=str(predicate), hints=found, **{name: sorted(each) for name, each in named.items()})


@router.post("/segments/preview", responses=responses(401, 403, 422, 503))
async def preview_definition(body: Question, _: PersonReader, config: Config, database: Db) -> Previewed:
    """Some customers of whom a definition is true now; nothing is saved."""
    predicate = await asked(config, database, body.predicate)
    now = config.clock.now()
    async with answering():
        found, told = await preview(database, predicate, now, body.limit), await hinted(database, predicate, now)
    return Previewed(customers=[member(each) for each in found], hints=told)


@router.get("/concerns", responses=responses(401, 403, 422, 503))
async def list_concerns(
    _: Reader,
    config: Config,
    database: Db,
    silence_hours: Silence = 24,
    overlap: Annotated[float, Query(ge=0, le=1, description="share from which two segments count as overlapping")] = 0.8,
    most: Annotated[int, Query(ge=1, le=100_000, description="how many active segments are too many")] = 50,
    source_silence: _Allowed = None,
) -> list[ConcernView]:
    """What to worry about: too small, too many, overlapping, stale, past the review date; and what stands still."""
    try:
        limits = WorryFrom(timedelta(hours=silence_hours), overlap, most, allowances(source_silence or ()))
    except BadAllowance as error:
        raise Problem(422, f"source_silence {error}", code="invalid-request") from None
    around = await all_segments(database, config.segments)
    counted = await sizes(database, list(around.known))
    found = await concerns(database, around.segments, counted, config.clock.now(), limits)
    return [
        concern(each) for each in (*around.concerns(entries(config)), *found, *await too_small_for(config, database, around))
    ]


@router.get("/coverage", responses=responses(401, 403, 404, 409, 422, 503))
async def trait_coverage(
    caller: Reader,
    config: Config,
    database: Db,
    segment: Annotated[str | None, Query(max_length=100, description="only its members")] = None,
    outdated_days: Annotated[int, Query(ge=1, le=36_500, description="from which age a value counts as outdated")] = 365,
    enough: Annotated[float, Query(ge=0, le=1, description="share of customers who must have what a segment asks for")] = 0.5,
) -> CoverageReport:
    """Per trait: who has it, from which sources, how surely and how fresh. Per segment: whether that is enough."""
    around = await all_segments(database, config.segments)
    asked = around.segments if segment is None else [known_one(around, segment).segment]
    before = config.clock.now() - timedelta(days=outdated_days)
    found = await report(database, asked, before, enough=enough, only=segment)
    if segment is not None and found.customers < _FEW:  # it would tell which traits somebody has
        insist_on(caller, Right.PERSONAL)
    return coverage_report(found)
