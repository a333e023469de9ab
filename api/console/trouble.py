"""Trouble: what is in doubt, not taken, not written to, not used, late or not listened to; and two ways out of it."""

from typing import Annotated

from fastapi import Request
from starlette.responses import Response

from api.audiences.routes import AudienceView
from api.console.frame import PLACE, form, page, pages, read, seen
from api.console.session import sees
from api.ingest.dead_letters import Choice
from api.ingest.replay import replay
from api.sources.routes import SourceView
from api.state import Config, Db
from api.subscriptions.models import Name, StateBody, SubscriptionView
from api.subscriptions.routes import switch
from store import audiences, sources, subscriptions
from store.customers import suppressions
from store.deliveries import doubts, providers
from store.ingest.dead_letters import by_reason, dead_letters
from store.keys import Caller, Right

router = pages("trouble")

_SHOWN = 20
#: Of so many dead letters that came last the reasons are counted.
_LATEST = 5_000
_HERE = f"{PLACE}/trouble"


@router.get("")
async def overview(request: Request, caller: Annotated[Caller, sees(Right.READ)], config: Config, database: Db) -> Response:
    """All of it, a table each."""
    now = config.clock.now()
    stand = [SourceView.of(each, now) for each in await sources.found(database)]
    told = [AudienceView.of(each, now) for each in await audiences.found(database)]
    receivers = [SubscriptionView.of(each) for each in await subscriptions.found(database)]
    return page(
        request,
        "trouble",
        in_doubt=await doubts.page(database, doubts.Which(), limit=_SHOWN),
        doubts=(await doubts.count(database, doubts.Which())).messages,
        reasons=await by_reason(database.pool, _LATEST),
        letters=await dead_letters(database.pool, limit=_SHOWN) if caller.may(Right.PERSONAL) else None,
        latest=_LATEST,
        stopped=await providers.stopped(database),
        sources=[each for each in stand if each.state in ("late", "failing")],
        audiences=[each for each in told if each.state in ("late", "failing", "held")],
        receivers=[each for each in receivers if each.state in ("failing", "stopped")],
        suppressed=await suppressions.newest(database, limit=_SHOWN),
        now=now,
    )


@router.post("/dead-letters/replay")
async def read_again(
    request: Request, _: Annotated[Caller, sees(Right.OPERATE, "replay dead-letters")], config: Config, database: Db
) -> Response:
    """Read dead letters of a key, and of a reason, again."""
    said = await form(request)
    choice = read(Choice, {name: said.get(name) or None for name in ("source", "reason")})
    await replay(database, choice.which, config.clock.now(), config.default_region, config.readings)
    return seen(_HERE, "Read again: what can be taken now is stored; what cannot stands here with the reason of today.")


@router.post("/receivers/{name}/resume")
async def resume(
    name: Name, _: Annotated[Caller, sees(Right.OPERATE, "switch subscription")], config: Config, database: Db
) -> Response:
    """Tell a receiver again."""
    await switch(config, database, name, StateBody(state="active"))
    return seen(_HERE, "It is told again, also what waited: nothing was lost.")
