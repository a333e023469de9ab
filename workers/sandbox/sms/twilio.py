"""Twilio's Messages resource: `POST` and `GET /2010-04-01/Accounts/{sid}/Messages.json`, answering as Twilio does.

Source: Twilio's OpenAPI description of the API 2010-04-01.
"""

import asyncio
import base64
import binascii
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from journeys.clock import Clock
from workers.sandbox.connections import cut_off, hang_up
from workers.sandbox.faults import UNANSWERED, FaultRule, Faults
from workers.sandbox.messages import Message, MessageLog, Provider
from workers.sandbox.sms.twilio_callbacks import Callbacks
from workers.sandbox.sms.twilio_message import error, segments, sid, told, violation

#: Faults named after an HTTP status, and Twilio's error that comes with it.
_CODES = {"401": 20003, "429": 20429, "500": 20500, "503": 20503}
_PATH = "/2010-04-01/Accounts/{account}/Messages.json"
_PAGE = 50


@dataclass(frozen=True)
class Twilio:
    """The provider: what it accepted, how it fails and what it reports afterwards."""

    log: MessageLog
    faults: Faults
    callbacks: Callbacks
    clock: Clock
    token: str = field(repr=False)

    def routes(self) -> list[Route]:
        """Sending, and the list of what was sent."""
        return [Route(_PATH, self.send, methods=["POST"]), Route(_PATH, self.list, methods=["GET"])]

    async def send(self, request: Request) -> Response:
        """Send a message."""
        if not self._is_login(request):
            return error(20003)
        form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        if (code := violation(form)) is not None:
            return error(code)
        rule = self.faults.draw(Provider.TWILIO, form["To"])
        if rule is not None and rule.fault == "drop_before_accept":
            return await hang_up(request, rule.hold_seconds)
        if rule is not None and (refusal := _refusal(rule)):
            return refusal
        message = self._message(form, rule)
        self.log.add(message)
        self.callbacks.statuses(message, form.get("StatusCallback"))
        if rule is not None and rule.fault in (*UNANSWERED, "lost"):
            return await cut_off(request, rule.fault, rule.hold_seconds)
        await asyncio.sleep(rule.hold_seconds if rule and rule.fault == "slow" else 0)
        return JSONResponse(self._resource(message, request.path_params["account"]), 201)

    async def list(self, request: Request) -> Response:
        """What was sent to a number, newest first."""
        if not self._is_login(request):
            return error(20003)
        found = self.log.select(Provider.TWILIO, request.query_params.get("To"))
        shown = [self._resource(each, request.path_params["account"]) for each in found if each.fault != "lost"]
        size = int(request.query_params.get("PageSize", _PAGE))
        return JSONResponse({"messages": shown[:size], "page": 0, "page_size": size, "next_page_uri": None})

    def _is_login(self, request: Request) -> bool:
        """The account and its token, or any API key."""
        scheme, _, packed = request.headers.get("authorization", "").partition(" ")
        try:
            user, _, password = base64.b64decode(packed, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        if scheme.lower() != "basic" or not password:
            return False
        return user.startswith("SK") or (user == request.path_params["account"] and password == self.token)

    def _message(self, form: dict[str, str], rule: FaultRule | None) -> Message:
        real = datetime.now(UTC)
        return Message(
            provider=Provider.TWILIO,
            provider_id=sid(),
            sender=form.get("From") or form["MessagingServiceSid"],
            to=form["To"],
            accepted_at=self.clock.business(real),
            received_at=real,
            key=next(iter(parse_qs(urlsplit(form.get("StatusCallback", "")).query).get("key", [])), None),
            body=form["Body"],
            title=told(form["Body"]),
            fault=rule.fault if rule else None,
            raw=form,
        )

    def _resource(self, message: Message, account: str) -> dict[str, Any]:
        pool = message.raw.get("MessagingServiceSid")
        uri, at = f"/2010-04-01/Accounts/{account}/Messages/{message.provider_id}", format_datetime(message.received_at)
        return {
            "account_sid": account,
            "api_version": "2010-04-01",
            "body": message.body,
            "date_created": at,
            "date_sent": None,
            "date_updated": at,
            "direction": "outbound-api",
            "error_code": None,
            "error_message": None,
            "from": None if pool else message.sender,
            "messaging_service_sid": pool,
            "num_media": "0",
            "num_segments": str(segments(message.body)),
            "price": None,
            "price_unit": "USD",
            "sid": message.provider_id,
            "status": "accepted" if pool else "queued",
            "subresource_uris": {"media": f"{uri}/Media.json"},
            "to": message.to,
            "uri": f"{uri}.json",
        }


def _refusal(rule: FaultRule) -> Response | None:
    """The answer of a fault that strikes before acceptance."""
    if rule.fault in ("502", "html"):
        page = "<!doctype html><title>Twilio</title><p>Sorry, something went wrong."
        return HTMLResponse(page, 502 if rule.fault == "502" else 200)
    if re.fullmatch(r"\d+", rule.fault):
        return error(_CODES.get(rule.fault) or int(rule.fault), rule.retry_after)
    return None
