"""WhatsApp through Meta's Cloud API: approved templates, and messages of one's own inside the service window.

Promise: at most once in doubt. The Cloud API has no idempotency keys, so a marketing message whose answer was lost
is not sent again; but the key travels as `biz_opaque_callback_data`, so that the status webhook settles the doubt
afterwards, and a transactional one waits for it before a second copy.
Source: Meta's OpenAPI description of the Cloud API, v23.0.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Protocol, Self

import httpx
from pydantic import SecretStr

from activities.channels.base import wrong_content
from activities.channels.errors import Refused
from activities.channels.http import CONNECTIONS, body_of, http_client, post, post_json
from activities.channels.message import Accepted, Outgoing
from activities.channels.over_http import OverHttp
from activities.channels.tracing import sending
from activities.channels.whatsapp.content import Media, WhatsAppContent
from activities.channels.whatsapp.errors import refusal
from activities.channels.whatsapp.free_form import FreeForm
from activities.channels.whatsapp.media import File, Library
from activities.channels.whatsapp.payload import message
from activities.web.addresses import network_of
from activities.web.guarded import guarded_client

#: How long a read or write may take while a medium is fetched from where it is.
_FETCHING = timedelta(seconds=20)


class _Settings(Protocol):
    @property
    def whatsapp_token(self) -> SecretStr: ...
    @property
    def whatsapp_phone_number_id(self) -> str: ...
    @property
    def whatsapp_url(self) -> str: ...
    @property
    def whatsapp_version(self) -> str: ...
    @property
    def private_targets(self) -> tuple[str, ...]: ...


class WhatsApp(OverHttp):
    """One business phone number."""

    name = "whatsapp"
    needs = "JOURNEYS_WHATSAPP_PHONE_NUMBER_ID"
    goes_with = ("JOURNEYS_WHATSAPP_TOKEN",)
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
        media: httpx.AsyncClient | None = None,
    ) -> None:
        self._number = f"{url.rstrip('/')}/{version}/{phone_number_id}"
        self._authorization = f"Bearer {token}"
        self.library = Library(media or guarded_client(_FETCHING), self._upload)
        super().__init__(http, url, connections)

    @classmethod
    def configured(cls, settings: _Settings) -> Self | None:
        """The phone number whose id is given."""
        if not (number := settings.whatsapp_phone_number_id):
            return None
        token = settings.whatsapp_token.get_secret_value()
        opened = [network_of(each) for each in settings.private_targets]
        media = guarded_client(_FETCHING, opened)
        return cls(token, number, settings.whatsapp_url, settings.whatsapp_version, http_client(), media=media)

    @asynccontextmanager
    async def ready(self) -> AsyncIterator["WhatsAppLine"]:
        """A place, and a provider that answers."""
        async with self._place():
            yield WhatsAppLine(self)

    async def post(self, payload: dict[str, Any], headers: dict[str, str]) -> httpx.Response:
        """Post a message."""
        headers["authorization"] = self._authorization
        with self._on_the_way():
            return await post_json(self._http, self.name, f"{self._number}/messages", payload, headers)

    async def close(self) -> None:
        """Let go of the connections."""
        await self.library.close()
        await super().close()

    async def _upload(self, media: Media, file: File) -> str:
        """Meta's id of an uploaded file."""
        told = {"messaging_product": "whatsapp", "type": file.type}
        form = httpx.Request("POST", self._number, data=told, files={"file": (media.kind, file.content, file.type)})
        headers = {"authorization": self._authorization, "content-type": form.headers["content-type"]}
        with self._on_the_way():
            answer = await post(self._http, self.name, f"{self._number}/media", await form.aread(), headers)
        found = body_of(answer).get("id")
        if answer.is_success and isinstance(found, str) and found:
            return found
        raise refusal(answer)


class WhatsAppLine:
    """The way to the Cloud API."""

    def __init__(self, whatsapp: WhatsApp) -> None:
        self._whatsapp = whatsapp

    async def send(self, outgoing: Outgoing) -> Accepted:
        """Send one message; what it shows is uploaded before."""
        content = outgoing.content
        if not isinstance(content, WhatsAppContent | FreeForm):
            wrong_content(WhatsApp.name, outgoing)
        media = [each for each in content.media if each.upload]
        uploaded = await self._whatsapp.library.ids(media) if media else {}
        with sending(WhatsApp.name, outgoing) as headers:
            try:
                return _accepted(await self._whatsapp.post(message(outgoing, content, uploaded), headers))
            except Refused:
                self._whatsapp.library.forget(media)
                raise


def _accepted(answer: httpx.Response) -> Accepted:
    """Meta's id of the message: its only proof that it took it."""
    messages = body_of(answer).get("messages")
    first = messages[0] if isinstance(messages, list) and messages else None
    found = first.get("id") if isinstance(first, dict) else None
    if answer.is_success and isinstance(found, str) and found:
        return Accepted(provider_message_id=found)
    raise refusal(answer)
