"""FCM HTTP v1 with its OAuth 2 token endpoint, answering as Google does.

Source: firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send and …/ErrorCode.
"""

import asyncio
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from journeys.clock import Clock
from workers.sandbox.accounts import PROJECT, GrantError, ServiceAccount
from workers.sandbox.connections import cut_off, hang_up
from workers.sandbox.faults import UNANSWERED, FaultRule, Faults
from workers.sandbox.fcm_message import PushMessage, SendRequest, Violation, parsed
from workers.sandbox.messages import Message, MessageLog, Provider

_FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
_BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
_ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"
#: fault → HTTP status, google.rpc.Code, FcmError.errorCode, message
_ERRORS = {
    "429": (429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", "Quota exceeded for quota metric 'Send requests'."),
    "500": (500, "INTERNAL", "INTERNAL", "Internal error encountered."),
    "503": (503, "UNAVAILABLE", "UNAVAILABLE", "The service is currently unavailable."),
    "unregistered": (404, "NOT_FOUND", "UNREGISTERED", "Requested entity was not found."),
    "sender_id_mismatch": (403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH", "SenderId mismatch"),
    "invalid_argument": (
        400,
        "INVALID_ARGUMENT",
        "INVALID_ARGUMENT",
        "The registration token is not a valid FCM registration token",
    ),
}
_FRONT_END_PAGE = "<!DOCTYPE html><html lang=en><title>Error 502 (Server Error)!!1</title><p>That's an error."
_EXPECTED = "Expected OAuth 2 access token, login cookie or other valid authentication credential."


@dataclass(frozen=True)
class Fcm:
    """The provider: who may send, what it accepted and how it fails."""

    account: ServiceAccount
    log: MessageLog
    faults: Faults
    clock: Clock

    def routes(self) -> list[Route]:
        """Its two endpoints."""
        return [
            Route("/token", self.token, methods=["POST"]),
            Route("/v1/projects/{project}/messages:send", self.send, methods=["POST"]),
        ]

    async def token(self, request: Request) -> Response:
        """The OAuth 2 token endpoint (RFC 7523)."""
        form = dict(parse_qsl((await request.body()).decode(errors="replace")))
        if rule := self.faults.draw(Provider.FCM, "", for_a_token=True):
            await asyncio.sleep(rule.hold_seconds)
        try:
            return JSONResponse(self.account.grant(form))
        except GrantError as error:
            kind, description = error.args
            return JSONResponse({"error": kind, "error_description": description}, 400)

    async def send(self, request: Request) -> Response:
        """`projects.messages.send`."""
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        try:
            sent = parsed(orjson.loads(await request.body()))
        except orjson.JSONDecodeError as error:
            return _error(400, "INVALID_ARGUMENT", f"Invalid JSON payload received. {error}")
        except Violation as violation:
            return _invalid(violation)
        return await self._answer(request, sent)

    def _refusal(self, request: Request) -> Response | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return _unauthenticated("Request is missing required authentication credential.", "CREDENTIALS_MISSING")
        if not self.account.accepts(token):
            return _unauthenticated("Request had invalid authentication credentials.", "ACCESS_TOKEN_EXPIRED")
        if request.path_params["project"] != PROJECT:
            return _error(
                403,
                "PERMISSION_DENIED",
                "Permission 'cloudmessaging.messages.create' denied on resource "
                f"'//cloudresourcemanager.googleapis.com/projects/{request.path_params['project']}' "
                "(or it may not exist).",
            )
        return None

    async def _answer(self, request: Request, sent: SendRequest) -> Response:
        if sent.validate_only:
            return JSONResponse({"name": f"projects/{PROJECT}/messages/fake_message_id"})
        rule = self.faults.draw(Provider.FCM, sent.message.target)
        if rule is not None and rule.fault == "drop_before_accept":
            return await hang_up(request, rule.hold_seconds)
        if rule is not None and rule.fault not in (*UNANSWERED, "slow"):
            return _faulty(rule)
        name = f"projects/{PROJECT}/messages/0:{time.time_ns() // 1000}%{secrets.token_hex(8)}"
        self.log.add(self._message(name, sent.message, rule))
        if rule is not None and rule.fault in UNANSWERED:
            return await cut_off(request, rule.fault, rule.hold_seconds)
        await asyncio.sleep(rule.hold_seconds if rule else 0)
        return JSONResponse({"name": name})

    def _message(self, name: str, push: PushMessage, rule: FaultRule | None) -> Message:
        real = datetime.now(UTC)
        shown = _shown(push)
        return Message(
            provider=Provider.FCM,
            provider_id=name,
            sender=PROJECT,
            to=push.target,
            accepted_at=self.clock.business(real),
            received_at=real,
            key=push.data.get("message_key"),
            title=shown.title or "",
            body=shown.body or "",
            image=shown.image,
            link=_link(push),
            fault=rule.fault if rule else None,
            raw=push.model_dump(exclude_none=True, exclude_defaults=True),
        )


@dataclass(frozen=True)
class _Shown:
    title: str | None
    body: str | None
    image: str | None


def _shown(push: PushMessage) -> _Shown:
    """What the device shows: the platform's own text wins over the common one."""
    sources = [
        push.android.notification.model_dump() if push.android and push.android.notification else {},
        push.notification.model_dump() if push.notification else {},
        _alert(push),
        push.webpush.notification if push.webpush else {},
        push.apns.fcm_options.model_dump() if push.apns and push.apns.fcm_options else {},
    ]
    first = {name: next((str(s[name]) for s in sources if s.get(name)), None) for name in ("title", "body", "image")}
    return _Shown(**first)


def _alert(push: PushMessage) -> dict[str, Any]:
    """Apple's alert, a text or an object; FCM passes on whatever stands in the payload."""
    aps = push.apns.payload.get("aps") if push.apns else None
    alert = aps.get("alert") if isinstance(aps, dict) else None
    return alert if isinstance(alert, dict) else {"body": alert}


def _link(push: PushMessage) -> str | None:
    named = (push.data.get(name) for name in ("link", "deep_link", "url"))
    web = push.webpush.fcm_options.link if push.webpush and push.webpush.fcm_options else None
    return next((link for link in named if link), web)


def _error(status: int, code: str, message: str, *details: dict[str, Any], retry_after: int | None = None) -> Response:
    """`google.rpc.Status`, as Google's JSON API renders it."""
    error: dict[str, Any] = {"code": status, "message": message, "status": code}
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return JSONResponse({"error": error | ({"details": list(details)} if details else {})}, status, headers)


def _unauthenticated(message: str, reason: str) -> Response:
    info = {"@type": _ERROR_INFO, "reason": reason, "domain": "googleapis.com"}
    answer = _error(401, "UNAUTHENTICATED", f"{message} {_EXPECTED}", info)
    answer.headers["WWW-Authenticate"] = 'Bearer realm="https://accounts.google.com/", error="invalid_token"'
    return answer


def _invalid(violation: Violation) -> Response:
    details: dict[str, Any] = {"@type": _FCM_ERROR, "errorCode": "INVALID_ARGUMENT"}
    if violation.field is not None:
        named = {"field": violation.field, "description": str(violation)}
        details = {"@type": _BAD_REQUEST, "fieldViolations": [named]}
    return _error(400, "INVALID_ARGUMENT", str(violation), details)


def _faulty(rule: FaultRule) -> Response:
    if rule.fault in ("502", "html"):
        return HTMLResponse(_FRONT_END_PAGE, 502 if rule.fault == "502" else 200)
    if rule.fault == "401":
        return _unauthenticated("Request had invalid authentication credentials.", "ACCESS_TOKEN_EXPIRED")
    status, code, error_code, message = _ERRORS[rule.fault]
    details = {"@type": _FCM_ERROR, "errorCode": error_code}
    return _error(status, code, message, details, retry_after=rule.retry_after)
