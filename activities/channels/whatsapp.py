"""WhatsApp through Meta's Cloud API: an approved template with its gaps filled.

Promise: at most once in doubt. The Cloud API has no idempotency keys, so a marketing template whose answer was lost
is not sent again; but the key travels as `biz_opaque_callback_data`, so that the status webhook settles the doubt
afterwards.
Source: Meta's OpenAPI description of the Cloud API (`language.policy` is required) and "Messages: template messages".
"""

from typing import Any

import httpx

from activities.channels.base import wrong_content
from activities.channels.http import body_of, post_json
from activities.channels.message import Accepted, Outgoing, WhatsAppContent
from activities.channels.tracing import sending
from activities.channels.whatsapp_errors import refusal
from journeys.contracts import Channel


class WhatsApp:
    """One business phone number."""

    name = "whatsapp"
    channel = Channel.WHATSAPP
    idempotent = False

    def __init__(self, token: str, phone_number_id: str, url: str, version: str, http: httpx.AsyncClient) -> None:
        self._url = f"{url.rstrip('/')}/{version}/{phone_number_id}/messages"
        self._authorization = f"Bearer {token}"
        self._http = http

    async def send(self, outgoing: Outgoing) -> Accepted:
        """Send one template message."""
        if not isinstance(outgoing.content, WhatsAppContent):
            wrong_content(self, outgoing)
        with sending(self.name, outgoing) as headers:
            payload = message(outgoing, outgoing.content)
            headers["authorization"] = self._authorization
            answer = await post_json(self._http, self.name, self._url, payload, headers)
            if not answer.is_success:
                raise refusal(answer)
            return Accepted(provider_message_id=_id(answer))

    async def close(self) -> None:
        """The HTTP client belongs to whoever made it."""


def message(outgoing: Outgoing, content: WhatsAppContent) -> dict[str, Any]:
    """Meta's message object for a template."""
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": outgoing.address.value,
        "type": "template",
        "template": {
            "name": content.template,
            "language": {"code": content.language, "policy": "deterministic"},
            "components": _components(content),
        },
        "biz_opaque_callback_data": outgoing.key,
    }


def _components(content: WhatsAppContent) -> list[dict[str, Any]]:
    components: list[dict[str, Any]] = []
    if content.header_image is not None:
        image = {"type": "image", "image": {"link": content.header_image}}
        components.append({"type": "header", "parameters": [image]})
    if content.body:
        components.append({"type": "body", "parameters": [_text(value) for value in content.body]})
    if content.button_url_suffix is not None:
        button = {"type": "button", "sub_type": "url", "index": "0", "parameters": [_text(content.button_url_suffix)]}
        components.append(button)
    return components


def _text(value: str) -> dict[str, str]:
    return {"type": "text", "text": value}


def _id(answer: httpx.Response) -> str | None:
    messages = body_of(answer).get("messages")
    first = messages[0] if isinstance(messages, list) and messages else None
    return first.get("id") if isinstance(first, dict) else None
