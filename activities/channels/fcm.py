"""Push through Firebase Cloud Messaging, HTTP v1: notification, picture and deep link to one registration token.

Promise: at most once in doubt. FCM has no idempotency keys, so a marketing push whose answer was lost is not sent
again; should one be sent twice all the same, both carry one tag, and the phone shows the later in place of the
earlier.
Sources: FCM "REST Resource: projects.messages", "ErrorCode" and "Scale FCM" (retries).
"""

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx

from activities.channels.base import wrong_content
from activities.channels.errors import Ambiguous, ChannelError, EndpointGone, Refused, TryLater
from activities.channels.google_token import GoogleToken
from activities.channels.http import GATEWAY_DOUBT, body_of, post_json, retry_after
from activities.channels.message import Accepted, Outgoing, PushContent
from activities.channels.tracing import sending
from journeys.contracts import Channel

_MINUTE = timedelta(minutes=1)  # Google's own default where a 429 names no time
_TOKEN_MESSAGE = "registration token is not a valid"  # noqa: S105 - Google's sentence, not a secret


class Fcm:
    """A Firebase project. `url` is its base, the service account's `project_id` names it."""

    name = "fcm"
    channel = Channel.PUSH
    idempotent = False

    def __init__(self, service_account: Mapping[str, Any], url: str, http: httpx.AsyncClient) -> None:
        self._url = f"{url.rstrip('/')}/v1/projects/{service_account['project_id']}/messages:send"
        self._token = GoogleToken(service_account, http)
        self._http = http

    async def send(self, outgoing: Outgoing) -> Accepted:
        """Send one push; a refused access token is renewed once."""
        if not isinstance(outgoing.content, PushContent):
            wrong_content(self, outgoing)
        with sending(self.name, outgoing) as headers:
            payload = {"message": message(outgoing, outgoing.content)}
            answer = await self._post(payload, headers)
            if not answer.is_success:
                raise refusal(answer)
            return Accepted(provider_message_id=body_of(answer).get("name"))

    async def close(self) -> None:
        """The HTTP client belongs to whoever made it."""

    async def _post(self, payload: Mapping[str, Any], headers: dict[str, str]) -> httpx.Response:
        token = await self._token.current()
        answer = await self._authorised(payload, headers, token)
        if answer.status_code != httpx.codes.UNAUTHORIZED:
            return answer
        return await self._authorised(payload, headers, await self._token.current(refused=token))

    async def _authorised(self, payload: Mapping[str, Any], headers: dict[str, str], token: str) -> httpx.Response:
        return await post_json(self._http, self.name, self._url, payload, {**headers, "authorization": f"Bearer {token}"})


def message(outgoing: Outgoing, content: PushContent) -> dict[str, Any]:
    """FCM's `Message`: what both platforms show, then what only one of them understands."""
    notification = {"title": content.title, "body": content.body} | _given(image=content.image)
    return {
        "token": outgoing.address.value,
        "notification": notification,
        "data": content.data | _given(link=content.link) | {"message_key": outgoing.key},
        "android": {"notification": {"tag": _tag(outgoing.key)} | _given(click_action=content.click_action)},
        "apns": _apns(outgoing.key, content.image),
    }


def _apns(key: str, image: str | None) -> dict[str, Any]:
    headers = {"apns-collapse-id": _tag(key)}
    if image is None:
        return {"headers": headers}
    # mutable-content lets the app's notification extension fetch the picture before it is shown.
    return {"headers": headers, "payload": {"aps": {"mutable-content": 1}}, "fcm_options": {"image": image}}


def _tag(key: str) -> str:
    """One name for all attempts at a message, short enough for APNs (64 bytes)."""
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def _given(**fields: str | None) -> dict[str, str]:
    return {name: value for name, value in fields.items() if value is not None}


def refusal(answer: httpx.Response) -> ChannelError:
    """The channel's error for an answer that is not a success."""
    status, code = answer.status_code, _code(answer)
    detail = f"fcm {status} {code}".rstrip()
    if code == "UNREGISTERED" or (status == httpx.codes.BAD_REQUEST and _names_token(answer)):
        return EndpointGone(detail)
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.NOT_FOUND) or code == "PERMISSION_DENIED":
        return TryLater(f"{detail}; check JOURNEYS_FCM_SERVICE_ACCOUNT and JOURNEYS_FCM_URL")
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return TryLater(detail, retry_after(answer) or _MINUTE)
    if status in (408, 500, 503):
        return TryLater(detail, retry_after(answer))
    # SENDER_ID_MISMATCH stays a refusal: with the wrong service account in place every token would answer so, and
    # declaring all customers' tokens dead could not be undone.
    return Ambiguous(detail) if status in GATEWAY_DOUBT else Refused(detail)


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
