"""Starting a run for a product team: the customer, the journey's rules, the Idempotency-Key, one row; or the reason why not."""

from typing import Any
from uuid import UUID

from opentelemetry.propagate import inject

from api.config import ApiConfig
from api.problems import KEY_REUSED, Fault, Problem
from api.runs.models import StartRun
from journeys import InvalidParams, JourneyDefinition
from journeys.entering import check_entry
from journeys.entry import ALREADY_RUNNING, Entry, NewRun, Refused, let_in, short_key
from store import Connection
from store.audit import note
from store.runs import entries
from store.runs.entries import Refusal
from store.runs.switches import state_of
from store.runs.views import customer_id, earlier_start


async def open_run(
    connection: Connection,
    config: ApiConfig,
    definition: JourneyDefinition,
    body: StartRun,
    params: dict[str, Any],
    idempotency_key: str | None,
) -> UUID | NewRun | Refused:
    """Open a run, find the one that an earlier call with the same Idempotency-Key opened, or write down why there is none."""
    spec, now = definition.spec, config.clock.now()
    customer = await customer_id(connection, *body.customer.name)
    if customer is None:
        raise Problem(404, "no such customer; send identify first", code="unknown-customer")
    entry = Entry(
        spec=spec,
        by="api",
        at=now,
        key=short_key(body.key or "") if spec.keyed else "",
        control=await state_of(connection, spec.name),
        params=params,
        properties=body.entry,
        idempotency_key=idempotency_key,
        traceparent=_traceparent(),
        version=config.version,
    )
    if earlier := await _earlier(connection, entry, customer):
        return earlier
    (standing,) = await entries.standings(connection, [(spec.name, customer, entry.key, spec.keyed)])
    decided = let_in(entry, standing, now)
    if isinstance(decided, NewRun) and await entries.open_runs(connection, [decided]):
        fields = {*body.params, *body.entry}
        await note(connection, "start", "run", decided.id, became={"journey": spec.name}, customer=customer, fields=fields)
        return decided
    # Somebody was faster: the same call sent twice at once, or another entry.
    if earlier := await _earlier(connection, entry, customer):
        return earlier
    refused = decided if isinstance(decided, Refused) else Refused(ALREADY_RUNNING)
    told = Refusal(spec.name, customer, entry.key, entry.by, refused.reason, now, detail=refused.told)
    await entries.insert_refusals(connection, [told])
    return refused


def accepted(definition: JourneyDefinition, body: StartRun) -> dict[str, Any]:
    """The parameters of a start, as the journey declares them.

    Raises:
        Problem: 422, they are not valid, or the entering event is not.
    """
    try:
        check_entry(definition.spec.entry_model, body.entry)
        return definition.accept(body.params)
    except InvalidParams as error:
        faults = [Fault(pointer=where, detail=what) for where, what in error.problems]
        raise Problem(422, f"the parameters are not valid: {error}", code="invalid-params", errors=faults) from error


def refused(journey: str, why: Refused) -> Problem:
    """What a caller hears whose customer is not let in."""
    if why.reason.startswith("journey "):
        state = why.reason.removeprefix("journey ")
        advice = f"an operator has to set it live first (PUT /v1/journeys/{journey}/state)"
        return Problem(409, f"{journey} is {state}, so nobody is let in; {advice}", code=f"journey-{state}")
    return Problem(409, f"{journey} does not let this customer in: {why.reason}", code="entry-refused")


async def _earlier(connection: Connection, entry: Entry, customer: UUID) -> UUID | None:
    """The run that an earlier call with the same key started.

    Raises:
        Problem: that call asked for something else: 422, as draft-ietf-httpapi-idempotency-key-header §2.7 says.
    """
    if not entry.idempotency_key:
        return None
    asked = entry.key, entry.params, entry.properties
    earlier = await earlier_start(connection, entry.spec.name, entry.idempotency_key, customer, *asked)
    if earlier is None:
        return None
    run, same = earlier
    if not same:
        raise Problem(422, KEY_REUSED, code="key-reused")
    return run


def _traceparent() -> str | None:
    carrier: dict[str, str] = {}
    inject(carrier)
    return carrier.get("traceparent")
