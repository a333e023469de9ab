"""Email through Resend's API, which knows a letter again by our key.

Promise: exactly once where Resend keeps its word: for 24 hours it sends nothing twice under one `Idempotency-Key`, so a letter
in doubt goes again under its key, whatever its purpose. Past that, a marketing letter in doubt stays so. Under one key with
another content Resend says that it has had one: that is a doubt, which the webhook settles by our key (`tags`).
Source: Resend's OpenAPI description (`POST /emails`); its pages "Idempotency Keys" and "Errors".
"""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Protocol, Self

import httpx
from pydantic import SecretStr

from activities.channels.base import wrong_content
from activities.channels.email.letter import EmailSettings, Sender, feedback_id, recipient, ways_out
from activities.channels.email.mime import one_line
from activities.channels.errors import Ambiguous, ChannelError, Refused, TryLater, Unable
from activities.channels.http import CONNECTIONS, body_of, http_client, post_json, retry_after
from activities.channels.message import Accepted, EmailContent, Outgoing
from activities.channels.over_http import OverHttp
from activities.channels.tracing import sending

#: The tag that brings our key back.
TAG = "message_key"
_LONGEST = 256  # of a key, and of a tag's value
_REPAIR = frozenset({"missing_api_key", "invalid_api_key", "restricted_api_key", "invalid_from_address", "not_found"})
#: What is over after a while, where the answer does not say when.
_PAUSES = {
    "daily_quota_exceeded": timedelta(hours=1),
    "monthly_quota_exceeded": timedelta(hours=1),
    "concurrent_idempotent_requests": timedelta(seconds=10),
}
_OTHER_CONTENT = "invalid_idempotent_request"
_LATER, _UNKNOWN_TO_IT = (408, 429, 503), (401, 403, 404, 405)
_SETTINGS = "check JOURNEYS_RESEND_API_KEY, JOURNEYS_EMAIL_FROM and the domain in Resend's dashboard"


class _Settings(EmailSettings, Protocol):
    @property
    def resend_api_key(self) -> SecretStr: ...
    @property
    def resend_url(self) -> str: ...


class Resend(OverHttp):
    """One account."""

    name = "resend"
    needs = "JOURNEYS_RESEND_API_KEY"
    goes_with = ("JOURNEYS_EMAIL_FROM",)
    idempotent = True
    forgets_after = timedelta(hours=23)  # 24, and an hour for clocks and what is on its way
    tells_within = timedelta(0)  # it need not: asking again costs nothing

    def __init__(
        self, api_key: str, sender: Sender, http: httpx.AsyncClient, *, url: str, connections: int = CONNECTIONS
    ) -> None:
        self.sender = sender
        self._url = f"{url.rstrip('/')}/emails"
        self._authorization = f"Bearer {api_key}"
        super().__init__(http, url, connections)

    @classmethod
    def configured(cls, settings: _Settings) -> Self | None:
        """The account whose key is given."""
        key = settings.resend_api_key.get_secret_value()
        return cls(key, Sender.of(settings), http_client(), url=settings.resend_url) if key else None

    @asynccontextmanager
    async def ready(self) -> AsyncIterator["ResendLine"]:
        """A place, and a provider that answers."""
        async with self._place():
            yield ResendLine(self)

    @property
    def senders(self) -> frozenset[str]:
        """The sender's domain."""
        return frozenset({self.sender.domain})

    async def post(self, key: str, payload: dict[str, Any], headers: dict[str, str]) -> httpx.Response:
        """Post a letter under its key."""
        proof = {"authorization": self._authorization, "idempotency-key": key}
        with self._on_the_way():
            return await post_json(self._http, self.name, self._url, payload, headers | proof)


class ResendLine:
    """The way to Resend."""

    def __init__(self, resend: Resend) -> None:
        self._resend = resend

    async def send(self, outgoing: Outgoing) -> Accepted:
        """Send one letter."""
        if not isinstance(outgoing.content, EmailContent):
            wrong_content(Resend.name, outgoing)
        with sending(Resend.name, outgoing) as headers:
            payload = message(outgoing, outgoing.content, self._resend.sender)
            return accepted(await self._resend.post(_own_key(outgoing.key), payload, headers))


def message(outgoing: Outgoing, content: EmailContent, sender: Sender) -> dict[str, Any]:
    """Resend's object for a letter.

    Raises:
        EndpointGone: the customer's address is not one.
        Unable: it is one that Resend cannot name.
    """
    to = recipient(outgoing.address.value)
    if not to.isascii():
        raise Unable("resend takes no address whose local part is not ASCII")
    headers = ways_out(content, sender) | {"X-Message-Key": outgoing.key}
    if outgoing.campaign is not None:
        headers["Feedback-ID"] = feedback_id(outgoing.campaign, sender)
    told = {
        "from": _mailbox(one_line(content.from_name or sender.name), sender.address),
        "to": [to],
        "subject": one_line(content.subject),
        "html": content.html,
        "text": content.text,
        "headers": headers,
        "tags": [{"name": TAG, "value": tag}] if (tag := tag_of(outgoing.key)) else [],
    }
    return told | ({"reply_to": [sender.reply_to]} if sender.reply_to else {})


def _mailbox(name: str, address: str) -> str:
    quoted = name.replace("\\", r"\\").replace('"', r"\"")
    return f'"{quoted}" <{address}>' if name else address


def tag_of(key: str) -> str | None:
    """A key as a tag can hold it: letters, figures, - and _; none for one that is too long."""
    tag = urlsafe_b64encode(key.encode()).decode().rstrip("=")
    return tag if len(tag) <= _LONGEST else None


def key_in(tag: str) -> str | None:
    """The key that a tag holds, if it does."""
    try:
        return urlsafe_b64decode(tag + "=" * (-len(tag) % 4)).decode()
    except (NotBase64, ValueError):
        return None


def _own_key(key: str) -> str:
    plain = key.isascii() and key.isprintable() and len(key) <= _LONGEST
    return key if plain else hashlib.sha256(key.encode()).hexdigest()


def accepted(answer: httpx.Response) -> Accepted:
    """Resend's id of the letter: its only proof that it took it.

    Raises:
        ChannelError: there is none.
    """
    found = body_of(answer).get("id")
    if answer.is_success and isinstance(found, str) and found:
        return Accepted(provider_message_id=found)
    raise refusal(answer)


def refusal(answer: httpx.Response) -> ChannelError:
    """The channel's error for an answer that is no proof."""
    status, name = answer.status_code, str(body_of(answer).get("name") or "")
    detail = f"resend {status} {name if name.isidentifier() else ''}".rstrip()
    if name == _OTHER_CONTENT:
        return Ambiguous(f"{detail}: it was sent before, with another content")
    if name in _PAUSES or status in _LATER:
        return TryLater(detail, retry_after(answer) or _PAUSES.get(name))
    if name in _REPAIR or status in _UNKNOWN_TO_IT:
        return TryLater(f"{detail}; {_SETTINGS}")
    return Refused(detail) if answer.is_client_error else Ambiguous(f"{detail}: neither a yes nor a no")
