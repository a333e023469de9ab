"""A push service for browsers that do not exist: `POST /push/{browser}`, verified and read as service and browser would.

Source: RFC 8030 (5), RFC 8291 (4), RFC 8292 (2 to 4).
"""

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from journeys.clock import Clock
from workers.sandbox.connections import cut_off, hang_up
from workers.sandbox.faults import UNANSWERED, FaultRule, Faults
from workers.sandbox.messages import Message, MessageLog, Provider
from workers.sandbox.push.browsers import MadeUpBrowser, Unreadable

_MOST_BYTES = 4096
_DAY = 86_400
_VAPID = re.compile(r"vapid\s+t=([\w.-]+)\s*,\s*k=([\w-]+)", re.IGNORECASE)
_RULES = {
    "ttl": re.compile(r"\d{1,10}"),
    "urgency": re.compile("very-low|low|normal|high"),
    "topic": re.compile(r"[A-Za-z0-9_-]{1,32}"),
    "content-encoding": re.compile("aes128gcm"),
    "content-type": re.compile("application/octet-stream"),
}
_NEEDED = ("ttl", "content-encoding", "content-type")


class Violation(Exception):
    """What a service refuses: its status, and why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True)
class WebPush:
    """The service: what it accepted and how it fails. `url` is its address, which tokens have to name."""

    log: MessageLog
    faults: Faults
    clock: Clock
    url: str

    def routes(self) -> list[Route]:
        """Its one endpoint."""
        return [Route("/push/{browser}", self.push, methods=["POST"])]

    async def push(self, request: Request) -> Response:
        """Take a message for a browser."""
        body, browser = await request.body(), MadeUpBrowser(request.path_params["browser"])
        try:
            headers = _checked(request.headers)
            _vouched(request.headers.get("authorization", ""), self.url)
            _fits(body)
            message = orjson.loads(browser.read(body))
        except Violation as violation:
            return PlainTextResponse(str(violation), violation.status)
        except (Unreadable, orjson.JSONDecodeError) as error:  # a real service could not tell; its browser would
            return PlainTextResponse(f"the browser cannot read it: {error}", 400)
        return await self._answer(request, browser, headers, message)

    async def _answer(self, request: Request, browser: MadeUpBrowser, headers: dict[str, str], message: Any) -> Response:
        rule = self.faults.draw(Provider.WEB_PUSH, browser.name)
        if rule is not None and (refusal := await _refusal(request, rule)):
            return refusal
        id_ = uuid4().hex
        self.log.add(self._message(id_, browser, headers, message, rule))
        if rule is not None and rule.fault in UNANSWERED:
            return await cut_off(request, rule.fault, rule.hold_seconds)
        await asyncio.sleep(rule.hold_seconds if rule else 0)
        return Response(status_code=201, headers={"location": f"{self.url}/pushed/{id_}", "ttl": headers["ttl"]})

    def _message(
        self, id_: str, browser: MadeUpBrowser, headers: dict[str, str], message: Any, rule: FaultRule | None
    ) -> Message:
        real = datetime.now(UTC)
        return Message(
            provider=Provider.WEB_PUSH,
            provider_id=id_,
            to=browser.name,
            accepted_at=self.clock.business(real),
            received_at=real,
            key=message.get("tag"),
            title=message.get("title", ""),
            body=message.get("body", ""),
            image=message.get("image"),
            link=message.get("link"),
            fault=rule.fault if rule else None,
            raw={"headers": headers, "payload": message},
        )


def _fits(body: bytes) -> None:
    if len(body) > _MOST_BYTES:
        raise Violation(413, "the message is too large")


def _checked(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that say how the message is to be handled."""
    given = {name: headers[name] for name in _RULES if name in headers}
    for name in _NEEDED:
        if name not in given:
            raise Violation(400, f"{name} is missing")
    for name, value in given.items():
        if not _RULES[name].fullmatch(value):
            raise Violation(400, f"{name} is not valid")
    return given


def _vouched(authorization: str, url: str) -> None:
    """Whether the sender showed who they are, to us and for now."""
    found = _VAPID.fullmatch(authorization)
    if found is None:
        raise Violation(401, "no VAPID token was shown")
    try:
        point = jwt.utils.base64url_decode(found[2])
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        told = jwt.decode(found[1], key, ["ES256"], audience=url, options={"require": ["aud", "exp", "sub"]})
    except (jwt.InvalidTokenError, ValueError) as error:
        raise Violation(403, f"the VAPID token is not valid: {type(error).__name__}") from None
    if told["exp"] - time.time() > _DAY:
        raise Violation(403, "the VAPID token is valid for more than a day")
    if not re.match(r"mailto:.+@|https://", told["sub"]):
        raise Violation(403, "the VAPID token names nobody who could be written to")


async def _refusal(request: Request, rule: FaultRule) -> Response | None:
    """The answer of a fault that strikes before acceptance."""
    if rule.fault == "drop_before_accept":
        return await hang_up(request, rule.hold_seconds)
    if rule.fault == "html":
        return HTMLResponse("<!doctype html><title>Welcome to the hotel's network</title>")
    if rule.fault == "redirect":
        return Response(status_code=307, headers={"location": "http://169.254.169.254/latest/meta-data/"})
    if rule.fault.isdecimal():
        headers = {"retry-after": str(rule.retry_after)} if rule.retry_after is not None else {}
        return PlainTextResponse(f"as told: {rule.fault}", int(rule.fault), headers)
    return None
