"""How well messages arrive, by channel and provider: the report of the last 28 days as a page."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from api.auth import Of
from api.console.frame import page, pages
from api.console.session import sees
from api.reports import printed
from api.reports.known import report
from api.state import Config, Db
from store.errors import NoReport
from store.keys import Caller, Right
from store.reports.report import Asked

router = pages("deliverability")


@router.get("")
async def overview(
    request: Request,
    caller: Annotated[Caller, sees(Right.READ, of=Of.NAMED)],
    config: Config,
    database: Db,
    journey: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """Of all journeys, or of one."""
    now = config.clock.now()
    made, nothing = None, ""
    try:
        made = await report(database, "deliverability", Asked.of(now, journey=journey or None))
    except NoReport as error:  # nothing was ever counted of it
        nothing = str(error)
    return page(
        request,
        "deliverability",
        report=made,
        rows=made.table().dicts() if made else [],
        days=printed.days(made) if made else "",
        nothing=nothing,
        journeys=[name for name in sorted(config.catalogue) if caller.has(name)],
        journey=journey,
        now=now,
    )
