"""The first page: how the journeys stand, and what needs somebody."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from api.auth import Of
from api.config import ApiConfig
from api.console.frame import PLACE, form, page, pages, seen
from api.console.journeys import DONE, wanted
from api.console.session import sees
from api.models.looking import stands
from api.models.views import ModelView
from api.runs.journeys import OF_EVERYTHING, JourneyView, by_campaigns, everything, throw
from api.runs.journeys import seen as journeys_seen
from api.segments.access import entries
from api.state import Config, Db
from segments.ask.concerns import Concern
from segments.ask.overview import all_segments
from store import Database, campaigns
from store.deliveries import doubts, providers
from store.keys import Caller, Right
from store.runs.switches import EVERYTHING

router = pages()


@router.get("")
async def home(
    request: Request,
    caller: Annotated[Caller, sees(Right.READ, of=Of.ITSELF)],
    config: Config,
    database: Db,
    *,
    whole: Annotated[bool, Query(alias="all")] = False,
) -> Response:
    """The journeys at a glance: of very many those that need somebody or have most people in them, unless all are asked for."""
    journeys = await journeys_seen(config, database, caller, with_plans=False)
    of_campaigns = await by_campaigns(config, database, caller)
    warned = {warning for each in journeys for warning in each.warnings}
    return page(
        request,
        "home",
        journeys=sorted(journeys, key=_place)[: None if whole else _MOST],
        count=len(journeys),
        warnings=_warnings(journeys),
        concerns=[each for each in await _concerns(config, database, caller) if each.sentence not in warned],
        foretold=await _foretold(config, database, caller),
        stopped=await providers.stopped(database) if caller.has(None) else [],
        doubts=await _in_doubt(database, caller),
        to_approve=await campaigns.to_approve(database, _TO_APPROVE) if caller.has(None) else [],
        everything=await everything(database),
        of_campaigns=of_campaigns,
        totals={name: sum(getattr(each, name, 0) or 0 for each in (*journeys, of_campaigns)) for name in _TOTALS},
        now=config.clock.now(),
    )


_MOST = 200  # journeys, unless all are asked for
_TO_APPROVE = 20  # campaigns that wait for somebody else than who made them
#: What the numbers at the top add up, of journeys and of campaigns.
_TOTALS = ("open_runs", "new_today", "converted_today", "sent_today", "failing_runs", "waiting_runs")


@router.post("/state")
async def switch_everything(
    request: Request, caller: Annotated[Caller, sees(Right.OPERATE, "switch journey")], config: Config, database: Db
) -> Response:
    """Throw the switch of everything at once."""
    state = wanted(await form(request))
    await throw(config, database, EVERYTHING, state, caller.name)
    return seen(PLACE, DONE[state])


def _warnings(journeys: Iterable[JourneyView]) -> list[tuple[list[str], str]]:
    """What needs somebody, each once with its journeys; that everything is stopped stands above all."""
    found: dict[str, list[str]] = defaultdict(list)
    for each in journeys:
        for warning in each.warnings:
            if not warning.startswith(OF_EVERYTHING):
                found[warning].append(each.name)
    return [(names, warning) for warning, names in found.items()]


def _place(journey: JourneyView) -> tuple[bool, int, str]:
    """First those that need somebody, then those with most people in them."""
    return not (journey.warnings or journey.failing_runs), -journey.open_runs, journey.name


async def _concerns(config: ApiConfig, database: Database, caller: Caller) -> list[Concern]:
    """What stands still because of a definition, for who may deal with everything."""
    return (await all_segments(database, config.segments)).concerns(entries(config)) if caller.has(None) else []


async def _foretold(config: ApiConfig, database: Database, caller: Caller) -> list[ModelView]:
    """Predictions that nobody comes over a threshold of, or that could not be trained or scored; for who sees everything."""
    if not caller.has(None):
        return []
    return [each for each in await stands(database, config.clock.now()) if each.state in ("held", "failing")]


async def _in_doubt(database: Database, caller: Caller) -> int:
    """Messages that a provider may have, and nobody knows; of the journeys that the caller may deal with."""
    journeys: Sequence[str | None] = sorted(caller.journeys) or [None]
    return sum([(await doubts.count(database, doubts.Which(journey=each))).messages for each in journeys])
