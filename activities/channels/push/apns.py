"""Push through Apple's own service, APNs, over HTTP/2: to iOS devices, where it is configured, in place of FCM.

Promise: at most once in doubt, as with FCM. APNs does not tell copies apart, so a marketing push whose answer was lost is not
sent again; should one be sent twice all the same, both carry one `apns-id` and one `apns-collapse-id`, and the phone shows
one. A push ends with its message.
Source: Apple's "Sending notification requests to APNs".
"""

import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol, Self
from uuid import UUID, uuid5

import httpx

from activities.channels.base import wrong_content
from activities.channels.errors import EndpointGone
from activities.channels.http import CONNECTIONS, http_client, post
from activities.channels.message import Accepted, Outgoing, PushContent, tag_of
from activities.channels.over_http import OverHttp
from activities.channels.push.apns_errors import proof
from activities.channels.push.apns_payload import payload
from activities.channels.push.apns_token import ApnsToken
from activities.channels.secret_files import text_in
from activities.channels.tracing import sending

_OURS = UUID("5b1f7c0e-4a55-5e0b-9a39-4d0c0e6a7d11")  # the name space of our messages' ids
_TOKEN = re.compile(r"[0-9A-Fa-f]{16,400}")  # Apple does not say how long one is
_PRIORITIES = {"high": "10", "normal": "5"}


class _Settings(Protocol):
    @property
    def apns_key(self) -> Path | None: ...
    @property
    def apns_key_id(self) -> str: ...
    @property
    def apns_team_id(self) -> str: ...
    @property
    def apns_topic(self) -> str: ...
    @property
    def apns_url(self) -> str: ...


class Apns(OverHttp):
    """An app of Apple's; `topic` is its bundle id, `url` says whether production or development."""

    name = "apns"
    needs = "JOURNEYS_APNS_KEY"
    idempotent = False
    tells_within = timedelta(0)
    platforms = frozenset({"ios"})

    def __init__(self, token: ApnsToken, topic: str, url: str, http: httpx.AsyncClient, connections: int = CONNECTIONS) -> None:
        self.topic = topic
        self.token = token
        #: Whether a push was accepted: from then on a token that is called bad is bad, and not the settings.
        self.proved = False
        self._url = url.rstrip("/")
        super().__init__(http, url, connections)

    @classmethod
    def configured(cls, settings: _Settings) -> Self | None:
        """The app whose key is given."""
        if settings.apns_key is None:
            return None
        token = ApnsToken(text_in(settings.apns_key, cls.needs), settings.apns_key_id, settings.apns_team_id)
        return cls(token, settings.apns_topic, settings.apns_url, http_client(http1=False))

    @asynccontextmanager
    async def ready(self) -> AsyncIterator["ApnsLine"]:
        """A place, a signed token, and a provider that answers."""
        async with self._place():
            yield ApnsLine(self, self.token.current())

    async def post(self, device: str, headers: dict[str, str], body: bytes) -> httpx.Response:
        """Post a notification for a device."""
        with self._on_the_way():
            return await post(self._http, self.name, f"{self._url}/3/device/{device}", body, headers)


@dataclass(frozen=True, slots=True)
class ApnsLine:
    """The way to APNs with a token in hand."""

    apns: Apns
    token: str

    async def send(self, outgoing: Outgoing) -> Accepted:
        """Send one push."""
        if not isinstance(outgoing.content, PushContent):
            wrong_content(Apns.name, outgoing)
        if not _TOKEN.fullmatch(outgoing.address.value):
            raise EndpointGone("apns: not a device token")
        with sending(Apns.name, outgoing) as headers:
            told = headers | _headers(outgoing, outgoing.content, self.apns.topic) | {"authorization": f"bearer {self.token}"}
            answer = await self.apns.post(outgoing.address.value, told, payload(outgoing, outgoing.content))
            accepted = Accepted(provider_message_id=proof(answer, proved=self.apns.proved))
            self.apns.proved = True
            return accepted


def _headers(outgoing: Outgoing, content: PushContent, topic: str) -> dict[str, str]:
    told = {
        "apns-id": str(uuid5(_OURS, outgoing.key)),
        "apns-topic": topic,
        "apns-push-type": "alert",
        "apns-priority": _PRIORITIES[content.priority],
        "apns-collapse-id": tag_of(outgoing.key, content.collapse),
    }
    if outgoing.useful_for is not None:
        told["apns-expiration"] = str(int(time.time() + outgoing.useful_for.total_seconds()))
    return told
