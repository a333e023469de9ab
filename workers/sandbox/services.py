"""The company's own services, as journeys call them: signed calls are told from others, and answered as they are told to.

Source: the specification of Standard Webhooks 1.0.0, "Verifying signatures"; written apart from how we sign. A call that comes
again under its id is answered as before and shown once more, so that doubles are seen.
"""

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from journeys.clock import Clock
from workers.sandbox.connections import cut_off, hang_up
from workers.sandbox.faults import UNANSWERED, FaultRule, Faults
from workers.sandbox.messages import Message, MessageLog, Provider

_TOLERANCE = 300  # seconds
_HUGE = b'{"much": "' + b"x" * 4_000_000 + b'"}'
_ELSEWHERE = "http://169.254.169.254/latest/meta-data/"


class ServiceAnswer(BaseModel):
    """What a service answers, or how it fails, at calls about some customers, so many times; without `times` from now on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    service: str
    body: Any = Field(default_factory=dict)
    fault: FaultRule | None = Field(default=None, description="it fails so, in its turn among the answers")
    match: str = Field(default="*", description="glob on the customer's id")
    times: int | None = Field(default=None, ge=1)


class Answers:
    """What services answer: once said for some times, then what was said last for good, else what the file has."""

    def __init__(self, file: Path) -> None:
        self._usual: dict[str, Any] = orjson.loads(file.read_bytes()) if file.exists() else {}
        self._told: list[tuple[ServiceAnswer, list[int]]] = []
        self._places: list[tuple[str, Any, Mapping[str, str]]] = []

    def usual(self, answers: Mapping[str, Any]) -> None:
        """What services answer that nothing else is told of."""
        self._usual |= answers

    def tell(self, answer: ServiceAnswer) -> None:
        """What a service answers from now on."""
        self._told.append((answer, [answer.times or 0]))

    def tell_of_place(self, context: str, body: Any, at: Mapping[str, str]) -> None:
        """What a provider of a context answers of a place from now on; None: it is away."""
        self._places.append((context, body, at))

    def of_place(self, context: str, asked: Mapping[str, str]) -> Any:
        """What was said last of a place; None: nothing."""
        told = [body for name, body, at in self._places if name == context and at.items() <= asked.items()]
        return told[-1] if told else None

    def draw(self, service: str, customer: str) -> ServiceAnswer:
        """The answer to a call; what was said for some times is used up."""
        fitting = [(a, left) for a, left in self._told if a.service == service and fnmatchcase(customer, a.match)]
        for answer, left in fitting:
            if left[0]:
                left[0] -= 1
                return answer
        lasting = [answer for answer, _ in fitting if answer.times is None]
        return lasting[-1] if lasting else ServiceAnswer(service=service, body=self._usual.get(service, {}))


@dataclass(frozen=True)
class Services:
    """All services under one secret: what they accepted, how they fail and what they answer."""

    log: MessageLog
    faults: Faults
    answers: Answers
    clock: Clock
    secret: str = field(repr=False)

    def routes(self) -> list[Route]:
        """One endpoint each."""
        return [
            Route("/services/{name}", self.call, methods=["POST"]),
            Route("/contexts/{name}", self.around, methods=["GET"]),
        ]

    async def around(self, request: Request) -> Response:
        """What it is like at a place."""
        body = self.answers.of_place(request.path_params["name"], request.query_params)
        return JSONResponse({"error": True, "reason": "away"}, 503) if body is None else JSONResponse(body)

    async def call(self, request: Request) -> Response:
        """A call."""
        body = await request.body()
        if wrong := not_genuine(self.secret, request.headers, body):
            return JSONResponse({"error": wrong}, 401)
        told = orjson.loads(body)
        name, about = request.path_params["name"], told["data"]
        customer = about.get("user_id") or about.get("anonymous_id") or ""
        rule, answer = self._drawn(name, customer)
        if rule is not None and (refusal := await _refusal(request, rule)):
            return refusal
        self.log.add(self._message(name, customer, told, request.headers["webhook-id"], rule))
        return await self._answer(request, answer, rule)

    def _drawn(self, name: str, customer: str) -> tuple[FaultRule | None, Any]:
        """How a call fails, and what it is answered: a fault of the wire's comes before whatever the service was told."""
        rule = self.faults.draw(Provider.SERVICES, f"{name}/{customer}")
        if rule is not None and rule.fault != "slow":
            return rule, None
        answer = self.answers.draw(name, customer)
        return rule or answer.fault, answer.body

    async def _answer(self, request: Request, told: Any, rule: FaultRule | None) -> Response:
        match rule.fault if rule else "":
            case str(fault) if rule and fault in UNANSWERED:
                return await cut_off(request, fault, rule.hold_seconds)
            case "slow":
                await asyncio.sleep(rule.hold_seconds if rule else 0)
            case "drip":
                return StreamingResponse(_drops(), media_type="application/json")
            case "huge":
                return Response(_HUGE, media_type="application/json")
            case "other_shape":
                return JSONResponse({"something": "else"})
        return JSONResponse(told)

    def _message(self, name: str, customer: str, told: Any, id_: str, rule: FaultRule | None) -> Message:
        real = datetime.now(UTC)
        return Message(
            provider=Provider.SERVICES,
            provider_id=id_,
            sender=str(told["data"].get("journey", "")),
            to=customer,
            accepted_at=self.clock.business(real),
            received_at=real,
            key=id_,
            title=f"{name}: {told['type']}",
            template=name,
            body=orjson.dumps(told["data"], option=orjson.OPT_INDENT_2).decode(),
            fault=rule.fault if rule else None,
            raw=told,
        )


def not_genuine(secret: str, headers: Mapping[str, str], body: bytes) -> str | None:
    """What is wrong with a call, if anything is."""
    id_, sent = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not id_ or not sent.isdecimal():
        return "webhook-id and webhook-timestamp are missing"
    if abs(time.time() - int(sent)) > _TOLERANCE:
        return "webhook-timestamp is more than five minutes from now"
    key = base64.b64decode(secret.partition("_")[2])
    wanted = base64.b64encode(hmac.new(key, f"{id_}.{sent}.".encode() + body, hashlib.sha256).digest()).decode()
    given = [each.removeprefix("v1,") for each in headers.get("webhook-signature", "").split() if each.startswith("v1,")]
    return None if any(hmac.compare_digest(wanted, each) for each in given) else "no webhook-signature fits"


async def _refusal(request: Request, rule: FaultRule) -> Response | None:
    """The answer of a fault that strikes before acceptance."""
    if rule.fault == "drop_before_accept":
        return await hang_up(request, rule.hold_seconds)
    if rule.fault == "html":
        return HTMLResponse("<!doctype html><title>Shop</title><p>Sorry, something went wrong.")
    if rule.fault == "redirect":
        return Response(status_code=302, headers={"location": _ELSEWHERE})
    if rule.fault.isdecimal():
        headers = {"retry-after": str(rule.retry_after)} if rule.retry_after is not None else {}
        return JSONResponse({"error": f"as told: {rule.fault}"}, int(rule.fault), headers)
    return None


async def _drops() -> AsyncIterator[bytes]:
    """An answer that comes byte by byte, and never ends."""
    yield b'{"slowly": "'
    while True:
        await asyncio.sleep(0.2)
        yield b"x"
