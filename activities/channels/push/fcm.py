"""Push through Firebase Cloud Messaging, HTTP v1: notification, picture and deep link to one registration token.

Promise: at most once in doubt. FCM has no idempotency keys, so a marketing push whose answer was lost is not sent
again; should one be sent twice all the same, both carry one tag, and the phone shows the later in place of the
earlier. A push ends with its message: a phone that wakes after `useless_after` does not show it.
Sources: FCM "REST Resource: projects.messages", "ErrorCode" and "Scale FCM" (retries).
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol, Self

import httpx

from activities.channels.base import wrong_content
from activities.channels.errors import Ambiguous, ChannelError, EndpointGone, Refused, TryLater
from activities.channels.http import CONNECTIONS, GATEWAY_DOUBT, body_of, http_client, post_json, retry_after
from activities.channels.message import Accepted, Outgoing, PushContent
from activities.channels.over_http import OverHttp
from activities.channels.push.fcm_payload import message
from activities.channels.push.google_token import GoogleToken
from activities.channels.secret_files import service_account
from activities.channels.tracing import sending

_MINUTE = timedelta(minutes=1)  # Google's own default where a 429 names no time
_TOKEN_MESSAGE = "registration token is not a valid"  # noqa: S105 - Google's sentence, not a secret


class _Settings(Protocol):
    @property
    def fcm_service_account(self) -> Path | None: ...
    @property
    def fcm_url(self) -> str: ...


class Fcm(OverHttp):
    """A Firebase project. `url` is its base, the service account's `project_id` names it."""

    name = "fcm"
    needs = "JOURNEYS_FCM_SERVICE_ACCOUNT"
    idempotent = False
    tells_within = timedelta(0)

    def __init__(
        self, service_account: Mapping[str, Any], url: str, http: httpx.AsyncClient, connections: int = CONNECTIONS
    ) -> None:
        self._url = f"{url.rstrip('/')}/v1/projects/{service_account['project_id']}/messages:send"
        self._token = GoogleToken(service_account, http)
        super().__init__(http, url, connections)

    @classmethod
    def configured(cls, settings: _Settings) -> Self | None:
        """The project whose service account is given."""
        if settings.fcm_service_account is None:
            return None
        account = service_account(settings.fcm_service_account, cls.needs, "project_id")
        return cls(account, settings.fcm_url, http_client())

    @asynccontextmanager
    async def ready(self) -> AsyncIterator["FcmLine"]:
        """A place, an access token, and a provider that answers."""
        async with self._place():
            yield FcmLine(self, await self._token.current())

    async def post(self, payload: Mapping[str, Any], headers: dict[str, str], token: str) -> httpx.Response:
        """Post a message under this access token."""
        headers["authorization"] = f"Bearer {token}"
        with self._on_the_way():
            answer = await post_json(self._http, self.name, self._url, payload, headers)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            self._token.refused(token)  # the next attempt waits for a new one, without a claim
        return answer


@dataclass(frozen=True, slots=True)
class FcmLine:
    """The way to FCM with an access token in hand."""

    fcm: Fcm
    token: str

    async def send(self, outgoing: Outgoing) -> Accepted:
        """Send one push."""
        if not isinstance(outgoing.content, PushContent):
            wrong_content(Fcm.name, outgoing)
        with sending(Fcm.name, outgoing) as headers:
            payload = {"message": message(outgoing, outgoing.content)}
            return _accepted(await self.fcm.post(payload, headers, self.token))


def _accepted(answer: httpx.Response) -> Accepted:
    """What FCM calls the message: its only proof that it took it."""
    name = body_of(answer).get("name")
    if answer.is_success and isinstance(name, str) and name:
        return Accepted(provider_message_id=name)
    raise refusal(answer)


def refusal(answer: httpx.Response) -> ChannelError:
    """The channel's error for an answer without the proof of acceptance."""
    status, code = _status(answer), _code(answer)
    detail = f"fcm {status} {code}".rstrip()
    if code == "UNREGISTERED" or (status == httpx.codes.BAD_REQUEST and _names_token(answer)):
        return EndpointGone(detail)
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.NOT_FOUND) or code == "PERMISSION_DENIED":
        return TryLater(f"{detail}; check JOURNEYS_FCM_SERVICE_ACCOUNT and JOURNEYS_FCM_URL")
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return TryLater(detail, retry_after(answer) or _MINUTE)
    if status in (408, 500, 503):
        return TryLater(detail, retry_after(answer))
    if status < 400 or status in GATEWAY_DOUBT:  # noqa: PLR2004 - what began as a yes, and ends without the proof
        return Ambiguous(f"{detail}: no proof that it was accepted")
    # SENDER_ID_MISMATCH stays a refusal: with the wrong service account in place every token would answer so, and
    # declaring all customers' tokens dead could not be undone.
    return Refused(detail)


def _status(answer: httpx.Response) -> int:
    """The answer's status; where a success holds an error, the error's."""
    code = _error(answer).get("code")
    return code if answer.is_success and isinstance(code, int) else answer.status_code


def _error(answer: httpx.Response) -> dict[str, Any]:
    error = body_of(answer).get("error")
    return error if isinstance(error, dict) else {}


def _details(answer: httpx.Response) -> list[dict[str, Any]]:
    details = _error(answer).get("details")
    return [detail for detail in details if isinstance(detail, dict)] if isinstance(details, list) else []


def _code(answer: httpx.Response) -> str:
    codes = [detail["errorCode"] for detail in _details(answer) if isinstance(detail.get("errorCode"), str)]
    return next(iter(codes), str(_error(answer).get("status", "")))[:64]


def _names_token(answer: httpx.Response) -> bool:
    """Whether a 400 is about the registration token, rather than about the payload."""
    if _TOKEN_MESSAGE in str(_error(answer).get("message", "")):
        return True
    lists = [detail.get("fieldViolations") for detail in _details(answer)]
    violations = [field for listed in lists if isinstance(listed, list) for field in listed]
    return any(isinstance(field, dict) and field.get("field") == "message.token" for field in violations)
