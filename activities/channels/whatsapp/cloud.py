"""WhatsApp through Meta's Cloud API: an approved template with its gaps filled.

Promise: at most once in doubt. The Cloud API has no idempotency keys, so a marketing template whose answer was lost
is not sent again; but the key travels as `biz_opaque_callback_data`, so that the status webhook settles the doubt
afterwards, and a transactional one waits for it before a second copy.
Source: Meta's OpenAPI description of the Cloud API (`language.policy` is required) and "Messages: template messages".
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Protocol, Self

import httpx
from pydantic import SecretStr

from activities.channels.base import wrong_content
from activities.channels.http import CONNECTIONS, body_of, http_client, post_json
from activities.channels.message import Accepted, Outgoing, WhatsAppContent
from activities.channels.over_http import OverHttp
from activities.channels.tracing import sending
from activities.channels.whatsapp.errors import refusal


class _Settings(Protocol):
    @property
    def whatsapp_token(self) -> SecretStr: ...
    @property
    def whatsapp_phone_number_id(self) -> str: ...
    @property
    def whatsapp_url(self) -> str: ...
    @property
    def whatsapp_version(self) -> str: ...


class WhatsApp(OverHttp):
    """One business phone number."""

    name = "whatsapp"
    idempotent = False
    tells_within = timedelta(minutes=2)  # a status follows within seconds as a rule

    def __init__(
        self,
        token: str,
        phone_number_id: str,
        url: str,
        version: str,
        http: httpx.AsyncClient,
        connections: int = CONNECTIONS,
    ) -> None:
        self._url = f"{url.rstrip('/')}/{version}/{phone_number_id}/messages"
        self._authorization = f"Bearer {token}"
        super().__init__(http, url, connections)

    @classmethod
    def configured(cls, settings: _Settings) -> Self | None:
        """The phone number whose id is given."""
        if not (number := settings.whatsapp_phone_number_id):
            return None
        token = settings.whatsapp_token.get_secret_value()
        return cls(token, number, settings.whatsapp_url, settings.whatsapp_version, http_client())

    @asynccontextmanager
    async def ready(self) -> AsyncIterator["WhatsAppLine"]:
        """A place, and a provider that answers."""
        async with self._place():
            yield WhatsAppLine(self)

    async def post(self, payload: dict[str, Any], headers: dict[str, str]) -> httpx.Response:
        """Post a message."""
        headers["authorization"] = self._authorization
        with self._on_the_way():
            return await post_json(self._http, self.name, self._url, payload, headers)


class WhatsAppLine:
    """The way to the Cloud API."""

    def __init__(self, whatsapp: WhatsApp) -> None:
        self._whatsapp = whatsapp

    async def send(self, outgoing: Outgoing) -> Accepted:
        """Send one template message."""
        if not isinstance(outgoing.content, WhatsAppContent):
            wrong_content(WhatsApp.name, outgoing)
        with sending(WhatsApp.name, outgoing) as headers:
            return _accepted(await self._whatsapp.post(message(outgoing, outgoing.content), headers))


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


def _accepted(answer: httpx.Response) -> Accepted:
    """Meta's id of the message: its only proof that it took it."""
    messages = body_of(answer).get("messages")
    first = messages[0] if isinstance(messages, list) and messages else None
    found = first.get("id") if isinstance(first, dict) else None
    if answer.is_success and isinstance(found, str) and found:
        return Accepted(provider_message_id=found)
    raise refusal(answer)
