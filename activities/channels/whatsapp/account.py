"""A WhatsApp Business Account from the inside: how its templates stand, and customers' messages shown as read.

Promise: what Meta says is kept as of when it was asked; nothing here sends a message, and whatever fails is asked again later.
Source: Meta's OpenAPI description v23.0, `GET /{waba-id}/message_templates` and `POST /{phone-number-id}/messages`
(`MarkMessageRequestPayload`).
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol, Self
from urllib.parse import urlencode

import httpx
import structlog
from pydantic import SecretStr

from activities.channels.errors import ChannelError, EndpointGone, Refused
from activities.channels.http import body_of, get, http_client, post_json
from activities.channels.whatsapp.errors import refusal
from journeys.clock import Clock
from store import Database
from store.deliveries import replies, whatsapp
from store.deliveries.whatsapp import TemplateState

log = structlog.get_logger(__name__)

_NAME = "whatsapp"
_PAGE, _PAGES = 250, 40  # an account has at most 6,000 templates
_FIELDS = "name,language,status,category"
#: Nobody waits longer to see that a message was read.
_UNREAD = timedelta(days=1)


class _Settings(Protocol):
    @property
    def whatsapp_token(self) -> SecretStr: ...
    @property
    def whatsapp_phone_number_id(self) -> str: ...
    @property
    def whatsapp_business_account_id(self) -> str: ...
    @property
    def whatsapp_url(self) -> str: ...
    @property
    def whatsapp_version(self) -> str: ...
    @property
    def clock(self) -> Clock: ...


@dataclass(frozen=True)
class Account:
    """One account, one of its numbers, and where what it says is kept; `url` has the API's version at its end."""

    database: Database
    clock: Clock
    url: str
    token: str
    number: str
    account: str
    http: httpx.AsyncClient

    @classmethod
    def configured(cls, settings: _Settings, database: Database) -> Self | None:
        """The account of the number that messages come from."""
        if not (number := settings.whatsapp_phone_number_id):
            return None
        url = f"{settings.whatsapp_url.rstrip('/')}/{settings.whatsapp_version}"
        token = settings.whatsapp_token.get_secret_value()
        account = settings.whatsapp_business_account_id
        return cls(database, settings.clock, url, token, number, account, http_client())

    async def look(self) -> None:
        """Ask how all templates stand, where it is known whose they are. Where Meta does not say, what is known stays."""
        if not self.account:
            return
        at = self.clock.now()
        try:
            states = [TemplateState(**each, at=at) async for each in self._templates()]
        except ChannelError as error:
            log.warning("how WhatsApp's templates stand is not known anew", why=error.detail)
            return
        async with self.database.transaction() as connection:
            gone = await whatsapp.listed(connection, states, at)
        if gone:
            log.warning("WhatsApp templates are gone", names=gone)

    async def show_as_read(self) -> None:
        """Show customers that what they wrote, and a journey has heard, was read; what Meta does not take, the next time."""
        since = self.clock.now() - _UNREAD
        while ids := await replies.unread(self.database, _NAME, since):
            for each in ids:
                try:
                    await self._show_as_read(each)
                except ChannelError as error:
                    log.info("messages are not shown as read yet", why=error.detail)
                    return
                await replies.shown_as_read(self.database, _NAME, [each], since)

    async def close(self) -> None:
        """Let go of the connections."""
        await self.http.aclose()

    async def _templates(self) -> AsyncIterator[dict[str, Any]]:
        after: str | None = None
        for _ in range(_PAGES):
            asked = {"fields": _FIELDS, "limit": _PAGE} | ({"after": after} if after else {})
            answer = await get(self.http, _NAME, f"{self.url}/{self.account}/message_templates?{urlencode(asked)}", self._login)
            told = body_of(answer)
            if not answer.is_success or not isinstance(told.get("data"), list):
                raise refusal(answer)
            for each in told["data"]:
                if isinstance(each, dict) and isinstance(each.get("status"), str):
                    yield {name: str(each[name]) if each.get(name) else None for name in _FIELDS.split(",")}
            paging = told.get("paging") or {}
            after = (paging.get("cursors") or {}).get("after") if paging.get("next") else None
            if after is None:
                return

    async def _show_as_read(self, message_id: str) -> None:
        body = {"messaging_product": "whatsapp", "status": "read", "message_id": message_id}
        answer = await post_json(self.http, _NAME, f"{self.url}/{self.number}/messages", body, self._login)
        if answer.is_success:
            return
        error = refusal(answer)
        if not isinstance(error, Refused | EndpointGone):
            raise error
        log.info("a message is not shown as read", why=error.detail)

    @property
    def _login(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}
