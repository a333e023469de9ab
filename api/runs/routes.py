"""Runs for product teams: start one for a customer, read it with its timeline, list, end.

Promise: everything here is a row in Postgres, and the watch carries it to Temporal within a tick. A start that was answered
with 201 is never lost, even if Temporal is down at that moment.
"""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response

from api.auth import Operator, schemes
from api.problems import Fault, Problem, responses
from api.runs.journeys import definition_of, known
from api.runs.models import (
    CustomerName,
    EndRun,
    JourneyName,
    RunPage,
    RunView,
    RunWithTimeline,
    StartRun,
    cursor,
    cursor_after,
    message,
    view,
)
from api.runs.starts import open_run, refused
from api.runs.story import Story, nothing_at_hand, story_of
from api.state import Config, Db
from journeys import InvalidParams, JourneyDefinition
from journeys.entry import Refused
from store import Database
from store.runs import views as rows
from store.runs.rows import request_exits
from store.runs.views import Run

router = APIRouter(prefix="/v1", tags=["journeys"], dependencies=schemes())


@router.post(
    "/journeys/{journey}/runs",
    status_code=201,
    responses={
        200: {"model": RunView, "description": "started before under this Idempotency-Key"},
        **responses(400, 401, 403, 404, 409, 422, 503),
    },
)
async def start_run(
    journey: JourneyName,
    body: StartRun,
    response: Response,
    _: Operator,
    config: Config,
    database: Db,
    idempotency_key: Annotated[
        str | None,
        Header(max_length=200, description="a repeated call with the same key starts nothing and returns the same run"),
    ] = None,
) -> RunView:
    """Start a run for a customer. It begins within a tick of the watch; its re-entry rule is kept."""
    definition = definition_of(config, journey)
    params = _accepted(definition, body.params)
    async with database.transaction() as connection:
        started = await open_run(connection, config, definition, body, params, idempotency_key)
    if isinstance(started, Refused):  # after the commit, which has written it down
        raise refused(journey, started)
    run = await _existing(database, started if isinstance(started, UUID) else started.id)
    response.status_code = 200 if isinstance(started, UUID) else 201
    response.headers["Location"] = f"/v1/runs/{run.id}"
    return view(config, run)


@router.get("/runs/{run_id}", responses=responses(401, 403, 404, 422, 503))
async def get_run(run_id: UUID, _: Operator, config: Config, database: Db) -> RunWithTimeline:
    """A run with its messages so far."""
    run = await _existing(database, run_id)
    timeline = [message(m) for m in await rows.messages_of(database, run_id)]
    return RunWithTimeline(**view(config, run).model_dump(), timeline=timeline)


@router.get("/runs/{run_id}/story", responses=responses(401, 403, 404, 422, 503))
async def tell_run(
    run_id: UUID,
    _: Operator,
    config: Config,
    database: Db,
    show: Annotated[bool, Query(description="with the parameters and the entering event, which may be personal data")] = False,
) -> Story:
    """A run's story: why it began, each answer of the gate with its inputs, waits, tasks, arms, its end; what comes next."""
    run = await _existing(database, run_id)
    return await story_of(database, run, config.codes or nothing_at_hand, config.clock.now(), show=show)


@router.get("/runs", responses=responses(400, 401, 403, 404, 422, 503))
async def list_runs(
    _: Operator,
    config: Config,
    database: Db,
    journey: Annotated[str | None, Query(max_length=64)] = None,
    user_id: Annotated[CustomerName | None, Query(description="the `userId` of a customer")] = None,
    customer_id: Annotated[UUID | None, Query()] = None,
    status: Annotated[
        Literal["open", "waiting", "failing", "ended"] | None,
        Query(description="waiting (to be let in) and failing ones are open, too"),
    ] = None,
    after: Annotated[str | None, Query(max_length=200, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> RunPage:
    """Runs by journey, by customer, or both; newest first."""
    if journey is not None:
        await known(config, database, journey)
    profile = await _profile(database, user_id, customer_id)
    found = await rows.list_runs(
        database,
        journey=journey,
        profile_id=profile,
        is_open=None if status is None else status != "ended",
        is_failing=status == "failing",
        is_waiting=status == "waiting",
        before=cursor(after),
        limit=limit,
    )
    more = cursor_after(found[-1].entered_at, found[-1].id) if len(found) == limit else None
    return RunPage(runs=[view(config, run) for run in found], next=more)


@router.post("/runs/{run_id}/end", status_code=202, responses=responses(401, 403, 404, 409, 422, 503))
async def end_run(run_id: UUID, _: Operator, config: Config, database: Db, body: EndRun | None = None) -> RunView:
    """End a run: no further message is sent, and its workflow completes with the reason."""
    run = await _existing(database, run_id)
    if run.ended_at is not None:
        raise Problem(409, f"the run is over already: {run.outcome}", code="run-over")
    reason = (body or EndRun()).reason
    async with database.transaction() as connection:
        await request_exits(connection, [(run_id, reason, config.clock.now())])
    return view(config, await _existing(database, run_id))


def _accepted(definition: JourneyDefinition, params: dict[str, Any]) -> dict[str, Any]:
    try:
        return definition.accept(params)
    except InvalidParams as error:
        faults = [Fault(pointer=where, detail=what) for where, what in error.problems]
        raise Problem(422, f"the parameters are not valid: {error}", code="invalid-params", errors=faults) from error


async def _existing(database: Database, run_id: UUID) -> Run:
    run = await rows.run_by_id(database, run_id)
    if run is None:
        raise Problem(404, f"no run {run_id}", code="unknown-run")
    return run


async def _profile(database: Database, user_id: str | None, customer_id: UUID | None) -> UUID | None:
    if user_id is None and customer_id is None:
        return None
    kind, value = ("user_id", user_id) if user_id is not None else ("id", str(customer_id))
    async with database.pool.acquire() as connection:
        found = await rows.customer_id(connection, kind, str(value))
    if found is None:
        raise Problem(404, "no such customer", code="unknown-customer")
    return found
