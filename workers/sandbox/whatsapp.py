"""WhatsApp Cloud API: `POST /{version}/{phone_number_id}/messages`, answering as the Graph API does.

Source: Meta's Cloud API reference, "Messages".
"""

import asyncio
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from journeys.clock import Clock
from workers.sandbox import graph_errors
from workers.sandbox.connections import cut_off, hang_up
from workers.sandbox.faults import UNANSWERED, FaultRule, Faults
from workers.sandbox.messages import Message, MessageLog, Provider
from workers.sandbox.webhooks import Webhooks, wamid
from workers.sandbox.whatsapp_media import LARGEST, MediaStore
from workers.sandbox.whatsapp_message import WhatsAppMessage, parsed, receipt
from workers.sandbox.whatsapp_parts import Violation
from workers.sandbox.whatsapp_templates import Templates

#: Faults named after an HTTP status, and the Graph error that comes with it.
_CODES = {"429": 130429, "500": 131000, "503": 2}
_NO_TOKEN = "Invalid OAuth access token - Cannot parse access token"  # noqa: S105 - what Meta says
_EXPIRED = "Error validating access token: Session has expired."
_FRONT_END_PAGE = "<!DOCTYPE html><html lang=en><title>Facebook | Error</title><p>Sorry, something went wrong."


@dataclass(frozen=True)
class WhatsApp:
    """The provider: what it accepted, how it fails and what it reports afterwards."""

    log: MessageLog
    faults: Faults
    webhooks: Webhooks
    clock: Clock
    media: MediaStore = field(default_factory=MediaStore)
    templates: Templates = field(default_factory=Templates)
    #: The customers' messages that were marked as read, by id.
    read: list[str] = field(default_factory=list)

    def routes(self) -> list[Route]:
        """Its endpoints."""
        number = r"/{version:graph_version}/{phone_number_id}"
        return [
            Route(f"{number}/messages", self.send, methods=["POST"]),
            Route(f"{number}/media", self.upload, methods=["POST"]),
            Route(r"/{version:graph_version}/{account_id}/message_templates", self.templates.list, methods=["GET"]),
        ]

    async def send(self, request: Request) -> Response:
        """Send a message."""
        if not _authorized(request):
            return graph_errors.unauthorized(_NO_TOKEN)
        try:
            payload = orjson.loads(await request.body())
            if isinstance(payload, dict) and "status" in payload:
                self.read.append(receipt(payload))
                return JSONResponse({"success": True})
            message = parsed(payload)
            self.media.check(message.media)
        except orjson.JSONDecodeError:
            return graph_errors.answer(100, "Invalid parameter", "The body is not valid JSON.")
        except Violation as violation:
            return graph_errors.answer(violation.code, violation.title, violation.details)
        return await self._answer(request, message, payload)

    async def upload(self, request: Request) -> Response:
        """Keep a file, and answer the id by which messages show it."""
        if not _authorized(request):
            return graph_errors.unauthorized(_NO_TOKEN)
        async with request.form(max_part_size=LARGEST) as form:
            try:
                return JSONResponse({"id": await self.media.add(form)})
            except Violation as violation:
                return graph_errors.answer(violation.code, violation.title, violation.details)

    async def _answer(self, request: Request, message: WhatsAppMessage, payload: Any) -> Response:
        rule = self.faults.draw(Provider.WHATSAPP, message.to)
        if rule is not None and rule.fault == "drop_before_accept":
            return await hang_up(request, rule.hold_seconds)
        refusal = _refusal(rule, message) if rule else None
        if refusal is not None:
            return refusal
        accepted = self._message(request.path_params["phone_number_id"], message, payload, rule)
        self.log.add(accepted)
        self.webhooks.statuses(accepted)
        if rule is not None and rule.fault in UNANSWERED:
            return await cut_off(request, rule.fault, rule.hold_seconds)
        await asyncio.sleep(rule.hold_seconds if rule and rule.fault == "slow" else 0)
        return JSONResponse(
            {
                "messaging_product": "whatsapp",
                "contacts": [{"input": message.to, "wa_id": message.wa_id}],
                "messages": [{"id": accepted.provider_id, "message_status": "accepted"}],
            }
        )

    def _message(self, sender: str, message: WhatsAppMessage, payload: Any, rule: FaultRule | None) -> Message:
        real = datetime.now(UTC)
        shown = [p.media for p in message.parameters("header")] + [message.shows, message.header and message.header.media]
        images = [each.link or each.id for each in shown if each]
        titles = [p.shown for p in message.parameters("header") if p.type == "text"]
        titles += [message.header.text] if message.header and message.header.text else []
        links = [p.shown for p in message.parameters("button") if p.type == "text"]
        return Message(
            provider=Provider.WHATSAPP,
            provider_id=wamid(),
            sender=sender,
            to=message.to,
            accepted_at=self.clock.business(real),
            received_at=real,
            key=message.biz_opaque_callback_data,
            title=next(iter(titles), ""),
            body=message.said,
            image=next(iter(images), None),
            link=next(iter(links), None),
            template=message.template.name if message.template else None,
            params=tuple(p.shown for p in message.parameters("body")),
            gaps=tuple(p.parameter_name for p in message.parameters("body") if p.parameter_name),
            footer=message.interactive.footer.text if message.interactive and message.interactive.footer else "",
            choices=message.choices,
            fault=rule.fault if rule else None,
            raw=payload,
        )


def _authorized(request: Request) -> bool:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() in ("bearer", "oauth") and bool(token)


def _refusal(rule: FaultRule, message: WhatsAppMessage) -> Response | None:
    """The answer of a fault that strikes before acceptance."""
    if rule.fault in ("502", "html"):
        return HTMLResponse(_FRONT_END_PAGE, 502 if rule.fault == "502" else 200)
    if rule.fault == "190":
        return graph_errors.unauthorized(_EXPIRED)
    if rule.fault == "132001" and message.template:
        details = f"template name ({message.template.name}) does not exist in {message.template.language.code}"
        return graph_errors.answer(132001, details=details)
    if re.fullmatch(r"\d+", rule.fault):
        return graph_errors.answer(_CODES.get(rule.fault) or int(rule.fault), retry_after=rule.retry_after)
    return None
