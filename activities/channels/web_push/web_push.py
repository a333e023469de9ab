"""Web push: notifications to browsers through the push service that each of them names, encrypted for the browser alone.

Promise: at most once in doubt. Push services have no idempotency keys, so a marketing message whose answer was lost is not sent
again; should one be sent twice all the same, both carry one topic and one tag, and the browser shows one. A subscription comes
from strangers' pages, so no request goes to an address inside, but by the named setting. A message ends with its usefulness.
Sources: RFC 8030 (requests), RFC 8291 (encryption), RFC 8292 (who we are).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, Self
from urllib.parse import urlsplit

import httpx
import orjson
from pydantic import SecretStr

from activities.channels.base import Sends, wrong_content
from activities.channels.errors import EndpointGone, Forbidden, Refused
from activities.channels.http import CONNECTIONS, post
from activities.channels.message import Accepted, Outgoing, WebPushContent, tag_of
from activities.channels.tracing import sending
from activities.channels.web_push.encryption import LIMIT, Subscription, encrypted, unpadded
from activities.channels.web_push.errors import TAKEN, refusal
from activities.channels.web_push.told import id_of, told_token
from activities.channels.web_push.vapid import Vapid
from activities.web.addresses import network_of
from activities.web.guarded import guarded_client
from store.addresses import browser_subscription

_LONGEST_LIFE = timedelta(days=28)  # no service keeps a message for longer
#: A stranger's address may be a trap: what does not answer for so long holds up nobody else.
_PATIENCE = timedelta(seconds=30)


class _Settings(Protocol):
    @property
    def web_push_key(self) -> SecretStr: ...
    @property
    def web_push_contact(self) -> str: ...
    @property
    def private_targets(self) -> tuple[str, ...]: ...
    @property
    def public_url(self) -> str: ...
    @property
    def signing_secret(self) -> str: ...


class WebPush(Sends):
    """All push services there are; `url` is where browsers tell what became of a message."""

    name = "web-push"
    needs = "JOURNEYS_WEB_PUSH_KEY"
    idempotent = False
    tells_within = timedelta(0)

    def __init__(self, vapid: Vapid, http: httpx.AsyncClient, *, secret: str, url: str, connections: int = CONNECTIONS) -> None:
        self.connections = connections
        self._vapid = vapid
        self._http = http
        self._secret = secret
        self._url = url.rstrip("/")
        self._places = asyncio.Semaphore(connections)
        self._proved: set[str] = set()

    @classmethod
    def configured(cls, settings: _Settings) -> Self | None:
        """Whoever has a key may write to the browsers that were given its public half."""
        key = settings.web_push_key.get_secret_value()
        if not key:
            return None
        opened = [network_of(each) for each in settings.private_targets]
        client = guarded_client(_PATIENCE, opened, connections=CONNECTIONS)
        vapid = Vapid(key, settings.web_push_contact)
        return cls(vapid, client, secret=settings.signing_secret, url=settings.public_url)

    @asynccontextmanager
    async def ready(self) -> AsyncIterator["WebPushLine"]:
        """A place. There are as many services as browsers' makers, so none is asked beforehand."""
        async with self._places:
            yield WebPushLine(self)

    async def post(self, to: Subscription, headers: dict[str, str], body: bytes) -> None:
        """Hand an encrypted message to a browser's service.

        Raises:
            ChannelError: it did not take it.
        """
        headers["authorization"] = self._vapid.authorization(to.endpoint)
        origin = urlsplit(to.endpoint).netloc
        try:
            answer = await post(self._http, self.name, to.endpoint, body, headers)
        except Forbidden:
            raise EndpointGone("web-push: the subscription leads to an address inside") from None
        if answer.status_code not in TAKEN:
            raise refusal(answer, proved=origin in self._proved)
        self._proved.add(origin)

    def payload(self, outgoing: Outgoing, content: WebPushContent) -> bytes:
        """What the service worker is given."""
        told = f"{self._url}/w/{told_token(self._secret, outgoing.key)}"
        shown = content.model_dump(exclude={"priority", "collapse"}, exclude_defaults=True)
        return orjson.dumps(shown | {"tag": tag_of(outgoing.key, content.collapse), "told": told})

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()


@dataclass(frozen=True, slots=True)
class WebPushLine:
    """The way to every push service."""

    web_push: WebPush

    async def send(self, outgoing: Outgoing) -> Accepted:
        """Send one notification."""
        if not isinstance(outgoing.content, WebPushContent):
            wrong_content(WebPush.name, outgoing)
        to, payload = _subscription(outgoing.address.value), self.web_push.payload(outgoing, outgoing.content)
        if len(payload) > LIMIT:
            raise Refused(
                f"web-push takes {LIMIT} bytes, and this one has {len(payload)}; shorten the template's texts or data"
            )
        with sending(WebPush.name, outgoing) as headers:
            await self.web_push.post(to, headers | _headers(outgoing, outgoing.content), _encrypted(payload, to))
            return Accepted(provider_message_id=id_of(outgoing.key))


def _headers(outgoing: Outgoing, content: WebPushContent) -> dict[str, str]:
    left = _LONGEST_LIFE if outgoing.useful_for is None else min(outgoing.useful_for, _LONGEST_LIFE)
    return {
        "content-type": "application/octet-stream",
        "content-encoding": "aes128gcm",
        "ttl": str(int(left.total_seconds())),
        "urgency": content.priority,
        "topic": tag_of(outgoing.key, content.collapse),
    }


def _subscription(address: str) -> Subscription:
    """Out of the address as ingest has written it."""
    written = browser_subscription(address)
    if written is None:
        raise EndpointGone("web-push: not a subscription")
    told = orjson.loads(written)
    return Subscription(told["endpoint"], unpadded(told["p256dh"]), unpadded(told["auth"]))


def _encrypted(payload: bytes, to: Subscription) -> bytes:
    try:
        return encrypted(payload, to)
    except ValueError:
        raise EndpointGone("web-push: the subscription's key is none") from None
