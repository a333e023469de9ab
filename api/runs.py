"""Runs for product teams: start one for a customer, read it with its timeline, list, end; and a journey's switch.

Promise: everything here is a row in Postgres, and the watch carries it to Temporal within a tick. A start that was answered
with 201 is never lost, even if Temporal is down at that moment.
"""

import base64
import binascii
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

import orjson
from fastapi import APIRouter, Header, Path, Query, Response
from opentelemetry.propagate import inject
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from uuid_utils.compat import uuid7

from api.auth import Operator, schemes
from api.config import ApiConfig
from api.problems import Fault, Problem, responses
from api.state import Config, Db
from journeys import InvalidParams, JourneyDefinition
from journeys.contracts import PerKey
from journeys.entry import ALREADY_RUNNING, Past, is_held_out, refusal, short_key, workflow_id
from store import Connection, Database, runs
from store.runs import Message, NewRun, Run

router = APIRouter(prefix="/v1", tags=["journeys"], dependencies=schemes())

_Text = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
_Name = Annotated[str, Path(description="the journey's name", examples=["cart_abandonment"], max_length=64)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Customer(_Model):
    """Who: exactly one of the three."""

    id: UUID | None = Field(default=None, description="our customer id")
    user_id: _Text | None = Field(default=None, description="the `userId` of identify", examples=["u-1001"])
    anonymous_id: _Text | None = Field(default=None, description="the `anonymousId` of a visitor")

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(self.model_fields_set & {"id", "user_id", "anonymous_id"}) != 1:
            raise ValueError("give exactly one of id, user_id and anonymous_id")
        return self

    @property
    def name(self) -> tuple[str, str]:
        """The kind of name, and the name."""
        kind = next(iter(self.model_fields_set))
        return kind, str(getattr(self, kind))


class StartRun(_Model):
    """A customer who shall enter a journey."""

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, given: Any) -> Any:
        """Refuse what Postgres cannot keep: U+0000, lone surrogates, integers beyond 64 bits."""
        try:
            text = orjson.dumps(given)
        except (TypeError, ValueError) as error:
            raise ValueError(f"cannot be stored: {error}") from None
        if b"\\u0000" in text:
            raise ValueError("cannot be stored: a text contains U+0000")
        return given

    customer: Customer
    params: dict[str, Any] = Field(default_factory=dict, description="as the journey declares them; see `GET /v1/journeys`")
    key: _Text | None = Field(default=None, description="for journeys that enter per key: which cart, order, …")
    entry: dict[str, Any] = Field(
        default_factory=dict,
        description="what templates may name as `entry.…`",
        examples=[{"name": "Snow boots", "price": 89.9}],
    )


class EndRun(_Model):
    """Why a run is ended by hand."""

    reason: Literal["ended by an operator"] = "ended by an operator"


class Switch(_Model):
    """The operator's switch of a journey."""

    state: Literal["live", "paused", "killed"] = Field(
        description="paused: messages wait; killed: every run ends at its next message"
    )


class RunMessage(BaseModel):
    """One message of a run."""

    step: str
    occurrence: int
    channel: str
    template: str
    state: str = Field(
        description="claimed, sent, skipped, deferred, withheld, failed, unconfirmed or released (to be retried)"
    )
    reason: str | None
    detail: dict[str, Any] = Field(
        description="what decided: the segment it is only for, the product it shows, the zone, the provider's error, …",
        examples=[{"segment": "cold-weather"}],
    )
    due_at: datetime
    retry_at: datetime | None
    settled_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None
    attempts: int
    raced: bool = Field(description="the goal had been reached when it went out; the event came later")


class RunView(BaseModel):
    """One customer in one journey."""

    id: UUID
    journey: str
    customer_id: UUID
    key: str
    status: Literal["starting", "running", "ending", "ended"]
    entered_by: str
    segment: str | None
    holdout: bool
    entered_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    outcome: str | None = Field(description="finished, goal reached, left the segment, ended by an operator, …")
    workflow_id: str
    temporal_url: str | None = Field(description="the run in the Temporal UI")


class RunWithTimeline(RunView):
    """A run and its messages so far."""

    timeline: list[RunMessage]


class RunPage(BaseModel):
    """Some runs, newest first."""

    runs: list[RunView]
    next: str | None = Field(description="pass as `after` for the following page")


class JourneyView(BaseModel):
    """A journey of the catalogue."""

    name: str
    about: str
    entry_segment: str | None
    goal: str | None
    reentry: str
    state: Literal["live", "paused", "killed"]
    params: dict[str, Any] = Field(description="JSON Schema of the parameters")


@router.get("/journeys", responses=responses(401, 403, 503))
async def list_journeys(_: Operator, config: Config, database: Db) -> list[JourneyView]:
    """The journeys of the catalogue, with what they take."""
    switches = await runs.controls(database)
    return [_journey(d, switches.get(name, "live")) for name, d in sorted(config.catalogue.items())]


@router.post(
    "/journeys/{journey}/runs",
    status_code=201,
    responses={
        200: {"model": RunView, "description": "started before under this Idempotency-Key"},
        **responses(400, 401, 403, 404, 409, 422, 503),
    },
)
async def start_run(
    journey: _Name,
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
    definition = _definition(config, journey)
    params = _accepted(definition, body.params)
    async with database.transaction() as connection:
        started = await _open(connection, config, definition, body, params, idempotency_key)
    run = await _existing(database, started if isinstance(started, UUID) else started.id)
    response.status_code = 200 if isinstance(started, UUID) else 201
    response.headers["Location"] = f"/v1/runs/{run.id}"
    return _view(config, run)


@router.get("/runs/{run_id}", responses=responses(401, 403, 404, 422, 503))
async def get_run(run_id: UUID, _: Operator, config: Config, database: Db) -> RunWithTimeline:
    """A run with its messages so far."""
    run = await _existing(database, run_id)
    timeline = [_message(m) for m in await runs.messages_of(database, run_id)]
    return RunWithTimeline(**_view(config, run).model_dump(), timeline=timeline)


@router.get("/runs", responses=responses(400, 401, 403, 404, 422, 503))
async def list_runs(
    _: Operator,
    config: Config,
    database: Db,
    journey: Annotated[str | None, Query(max_length=64)] = None,
    user_id: Annotated[_Text | None, Query(description="the `userId` of a customer")] = None,
    customer_id: Annotated[UUID | None, Query()] = None,
    status: Annotated[Literal["open", "ended"] | None, Query()] = None,
    after: Annotated[str | None, Query(max_length=200, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> RunPage:
    """Runs by journey, by customer, or both; newest first."""
    if journey is not None:
        _definition(config, journey)
    profile = await _profile(database, user_id, customer_id)
    is_open = None if status is None else status == "open"
    found = await runs.list_runs(
        database, journey=journey, profile_id=profile, is_open=is_open, before=_cursor(after), limit=limit
    )
    more = _next(found[-1]) if len(found) == limit else None
    return RunPage(runs=[_view(config, run) for run in found], next=more)


@router.post("/runs/{run_id}/end", status_code=202, responses=responses(401, 403, 404, 409, 422, 503))
async def end_run(run_id: UUID, _: Operator, config: Config, database: Db, body: EndRun | None = None) -> RunView:
    """End a run: no further message is sent, and its workflow completes with the reason."""
    run = await _existing(database, run_id)
    if run.ended_at is not None:
        raise Problem(409, f"the run is over already: {run.outcome}", code="run-over")
    reason = (body or EndRun()).reason
    async with database.transaction() as connection:
        await runs.request_exits(connection, [(run_id, reason, config.clock.now())])
    return _view(config, await _existing(database, run_id))


@router.put("/journeys/{journey}/state", responses=responses(401, 403, 404, 422, 503))
async def switch_journey(journey: _Name, body: Switch, caller: Operator, config: Config, database: Db) -> JourneyView:
    """Pause a journey, kill it, or let it live. It acts at the next message of every run."""
    definition = _definition(config, journey)
    await runs.set_control(database, journey, body.state, config.clock.now(), caller.name)
    return _journey(definition, body.state)


async def _open(
    connection: Connection,
    config: ApiConfig,
    definition: JourneyDefinition,
    body: StartRun,
    params: dict[str, Any],
    idempotency_key: str | None,
) -> NewRun | UUID:
    """Open a run, or find the one that an earlier call with the same Idempotency-Key opened."""
    spec, now = definition.spec, config.clock.now()
    customer = await runs.customer_id(connection, *body.customer.name)
    if customer is None:
        raise Problem(404, "no such customer; send identify first", code="unknown-customer")
    if earlier := await _earlier(connection, spec.name, customer, params, idempotency_key):
        return earlier
    key = short_key(body.key or "") if isinstance(spec.reentry, PerKey) else ""
    keyed = isinstance(spec.reentry, PerKey)
    standing = (await runs.standings(connection, [(spec.name, customer, key, keyed)]))[0]
    past = Past(standing.open_id is not None, standing.runs, standing.last_ended_at)
    reason = refusal(spec, key, past, now, now)
    if reason is None:
        run = _new_run(definition, customer, key, body, params, idempotency_key, now)
        if await runs.insert_runs(connection, [run]):
            return run
    # Somebody was faster: the same call sent twice at once, or another entry.
    if earlier := await _earlier(connection, spec.name, customer, params, idempotency_key):
        return earlier
    refused = f"{spec.name} does not let this customer in: {reason or ALREADY_RUNNING}"
    raise Problem(409, refused, code="entry-refused")


async def _earlier(
    connection: Connection, journey: str, customer: UUID, params: dict[str, Any], key: str | None
) -> UUID | None:
    run = await runs.run_by_idempotency_key(connection, journey, key) if key else None
    if run is None:
        return None
    if (run.profile_id, run.params) != (customer, params):
        raise Problem(422, "this Idempotency-Key was used for another request; choose a new one", code="key-reused")
    return run.id


def _new_run(
    definition: JourneyDefinition,
    customer: UUID,
    key: str,
    body: StartRun,
    params: dict[str, Any],
    idempotency_key: str | None,
    now: datetime,
) -> NewRun:
    run_id = UUID(str(uuid7()))
    carrier: dict[str, str] = {}
    inject(carrier)
    return NewRun(
        id=run_id,
        journey=definition.name,
        profile_id=customer,
        entry_key=key,
        entered_by="api",
        entered_at=now,
        workflow_id=workflow_id(definition.name, customer, run_id),
        created_at=now,
        params=params,
        entry=body.entry,
        holdout=is_held_out(definition.spec, customer),
        idempotency_key=idempotency_key,
        traceparent=carrier.get("traceparent"),
    )


def _definition(config: ApiConfig, name: str) -> JourneyDefinition:
    definition: JourneyDefinition | None = config.catalogue.get(name)
    if definition is None:
        known = ", ".join(sorted(config.catalogue)) or "none"
        raise Problem(404, f"no journey '{name}'; the catalogue has: {known}", code="unknown-journey")
    return definition


def _accepted(definition: JourneyDefinition, params: dict[str, Any]) -> dict[str, Any]:
    try:
        return definition.accept(params)
    except InvalidParams as error:
        faults = [Fault(pointer=where, detail=what) for where, what in error.problems]
        raise Problem(422, f"the parameters are not valid: {error}", code="invalid-params", errors=faults) from error


async def _existing(database: Database, run_id: UUID) -> Run:
    run = await runs.run_by_id(database, run_id)
    if run is None:
        raise Problem(404, f"no run {run_id}", code="unknown-run")
    return run


async def _profile(database: Database, user_id: str | None, customer_id: UUID | None) -> UUID | None:
    if user_id is None and customer_id is None:
        return None
    kind, value = ("user_id", user_id) if user_id is not None else ("id", str(customer_id))
    async with database.pool.acquire() as connection:
        found = await runs.customer_id(connection, kind, str(value))
    if found is None:
        raise Problem(404, "no such customer", code="unknown-customer")
    return found


def _journey(definition: JourneyDefinition, state: str) -> JourneyView:
    spec = definition.spec
    return JourneyView.model_validate(
        {
            "name": spec.name,
            "about": spec.about,
            "entry_segment": spec.entry.name if spec.entry else None,
            "goal": str(spec.goal) if spec.goal is not None else None,
            "reentry": str(spec.reentry),
            "state": state,
            "params": definition.params.model_json_schema() if definition.params else {},
        }
    )


def _view(config: ApiConfig, run: Run) -> RunView:
    return RunView(
        id=run.id,
        journey=run.journey,
        customer_id=run.profile_id,
        key=run.entry_key,
        status=_status(run),
        entered_by=run.entered_by,
        segment=run.segment,
        holdout=run.holdout,
        entered_at=run.entered_at,
        started_at=run.started_at,
        ended_at=run.ended_at,
        outcome=run.outcome or run.exit_reason,
        workflow_id=run.workflow_id,
        temporal_url=_temporal_url(config, run.workflow_id),
    )


def _status(run: Run) -> Literal["starting", "running", "ending", "ended"]:
    if run.ended_at is not None:
        return "ended"
    if run.exit_reason is not None:
        return "ending"
    return "starting" if run.started_at is None else "running"


def _temporal_url(config: ApiConfig, workflow: str) -> str | None:
    if not config.temporal_ui_url:
        return None
    return f"{config.temporal_ui_url}/namespaces/{config.temporal_namespace}/workflows/{workflow.replace('/', '%2F')}"


def _message(message: Message) -> RunMessage:
    return RunMessage.model_validate(message, from_attributes=True)


def _next(run: Run) -> str:
    return base64.urlsafe_b64encode(f"{run.entered_at.isoformat()} {run.id}".encode()).decode()


class _Cursor(BaseModel):
    at: AwareDatetime
    id: UUID


def _cursor(after: str | None) -> tuple[datetime, UUID] | None:
    if after is None:
        return None
    try:
        at, _, run_id = base64.urlsafe_b64decode(after.encode()).decode().partition(" ")
        cursor = _Cursor.model_validate({"at": at, "id": run_id})
    except (ValueError, binascii.Error) as error:
        raise Problem(400, "`after` is not the `next` of an earlier page", code="bad-cursor") from error
    return cursor.at, cursor.id
