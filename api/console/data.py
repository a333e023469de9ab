"""Data: what is read from other systems and told to them, as it stands also while nothing is wrong with it."""

from typing import Annotated

from fastapi import Request
from starlette.responses import Response

from api.audiences.routes import AudienceView
from api.console.frame import page, pages
from api.console.session import sees
from api.sources.routes import SourceView
from api.state import Config, Db
from api.subscriptions.models import SubscriptionView
from store import audiences, sources, subscriptions
from store.keys import Caller, Right

router = pages("data")


@router.get("")
async def overview(request: Request, caller: Annotated[Caller, sees(Right.READ)], config: Config, database: Db) -> Response:
    """Sources, audiences and receivers, a table each."""
    now = config.clock.now()
    return page(
        request,
        "data",
        sources=[(SourceView.of(each, now), each) for each in await sources.found(database)],
        audiences=[AudienceView.of(each, now) for each in await audiences.found(database)],
        receivers=[SubscriptionView.of(each, caller) for each in await subscriptions.found(database)],
        now=now,
    )
