"""Experiments and holdouts: each with what may be concluded of it and what not, its arms, and how its bounds came to be.

Promise: what stands here is the report `experiments`, of now; nothing is worked out that it does not say.
"""

from typing import Annotated, Any

from fastapi import Query, Request
from starlette.responses import Response

from api.auth import Of
from api.console.frame import page, pages
from api.console.session import sees
from api.problems import Problem
from api.reports import printed
from api.reports.known import report
from api.state import Config, Db
from store.errors import NoReport
from store.keys import Caller, Right
from store.reports.report import Asked, Report, Table

router = pages("experiments")

Looking = Annotated[Caller, sees(Right.READ, of=Of.NAMED)]
Journey = Annotated[str, Query(max_length=64)]
_METRICS = ("conversion", "orders", "revenue", "order_value")


@router.get("")
async def overview(request: Request, caller: Looking, config: Config, database: Db, journey: Journey = "") -> Response:
    """Of all journeys, or of one."""
    made, nothing = None, ""
    try:
        made = await report(database, "experiments", Asked.of(config.clock.now(), journey=journey or None))
    except NoReport as error:  # nothing was ever counted of it
        nothing = str(error)
    return page(
        request,
        "experiments",
        rows=told(made.table()) if made else [],
        notes=made.notes if made else [],
        nothing=nothing,
        journeys=[name for name in sorted(config.catalogue) if caller.has(name)],
        journey=journey,
        now=config.clock.now(),
    )


@router.get("/{experiment:path}")
async def show(experiment: str, request: Request, _: Looking, config: Config, database: Db, journey: Journey = "") -> Response:
    """One of them."""
    now = config.clock.now()
    try:
        made = await report(database, "experiments", Asked.of(now, journey=journey or None, experiment=experiment))
    except NoReport as error:
        raise Problem(404, str(error), code="unknown-experiment") from None
    return page(
        request,
        "experiment",
        name=experiment,
        made=made,
        rows=told(made.table()),
        metrics=[(table.title, told(table)) for table in _measured(made)],
        decisions=told(made.table("decisions")),
        days=_by_arm(made),
        now=now,
    )


def told(table: Table) -> list[dict[str, str]]:
    """The rows of a table as people read them, by the names of its columns."""
    return [dict(zip((column.name for column in table.columns), row, strict=True)) for row in printed.texts(table)]


def _measured(made: Report) -> list[Table]:
    return [table for name in _METRICS for table in made.tables if table.name == name]


def _by_arm(made: Report) -> list[tuple[str, str, list[tuple[dict[str, Any], dict[str, str]]]]]:
    """Of each comparison its days, as numbers for a chart and as text."""
    found: dict[tuple[str, str], list[tuple[dict[str, Any], dict[str, str]]]] = {}
    for table in made.tables:
        if table.name == "days":
            for plain, text in zip(table.dicts(), told(table), strict=True):
                found.setdefault((text["arm"], text["against"]), []).append((plain, text))
    return [(*arms, days) for arms, days in found.items()]
