"""Starting a run for a product team: the customer, the re-entry rule, the Idempotency-Key, one row."""

from datetime import datetime
from typing import Any
from uuid import UUID

from opentelemetry.propagate import inject
from uuid_utils.compat import uuid7

from api.config import ApiConfig
from api.problems import Problem
from api.runs.models import StartRun
from journeys import JourneyDefinition
from journeys.contracts import PerKey
from journeys.entry import ALREADY_RUNNING, Past, is_held_out, refusal, short_key, workflow_id
from store import Connection
from store.runs import rows as runs
from store.runs.rows import NewRun
from store.runs.switches import state_of
from store.runs.views import customer_id, run_by_idempotency_key


async def open_run(
    connection: Connection,
    config: ApiConfig,
    definition: JourneyDefinition,
    body: StartRun,
    params: dict[str, Any],
    idempotency_key: str | None,
) -> NewRun | UUID:
    """Open a run, or find the one that an earlier call with the same Idempotency-Key opened."""
    spec, now = definition.spec, config.clock.now()
    customer = await customer_id(connection, *body.customer.name)
    if customer is None:
        raise Problem(404, "no such customer; send identify first", code="unknown-customer")
    if earlier := await _earlier(connection, spec.name, customer, params, idempotency_key):
        return earlier
    await _refuse_unless_live(connection, spec.name)
    key = short_key(body.key or "") if isinstance(spec.reentry, PerKey) else ""
    keyed = isinstance(spec.reentry, PerKey)
    standing = (await runs.standings(connection, [(spec.name, customer, key, keyed)]))[0]
    past = Past(standing.open_id is not None, standing.runs, standing.last_ended_at)
    reason = refusal(spec, key, past, now, now)
    if reason is None:
        held_out = is_held_out(spec, standing.drawn_as)
        run = _new_run(definition, customer, key, body, params, idempotency_key, now, holdout=held_out)
        if await runs.insert_runs(connection, [run]):
            return run
    # Somebody was faster: the same call sent twice at once, or another entry.
    if earlier := await _earlier(connection, spec.name, customer, params, idempotency_key):
        return earlier
    refused = f"{spec.name} does not let this customer in: {reason or ALREADY_RUNNING}"
    raise Problem(409, refused, code="entry-refused")


async def _refuse_unless_live(connection: Connection, journey: str) -> None:
    state = await state_of(connection, journey)
    if state != "live":
        advice = f"an operator has to set it live first (PUT /v1/journeys/{journey}/state)"
        raise Problem(409, f"{journey} is {state}, so nobody is let in; {advice}", code=f"journey-{state}")


async def _earlier(
    connection: Connection, journey: str, customer: UUID, params: dict[str, Any], key: str | None
) -> UUID | None:
    run = await run_by_idempotency_key(connection, journey, key) if key else None
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
    *,
    holdout: bool,
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
        holdout=holdout,
        idempotency_key=idempotency_key,
        traceparent=carrier.get("traceparent"),
    )
