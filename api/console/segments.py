"""Segments: all at a glance, and each in words, its size over time, some of its members, and why somebody is in it or not."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request
from starlette.responses import RedirectResponse, Response

from api.auth import insist_on
from api.config import ApiConfig
from api.console.customers import LONGEST, called
from api.console.frame import HEADERS, PLACE, form, page, pages
from api.console.session import sees
from api.segments.access import in_detail
from api.segments.models import Name
from api.segments.routes import seen, sizes_by_day, some_members, why
from api.segments.views import WhyView
from api.state import Config, Db
from segments.ask.concerns import WorryFrom
from store import Database
from store.keys import Caller, Right

router = pages("segments")

_SAMPLE = 20
Looking = Annotated[Caller, sees(Right.READ)]


@router.get("")
async def overview(request: Request, _: Looking, config: Config, database: Db) -> Response:
    """Every segment."""
    return page(request, "segments", segments=await seen(config, database, WorryFrom()), now=config.clock.now())


@router.get("/{name}")
async def show(
    name: Name,
    request: Request,
    caller: Looking,
    config: Config,
    database: Db,
    after: Annotated[UUID | None, Query()] = None,
    customer: Annotated[UUID | None, Query()] = None,
) -> Response:
    """One segment; `customer`: why they are in it or not."""
    if customer:
        insist_on(caller, Right.PERSONAL)
    answer = await why(config, database, name, ("customer_id", str(customer))) if customer else None
    return await _shown(request, name, caller, config, database, after=after, answer=answer)


@router.post("/{name}/why")
async def explain(
    name: Name, request: Request, caller: Annotated[Caller, sees(Right.READ, personal=True)], config: Config, database: Db
) -> Response:
    """Why somebody is in it or not: by a name of theirs, which stands in no address; what is found is shown by our id."""
    asked = (await form(request)).get("name", "")[:LONGEST]
    found = await called(config, database, caller, asked)
    if len(found) == 1:
        return RedirectResponse(f"{PLACE}/segments/{name}?customer={found[0]}#why", 303, HEADERS)
    return await _shown(request, name, caller, config, database, unknown=asked)


async def _shown(
    request: Request,
    name: str,
    caller: Caller,
    config: ApiConfig,
    database: Database,
    *,
    after: UUID | None = None,
    answer: WhyView | None = None,
    unknown: str = "",
) -> Response:
    personal = caller.may(Right.PERSONAL)
    return page(
        request,
        "segment",
        segment=await in_detail(config, database, name, config.clock.now(), caller),
        days=await sizes_by_day(config, database, name),
        sample=await some_members(config, database, name, limit=_SAMPLE, after=after) if personal else None,
        personal=personal,
        why=answer,
        unknown=unknown,
        now=config.clock.now(),
    )
