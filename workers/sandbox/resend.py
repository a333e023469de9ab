"""Resend: `POST /emails`, which sends nothing twice under one `Idempotency-Key`, and answers as Resend does.

Source: Resend's OpenAPI description, and its pages "Idempotency Keys" and "Errors".
"""

import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from typing import Annotated, Any
from uuid import uuid4

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from journeys.clock import Clock
from workers.sandbox.faults import FaultRule, Faults
from workers.sandbox.mail_api import answered, struck, waits
from workers.sandbox.messages import Message, MessageLog, Provider

_KEPT = timedelta(hours=24)
#: What a fault answers: status, Resend's name for it, and its words.
_ERRORS = {
    "429": (429, "rate_limit_exceeded", "Too many requests. Please limit the number of requests per second."),
    "quota": (429, "daily_quota_exceeded", "You have reached your daily email sending quota."),
    "rejected": (422, "validation_error", "Invalid `to` field."),
    "403": (403, "validation_error", "The shop.example domain is not verified."),
    "500": (500, "application_error", "An unexpected error occurred."),
    "503": (503, "application_error", "Service unavailable."),
    "in_progress": (
        409,
        "concurrent_idempotent_requests",
        "Same idempotency key used while the original request is in progress.",
    ),
}


class _Tag(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,256}$")]
    value: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,256}$")]


class _Email(BaseModel):
    """What is taken of Resend's object; a field that it does not have is an error."""

    model_config = ConfigDict(extra="forbid")

    sender: Annotated[str, Field(alias="from")]
    to: Annotated[list[str], Field(min_length=1, max_length=1)]
    subject: str
    html: str
    text: str
    headers: dict[str, str] = {}
    tags: list[_Tag] = []
    reply_to: list[str] = []


@dataclass
class Resend:
    """The provider: what it accepted, how it fails, and what it knows again."""

    log: MessageLog
    faults: Faults
    clock: Clock
    known: dict[str, tuple[datetime, str, str]] = field(default_factory=dict)

    def routes(self) -> list[Route]:
        """Its one endpoint."""
        return [Route("/emails", self.send, methods=["POST"])]

    async def send(self, request: Request) -> Response:
        """Send an email."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not token:
            return _error(401, "missing_api_key", "Missing API key in the authorization header.")
        body, key = await request.body(), request.headers.get("idempotency-key")
        if key is not None and not 1 <= len(key) <= 256:  # noqa: PLR2004 - Resend's limit
            return _error(400, "invalid_idempotency_key", "The key must be between 1-256 chars.")
        try:
            email = _Email.model_validate(orjson.loads(body))
        except (ValidationError, orjson.JSONDecodeError):
            return _error(422, "validation_error", "The request body is not as it should be.")
        return await self._answer(request, email, key, hashlib.sha256(body).hexdigest())

    async def _answer(self, request: Request, email: _Email, key: str | None, digest: str) -> Response:
        if not re.fullmatch(r"[^@\s]+@[^@\s]+", parseaddr(email.sender)[1]) or not re.fullmatch(r"[!-~]+@[!-~]+", email.to[0]):
            return _error(422, "validation_error", "Invalid `from` or `to` field.")
        rule = self.faults.draw(Provider.RESEND, email.to[0])
        if refusal := await struck(request, rule, _refusal):
            return refusal
        if key in self.known and datetime.now(UTC) - self.known[key][0] < _KEPT:
            _, before, id_ = self.known[key]
            if digest != before:
                return _error(409, "invalid_idempotent_request", "Same idempotency key used with a different request payload.")
        else:
            id_ = str(uuid4())
            self.log.add(self._message(email, id_, key, rule))
            if key is not None:
                self.known[key] = datetime.now(UTC), digest, id_
        return await answered(request, rule, JSONResponse({"id": id_}))

    def _message(self, email: _Email, id_: str, key: str | None, rule: FaultRule | None) -> Message:
        real = datetime.now(UTC)
        return Message(
            provider=Provider.RESEND,
            provider_id=id_,
            sender=email.sender,
            to=email.to[0],
            accepted_at=self.clock.business(real),
            received_at=real,
            key=key,
            title=email.subject,
            body=email.text,
            html=email.html,
            link=email.headers.get("List-Unsubscribe"),
            fault=rule.fault if rule else None,
            raw=_raw(email),
        )


def _raw(email: _Email) -> dict[str, Any]:
    return email.model_dump(by_alias=True, exclude={"html", "text"}) | {
        "headers": [list(each) for each in email.headers.items()]
    }


def _refusal(rule: FaultRule) -> Response | None:
    return _error(*_ERRORS[rule.fault], headers=waits(rule)) if rule.fault in _ERRORS else None


def _error(status: int, name: str, words: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"statusCode": status, "name": name, "message": words}, status, headers)
