"""Starts of many and campaigns: the newest with how far each is, and one with what came of it; paused, cancelled, approved."""

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request
from starlette.responses import Response

from api.auth import Of
from api.campaigns.models import Wanted
from api.campaigns.routes import approve, newest, one, reported, switch
from api.console.frame import PLACE, form, page, pages, read, seen
from api.console.session import sees
from api.state import Config, Db
from store.keys import Caller, Right

router = pages("campaigns")

_SHOWN, _ROWS = 20, 100
#: What is said once a campaign was switched; and of a recurring one whose turns were, too.
DONE: Mapping[str, str] = {
    "paused": "Paused: nobody else has a turn until it goes on.",
    "running": "It goes on.",
    "cancelled": "Cancelled: nobody else is started or written to.",
}
DONE_WITH_TURNS: Mapping[str, str] = {
    "paused": "Paused, with its turns that are not over: nobody else is started or written to until it goes on.",
    "running": "It goes on, with the turns that were paused with it.",
    "cancelled": "Cancelled, with its turns that were not over: nobody else is started or written to.",
}


@router.get("")
async def overview(
    request: Request,
    _: Annotated[Caller, sees(Right.READ, of=Of.NAMED)],
    config: Config,
    database: Db,
    journey: Annotated[str | None, Query(max_length=64)] = None,
    after: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """The newest, or those of a journey."""
    found = await newest(config, database, journey, after, _SHOWN)
    return page(request, "campaigns", found=found, journey=journey, first=after is None, now=config.clock.now())


@router.get("/{campaign}")
async def show(
    campaign: UUID, request: Request, _: Annotated[Caller, sees(Right.READ)], config: Config, database: Db
) -> Response:
    """One of them; of a recurring one with its newest turns."""
    found = await one(config, database, campaign)
    turns = await newest(config, database, None, None, _SHOWN, campaign) if found.repeat else None
    return page(
        request,
        "campaign",
        campaign=found,
        turns=turns,
        twice=await reported(database, campaign, "twice", 0, _ROWS),
        bad=await reported(database, campaign, "bad", 0, _ROWS),
        left_out=await reported(database, campaign, "left-out", 0, _ROWS),
        now=config.clock.now(),
    )


@router.post("/{campaign}/state")
async def switch_one(
    campaign: UUID,
    request: Request,
    _: Annotated[Caller, sees(Right.OPERATE, "switch campaign")],
    config: Config,
    database: Db,
) -> Response:
    """Pause it, let it go on, or cancel it."""
    wanted = read(Wanted, {"state": (await form(request)).get("to")})
    switched = await switch(config, database, campaign, wanted)
    done = DONE_WITH_TURNS if switched.turns_switched else DONE
    return seen(f"{PLACE}/campaigns/{campaign}", done[wanted.state])


@router.post("/{campaign}/approve")
async def approve_one(
    campaign: UUID, caller: Annotated[Caller, sees(Right.OPERATE, "approve campaign")], config: Config, database: Db
) -> Response:
    """Let it begin, where somebody else has made it."""
    await approve(config, database, campaign, caller)
    return seen(f"{PLACE}/campaigns/{campaign}", "Approved: it begins when it is due.")
