"""Customers: found by a name, and a page about each: what is known, what was sent and why not, what happened, what comes next.

Promise: without the right to personal data there are ids, journeys and reasons, and nobody is found by a name. Names are sent
in forms, so that they stand in no address and no log.
"""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request
from starlette.responses import RedirectResponse, Response

from activities.channels.kinds import addressed
from api.auth import insist_on
from api.config import ApiConfig
from api.console.frame import HEADERS, PLACE, form, page, pages
from api.console.session import sees
from api.models.routes import scores
from api.profiles.routes import events_page, merges, names, shown
from api.runs.journeys import known, why
from api.runs.messages import messages_page
from api.runs.models import views
from api.runs.why_not import WhyNot
from api.segments.access import no_customer
from api.state import Config, Db
from segments.define.importing import checked_name
from store import Database
from store.keys import Caller, Right
from store.lists import resolve
from store.runs.lists import Wanted, list_runs
from store.runs.views import run_by_id

router = pages("customers")

_LATEST = 50  # runs, messages, events
LONGEST = 500  # characters of a name that somebody looks for
Looking = Annotated[Caller, sees(Right.READ)]
_Place = Annotated[str | None, Query(max_length=1_000)]


@router.get("")
async def search(request: Request, _: Looking) -> Response:
    """Where somebody is looked for."""
    return page(request, "customers", asked="", found=None)


@router.post("")
async def find(request: Request, caller: Looking, config: Config, database: Db) -> Response:
    """Whoever has this name, or the run of this id; several, where it is the name of several."""
    asked = (await form(request)).get("name", "")[:LONGEST]
    people = await called(config, database, caller, asked)
    found = [*(f"customers/{each}" for each in people), *await _runs(database, asked)]
    if len(found) == 1:
        return RedirectResponse(f"{PLACE}/{found[0]}", 303, HEADERS)
    return page(request, "customers", asked=asked, found=found)


@router.get("/{customer_id}")
async def show(
    customer_id: UUID,
    request: Request,
    caller: Looking,
    config: Config,
    database: Db,
    journey: Annotated[str | None, Query(max_length=64)] = None,
    messages: _Place = None,
    events: _Place = None,
) -> Response:
    """One customer."""
    customer = await _living(database, customer_id)
    if customer != customer_id:
        return RedirectResponse(f"{PLACE}/customers/{customer}", 303, HEADERS)
    personal = caller.may(Right.PERSONAL)
    runs = await views(config, database, await list_runs(database, Wanted(profile_id=customer), limit=_LATEST))
    return page(
        request,
        "customer",
        customer=customer,
        personal=personal,
        profile=await shown(config, database, customer) if personal else None,
        names=await names(database, customer) if personal else [],
        merges=await merges(database, customer) if personal else [],
        runs=runs,
        messages=await messages_page(database, customer, after=messages, limit=_LATEST),
        events=await events_page(database, customer, after=events, limit=_LATEST) if personal else None,
        journeys=sorted({*config.catalogue, *(run.journey for run in runs)}),
        startable=[name for name in sorted(config.catalogue) if caller.has(name)],
        journey=journey or "",
        channels=[kind.name for kind in addressed()],
        why=await _why(config, database, journey, customer, show=personal) if journey else None,
        foretold=await scores(config, database, customer) if personal else [],
        now=config.clock.now(),
    )


async def _living(database: Database, customer: UUID) -> UUID:
    """Whoever the customer is now, perhaps merged into another.

    Raises:
        Problem: 404, there is none.
    """
    for found in await _customers(database, [("customer_id", str(customer))]):
        return found
    raise no_customer()


async def _why(config: ApiConfig, database: Database, journey: str, customer: UUID, *, show: bool) -> WhyNot:
    await known(config, database, journey)
    return await why(config, database, journey, customer, show=show)


async def called(config: ApiConfig, database: Database, caller: Caller, asked: str) -> list[UUID]:
    """The customers whom somebody calls so: by our id, a user id, a visitor's, an email or a telephone number.

    Raises:
        Problem: 403, it is no id of ours, and the caller may not look for anybody by a name.
    """
    if id_ := _id(asked):
        return await _customers(database, [("customer_id", str(id_))])
    if asked:
        insist_on(caller, Right.PERSONAL)
    read = (checked_name(kind, asked, config.default_region) for kind in ("user_id", "anonymous_id", "email", "phone"))
    return await _customers(database, [each for each in read if isinstance(each, tuple)])


def _id(asked: str) -> UUID | None:
    try:
        return UUID(asked)
    except ValueError:
        return None


async def _customers(database: Database, given: list[tuple[str, str]]) -> list[UUID]:
    """Who has one of these names; of a merged profile its survivor."""
    async with database.pool.acquire() as connection:
        return sorted({each for each in await resolve(connection, given) if each is not None})


async def _runs(database: Database, asked: str) -> list[str]:
    id_ = _id(asked)
    return [f"runs/{id_}"] if id_ and await run_by_id(database, id_) else []
