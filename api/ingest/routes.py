"""Ingest in the shape of the Segment spec: `POST /v1/{identify,track,page,screen,group,alias,batch}` and their first letters.

Every good item is stored once before the answer; a bad one becomes a dead letter with its reason and costs the others nothing.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from api.auth import SECURITY, presented, sender
from api.body import BEACON_LIMIT, Body, as_text, read_body, understood
from api.config import ApiConfig
from api.ingest.arrival import Arrival, Rejected, skew_of
from api.ingest.clients import as_claimed
from api.ingest.docs import CALLS, IngestAnswer
from api.ingest.intake import Intake, Stored
from api.ingest.replay import remembered
from api.ingest.signed import Signatures, unsigned
from api.ingest.spec import BATCH_LIMIT, KINDS, read_item
from api.limits import Limits
from api.metrics import ACCEPTED, DEAD_LETTERS, DUPLICATES, SECONDS
from api.problems import Fault, Problem, responses
from api.state import Store
from api.tracing import span
from store.ingest.dead_letters import DeadLetter, bury
from store.ingest.items import Item
from store.keys import Caller, Role

# The key is looked at by hand too: solving dependencies would cost a batch more than reading it.
router = APIRouter(prefix="/v1", tags=["ingest"])
beacon = APIRouter()

_TOO_BIG = {"too-large", "too-deep"}
_KEY = "idempotency-key"
_AGAIN = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "the same when the request is sent again, so that calls without a `messageId` are stored once",
    "schema": {"type": "string"},
}
_WRITE_KEY = {
    "name": "writeKey",
    "in": "query",
    "required": False,
    "description": "a client's key, of a page that is being left and can send no header",
    "schema": {"type": "string"},
}


@dataclass(frozen=True, slots=True)
class Ingest:
    """Where requests are taken in: one per app."""

    config: ApiConfig
    store: Store
    intake: Intake
    limits: Limits

    def arrival(self, caller: Caller, body: Body, traceparent: str | None, key: str | None = None) -> Arrival:
        """What all items of this request share; `key` is its Idempotency-Key.

        Raises:
            Problem: 400, the body is not an object, or its context is not.
        """
        sent, context = _object(body.value, ""), _object(body.value.get("context") or {}, "/context")
        now = self.config.clock.now()
        skew = skew_of(sent["sentAt"], now) if "sentAt" in sent else timedelta(0)
        told = (caller.name, now, self.config.default_region, traceparent, body.clean, skew, context)
        arrival = Arrival(*told, request_key=f"{caller.name}/{key}" if key else None, readings=self.config.readings)
        if caller.role is Role.INGEST:
            return arrival
        # A visitor or a signed user speaks for themselves; an unsigned user's consent is not taken at all.
        secrets = (self.config.secret, *self.config.former_secrets)
        return replace(arrival, by="customer", client=Signatures(secrets, caller.name))

    async def keep(
        self, items: Sequence[Item], rejects: Sequence[tuple[Any, Rejected]], arrival: Arrival, kind: str | None = None
    ) -> Stored:
        """Store the good and bury the bad; returns after both are committed."""
        if rejects:
            database = await self.store.open()
            await bury(database.pool, [_letter(raw, verdict, arrival, kind) for raw, verdict in rejects])
        stored = await self.intake.take(items) if items else Stored()
        _measure(stored, rejects, arrival.source)
        return Stored(stored.accepted, stored.duplicates, stored.refused + len(rejects))


async def _batch(request: Request) -> Response:
    """Take up to 2,500 calls. Bad ones become dead letters; the answer is 200 as long as the batch itself can be read."""
    ingest: Ingest = request.app.state.ingest
    caller, raw = await _received(request)
    async with ingest.limits.turn(len(raw)):
        with SECONDS.time(), span("ingest batch", request.headers) as traceparent:
            body = understood(raw, request.headers.get("content-encoding", ""))
            raws = _calls(_object(body.value, ""))
            arrival = ingest.arrival(caller, body, traceparent, request.headers.get(_KEY))
            ingest.limits.spend(caller.id, len(raws))
            return _answer(await ingest.keep(*sorted_out(raws, arrival), arrival))


def _single(kind: str) -> Callable[[Request], Awaitable[Response]]:
    async def call(request: Request) -> Response:
        ingest: Ingest = request.app.state.ingest
        caller, raw = await _received(request)
        async with ingest.limits.turn(len(raw)):
            with SECONDS.time(), span(f"ingest {kind}", request.headers) as traceparent:
                body = understood(raw, request.headers.get("content-encoding", ""))
                told = _object(body.value, "")
                # An item's own context is not the batch's: it is read with the item.
                own = Body({**told, "context": None}, body.clean)
                arrival = ingest.arrival(caller, own, traceparent, request.headers.get(_KEY))
                ingest.limits.spend(caller.id, 1)
                return await _keep_one(ingest, told, arrival, kind)

    call.__doc__ = CALLS[kind].about
    return call


async def _received(request: Request) -> tuple[Caller, bytes]:
    """Who sends, and the whole body, before a place is taken. Without a key outside, the key of a small body is looked at."""
    key = request.query_params.get("writeKey")
    if key is not None or presented(request.headers.get("authorization")) is not None:
        return await sender(request, key), await read_body(request)
    raw = await read_body(request, BEACON_LIMIT)
    return await sender(request, _key_within(raw, request.headers.get("content-encoding", ""))), raw


def _key_within(raw: bytes, encoding: str) -> Any:
    try:
        told = understood(raw, encoding).value
    except Problem:
        return None
    return told.get("writeKey") if isinstance(told, dict) else None


async def _keep_one(ingest: Ingest, raw: Any, arrival: Arrival, kind: str) -> Response:
    try:
        item, withheld = as_claimed(read_item(raw, arrival, kind))
    except Rejected as verdict:
        await ingest.keep((), [(raw, verdict)], arrival, kind)
        fault = Fault(pointer=verdict.pointer or "/", detail=verdict.detail)
        status = 413 if verdict.code in _TOO_BIG else 422
        detail = f"the call cannot be taken: {fault.pointer} {fault.detail}"
        raise Problem(status, detail, code=verdict.code, errors=[fault]) from verdict
    return _answer(await ingest.keep([item], [(raw, withheld)] if withheld else (), arrival, kind))


def _object(value: Any, pointer: str) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise _malformed(pointer or "/", "must be a JSON object")


def _calls(body: dict[str, Any]) -> list[Any]:
    calls = body.get("batch")
    if not isinstance(calls, list):
        raise _malformed("/batch", "must be a list of calls")
    if len(calls) > BATCH_LIMIT:
        raise Problem(413, f"the batch has {len(calls)} calls; send at most {BATCH_LIMIT} at once", code="too-large")
    return calls


def _malformed(pointer: str, detail: str) -> Problem:
    fault = Fault(pointer=pointer, detail=detail)
    return Problem(400, f"the body cannot be read: {pointer} {detail}", code="malformed-body", errors=[fault])


def sorted_out(raws: Sequence[Any], arrival: Arrival) -> tuple[list[Item], list[tuple[Any, Rejected]]]:
    """The calls that can be taken, and those that cannot, each with why."""
    items: list[Item] = []
    rejects: list[tuple[Any, Rejected]] = []
    for place, raw in enumerate(raws):
        try:
            item = read_item(raw, arrival, place=place)
        except Rejected as verdict:
            rejects.append((raw, verdict))
            continue
        if item.trust == "claimed":
            item, withheld = as_claimed(item)
            if withheld:
                rejects.append((raw, withheld))
        items.append(item)
    return items, rejects


def _letter(raw: Any, verdict: Rejected, arrival: Arrival, kind: str | None) -> DeadLetter:
    message_id = raw.get("messageId") if isinstance(raw, dict) else None
    known = message_id if isinstance(message_id, str) else None
    if isinstance(raw, dict) and isinstance(raw.get("context"), dict):
        raw = {**raw, "context": unsigned(raw["context"])}
    same = {name: value for name, value in raw.items() if name != "sentAt"} if isinstance(raw, dict) else raw
    again = as_text(remembered(arrival, kind))
    return DeadLetter(
        arrival.source, arrival.received_at, known, verdict.reason, as_text(raw), again, f"{kind} {as_text(same)}"
    )


def _measure(stored: Stored, rejects: Sequence[tuple[Any, Rejected]], source: str) -> None:
    ACCEPTED.labels(source).inc(stored.accepted)
    DUPLICATES.labels(source).inc(stored.duplicates)
    if stored.refused:
        DEAD_LETTERS.labels("not-storable").inc(stored.refused)
    for _, verdict in rejects:
        DEAD_LETTERS.labels(verdict.code).inc()


def _answer(stored: Stored) -> Response:
    counts = {"accepted": stored.accepted, "duplicates": stored.duplicates, "dead_letters": stored.refused}
    return Response(orjson.dumps({"success": True, **counts}), media_type="application/json")


def _route(path: str, endpoint: Callable[..., Any], *errors: int) -> None:
    # Segment's browser SDK names each call by its first letter.
    read = {"parameters": [_AGAIN, _WRITE_KEY]}
    router.add_api_route(f"/{path[0]}", endpoint, methods=["POST"], include_in_schema=False, openapi_extra=read)
    router.add_api_route(
        f"/{path}",
        endpoint,
        methods=["POST"],
        name=path,
        operation_id=path,
        summary=CALLS[path].summary,
        openapi_extra={"requestBody": CALLS[path].request_body(), "security": SECURITY, **read},
        response_class=Response,
        responses={200: IngestAnswer.described(), **responses(400, 401, 403, 413, 415, *errors, 429, 503)},
    )


_route("batch", _batch)
# RudderStack's browser SDK with `useBeacon`, as a page closes.
beacon.add_api_route("/beacon/v1/batch", _batch, methods=["POST"], include_in_schema=False)
for _kind in KINDS:
    _route(_kind, _single(_kind), 422)
