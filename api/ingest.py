"""Ingest in the shape of the Segment spec: `POST /v1/{identify,track,page,screen,group,alias,batch}`.

Every good item is stored once before the answer; a bad one becomes a dead letter with its reason and costs the others nothing.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from api.arrival import Arrival, Rejected, skew_of
from api.auth import SECURITY, allow
from api.body import Body, read_body
from api.config import ApiConfig
from api.intake import Intake, Stored
from api.limits import Limits
from api.metrics import ACCEPTED, DEAD_LETTERS, DUPLICATES, SECONDS
from api.problems import Fault, Problem, responses
from api.segment import BATCH_LIMIT, KINDS, read_item
from api.segment_docs import CALLS, IngestAnswer
from api.state import Store
from api.tracing import span
from store.dead_letters import DeadLetter, bury
from store.ingest import Item
from store.keys import Caller, Role

# The key is looked at by hand too: solving dependencies would cost a batch more than reading it.
router = APIRouter(prefix="/v1", tags=["ingest"])

_TOO_BIG = {"too-large", "too-deep"}
_KEY = "idempotency-key"


@dataclass(frozen=True, slots=True)
class Desk:
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
        return Arrival(*told, request_key=f"{caller.name}/{key}" if key else None)

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
    desk: Desk = request.app.state.desk
    caller = await allow(request, Role.INGEST)
    with desk.limits.slot(), SECONDS.time(), span("ingest batch", request.headers) as traceparent:
        body = await read_body(request)
        raws = _calls(_object(body.value, ""))
        arrival = desk.arrival(caller, body, traceparent, request.headers.get(_KEY))
        desk.limits.spend(caller.id, len(raws))
        return _answer(await desk.keep(*_sort(raws, arrival), arrival))


def _single(kind: str) -> Callable[[Request], Awaitable[Response]]:
    async def call(request: Request) -> Response:
        desk: Desk = request.app.state.desk
        caller = await allow(request, Role.INGEST)
        with desk.limits.slot(), SECONDS.time(), span(f"ingest {kind}", request.headers) as traceparent:
            body = await read_body(request)
            # An item's own context is not the batch's: it is read with the item.
            own = Body({**_object(body.value, ""), "context": None}, body.clean)
            arrival = desk.arrival(caller, own, traceparent, request.headers.get(_KEY))
            desk.limits.spend(caller.id, 1)
            return await _keep_one(desk, body.value, arrival, kind)

    call.__doc__ = CALLS[kind].about
    return call


async def _keep_one(desk: Desk, raw: Any, arrival: Arrival, kind: str) -> Response:
    try:
        item = read_item(raw, arrival, kind)
    except Rejected as verdict:
        await desk.keep((), [(raw, verdict)], arrival, kind)
        fault = Fault(pointer=verdict.pointer or "/", detail=verdict.detail)
        status = 413 if verdict.code in _TOO_BIG else 422
        detail = f"the call cannot be taken: {fault.pointer} {fault.detail}"
        raise Problem(status, detail, code=verdict.code, errors=[fault]) from verdict
    return _answer(await desk.keep([item], (), arrival))


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


def _sort(raws: Sequence[Any], arrival: Arrival) -> tuple[list[Item], list[tuple[Any, Rejected]]]:
    items: list[Item] = []
    rejects: list[tuple[Any, Rejected]] = []
    for place, raw in enumerate(raws):
        try:
            items.append(read_item(raw, arrival, place=place))
        except Rejected as verdict:
            rejects.append((raw, verdict))
    return items, rejects


def _letter(raw: Any, verdict: Rejected, arrival: Arrival, kind: str | None) -> DeadLetter:
    message_id = raw.get("messageId") if isinstance(raw, dict) else None
    known = message_id if isinstance(message_id, str) else None
    same = {name: value for name, value in raw.items() if name != "sentAt"} if isinstance(raw, dict) else raw
    again = {"kind": kind, "skew": arrival.skew.total_seconds(), "context": arrival.context}
    return DeadLetter(
        arrival.source, arrival.received_at, known, verdict.reason, _text(raw), _text(again), f"{kind} {_text(same)}"
    )


def _text(raw: Any) -> str:
    try:
        return orjson.dumps(raw).decode()
    except (TypeError, ValueError):
        pass
    try:
        return json.dumps(raw)
    except RecursionError:
        return "(nested too deeply to be written down)"


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
    router.add_api_route(
        f"/{path}",
        endpoint,
        methods=["POST"],
        name=path,
        operation_id=path,
        summary=CALLS[path].summary,
        openapi_extra={"requestBody": CALLS[path].request_body(), "security": SECURITY},
        response_class=Response,
        responses={200: IngestAnswer.described(), **responses(400, 401, 403, 413, 415, *errors, 429, 503)},
    )


_route("batch", _batch)
for _kind in KINDS:
    _route(_kind, _single(_kind), 422)
