"""Runs for product teams: start one for a customer, read it with its timeline, list, end.

Promise: everything here is a row in Postgres, and the watch carries it to Temporal within a tick. A start that was answered
with 201 is never lost, even if Temporal is down at that moment.
"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from pydantic import AwareDatetime

from api.auth import JourneyReader, Of, insist_on, insist_on_journey, may, of_caller, schemes
from api.config import ApiConfig
from api.cursors import cursor, cursor_after
from api.problems import Problem, responses
from api.runs.journeys import definition_of, known
from api.runs.models import (
    Customer,
    CustomerName,
    EndedRuns,
    EndRun,
    EndRuns,
    JourneyName,
    RunPage,
    RunView,
    RunWithTimeline,
    StartRun,
    called,
    message,
    views,
)
from api.runs.starts import accepted, open_run, refused
from api.runs.story import Story, nothing_at_hand, story_of
from api.state import Config, Db
from journeys.entry import Refused
from store import Database
from store.audit import note
from store.keys import Caller, Right
from store.runs import lists
from store.runs import views as rows
from store.runs.calls import calls_of
from store.runs.lists import Status, Wanted
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
    caller: Annotated[Caller, may(Right.START, "start run", of=Of.NAMED)],
    config: Config,
    database: Db,
    idempotency_key: Annotated[
        str | None,
        Header(max_length=200, description="a repeated call with the same key starts nothing and returns the same run"),
    ] = None,
) -> RunView:
    """Start a run for a customer. It begins within a tick of the watch; its re-entry rule is kept."""
    definition = definition_of(config, journey)
    params = accepted(definition, body)
    async with database.transaction() as connection:
        started = await open_run(connection, config, definition, body, params, of_caller(caller, idempotency_key))
    if isinstance(started, Refused):  # after the commit, which has written it down
        raise refused(journey, started)
    run = await existing(database, started if isinstance(started, UUID) else started.id, caller)
    response.status_code = 200 if isinstance(started, UUID) else 201
    response.headers["Location"] = f"/v1/runs/{run.id}"
    return (await views(config, database, [run]))[0]


@router.get("/runs/{run_id}", responses=responses(401, 403, 404, 422, 503))
async def get_run(
    run_id: UUID, caller: Annotated[Caller, may(Right.READ, of=Of.ITSELF)], config: Config, database: Db
) -> RunWithTimeline:
    """A run with its messages and calls so far."""
    return await with_timeline(config, database, await existing(database, run_id, caller))


async def with_timeline(config: ApiConfig, database: Database, run: Run) -> RunWithTimeline:
    """A run with its messages and calls so far."""
    timeline = [message(m) for m in await rows.messages_of(database, run.id)]
    calls = [called(each) for each in await calls_of(database, run.id)]
    return RunWithTimeline(**(await views(config, database, [run]))[0].model_dump(), timeline=timeline, calls=calls)


@router.get("/runs/{run_id}/story", responses=responses(401, 403, 404, 422, 503))
async def tell_run(
    run_id: UUID,
    caller: Annotated[Caller, may(Right.READ, of=Of.ITSELF)],
    config: Config,
    database: Db,
    show: Annotated[bool, Query(description="with the parameters and the entering event, which may be personal data")] = False,
) -> Story:
    """A run's story: why it began, each answer of the gate with its inputs, waits, tasks, arms, its end; what comes next."""
    run = await existing(database, run_id, caller)
    if show:
        insist_on(caller, Right.PERSONAL)
    return await story(config, database, run, show=show)


async def story(config: ApiConfig, database: Database, run: Run, *, show: bool) -> Story:
    """A run's story; `show`: with what may be personal data."""
    return await story_of(database, run, config.codes or nothing_at_hand, config.clock.now(), show=show)


@router.get("/runs", responses=responses(400, 401, 403, 404, 422, 503))
async def list_runs(
    caller: JourneyReader,
    config: Config,
    database: Db,
    journey: Annotated[str | None, Query(max_length=64)] = None,
    user_id: Annotated[CustomerName | None, Query(description="the `userId` of a customer")] = None,
    customer_id: Annotated[UUID | None, Query()] = None,
    status: Annotated[Status | None, Query(description="some overlap: failing ones are open, too")] = None,
    since: Annotated[AwareDatetime | None, Query(description="who entered from then on")] = None,
    until: Annotated[AwareDatetime | None, Query(description="who entered before")] = None,
    after: Annotated[str | None, Query(max_length=200, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> RunPage:
    """Runs by journey, customer, status and time of entry, newest first; each with what it does next, and when."""
    if journey is not None:
        await known(config, database, journey)
    if user_id is not None:  # whoever knows somebody's name learns what they did
        insist_on(caller, Right.PERSONAL)
    profile = await _profile(database, user_id, customer_id)
    wanted = Wanted(journey, profile, status, since, until)
    found = await lists.list_runs(database, wanted, before=cursor(after, UUID), limit=limit)
    more = cursor_after(found[-1].entered_at, found[-1].id) if len(found) == limit else None
    return RunPage(runs=await views(config, database, found), next=more)


@router.post("/runs/{run_id}/end", status_code=202, responses=responses(401, 403, 404, 409, 422, 503))
async def end_run(
    run_id: UUID,
    caller: Annotated[Caller, may(Right.OPERATE, "end run", of=Of.ITSELF)],
    config: Config,
    database: Db,
    body: EndRun | None = None,
) -> RunView:
    """End a run: no further message is sent, and its workflow completes with the reason."""
    run = await existing(database, run_id, caller)
    await end(config, database, run, body or EndRun())
    return (await views(config, database, [await existing(database, run_id, caller)]))[0]


async def end(config: ApiConfig, database: Database, run: Run, body: EndRun) -> None:
    """Tell a run that it is over.

    Raises:
        Problem: 409, it is over already.
    """
    if run.ended_at is not None:
        raise Problem(409, f"the run is over already: {run.outcome}", code="run-over")
    async with database.transaction() as connection:
        await request_exits(connection, [(run.id, body.reason, config.clock.now())])
        await note(connection, "end", "run", run.id, became={"reason": body.reason}, customer=run.profile_id)


@router.post("/runs/end", status_code=202, responses=responses(401, 403, 404, 409, 422, 503))
async def end_runs(
    body: EndRuns, caller: Annotated[Caller, may(Right.OPERATE, "end runs", of=Of.ITSELF)], config: Config, database: Db
) -> EndedRuns:
    """End all open runs that a filter finds, or count them first: without `at_most` nobody is ended."""
    insist_on_journey(caller, body.journey)
    if body.journey is not None:
        await known(config, database, body.journey)
    wanted = Wanted(body.journey, await _customer(database, body.customer), body.status, body.since, body.until)
    counted = await lists.count_runs(database, wanted)
    if body.at_most is not None and counted.runs > body.at_most:
        more = f"these are {counted.runs} runs, more than the {body.at_most} that you allow; look at them, and say how many"
        raise Problem(409, more, code="more-runs")
    ended = await lists.end_runs(database, wanted, body.reason, config.clock.now()) if body.at_most else 0
    return EndedRuns(runs=counted.runs, people=counted.people, ended=ended)


async def existing(database: Database, run_id: UUID, caller: Caller) -> Run:
    """A run.

    Raises:
        Problem: 404, there is none; 403, the caller's key is held to other journeys.
    """
    run = await rows.run_by_id(database, run_id)
    if run is None:
        raise Problem(404, f"no run {run_id}", code="unknown-run")
    insist_on_journey(caller, run.journey)
    return run


async def _profile(database: Database, user_id: str | None, customer_id: UUID | None) -> UUID | None:
    if user_id is None and customer_id is None:
        return None
    return await _customer(database, Customer(user_id=user_id) if user_id is not None else Customer(id=customer_id))


async def _customer(database: Database, customer: Customer | None) -> UUID | None:
    if customer is None:
        return None
    async with database.pool.acquire() as connection:
        found = await rows.customer_id(connection, *customer.name)
    if found is None:
        raise Problem(404, "no such customer", code="unknown-customer")
    return found
