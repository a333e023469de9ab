"""Text messages by Twilio's Programmable Messaging.

Promise: at most once in doubt. Twilio's messages have no idempotency key, so a marketing message whose answer was lost is not
sent again; but it is looked for in Twilio's own list at once, and the key travels in the address of the status callback, so
that a status settles the doubt afterwards. A transactional one waits for that before a second copy.
Source: Twilio's OpenAPI description of the API 2010-04-01, `CreateMessage`; "Track the Message Status of Outbound Messages".
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Protocol, Self
from urllib.parse import urlencode

import httpx
from pydantic import SecretStr

from activities.channels.base import wrong_content
from activities.channels.errors import Ambiguous, ChannelError, Misconfigured
from activities.channels.http import CONNECTIONS, body_of, get, http_client, post
from activities.channels.instants import header_date
from activities.channels.message import Accepted, Outgoing, SmsContent
from activities.channels.over_http import OverHttp
from activities.channels.sms.senders import sender_for, sender_of
from activities.channels.sms.twilio_errors import refusal
from activities.channels.tracing import sending

#: Where statuses and replies are posted, below the public address; the key of the message stands in the query.
WEBHOOK = "/v1/webhooks/twilio"
_VERSION = "2010-04-01"
_LONGEST_VALIDITY = 36_000  # seconds; the usual one, too
_LISTED = 50
_SECOND = timedelta(seconds=1)  # Twilio's instants are whole ones


class _Settings(Protocol):
    @property
    def twilio_account_sid(self) -> str: ...
    @property
    def twilio_auth_token(self) -> SecretStr: ...
    @property
    def twilio_api_key(self) -> str: ...
    @property
    def twilio_api_secret(self) -> SecretStr: ...
    @property
    def twilio_url(self) -> str: ...
    @property
    def sms_senders(self) -> Mapping[str, str]: ...
    @property
    def public_url(self) -> str: ...


class Twilio(OverHttp):
    """One account, and its senders by country. Without a `callback` it never tells what became of a message."""

    name = "twilio"
    needs = "JOURNEYS_TWILIO_ACCOUNT_SID"
    goes_with = ("JOURNEYS_TWILIO_AUTH_TOKEN or JOURNEYS_TWILIO_API_KEY", "JOURNEYS_SMS_SENDERS")
    idempotent = False
    tells_within = timedelta(minutes=2)  # a status follows within seconds as a rule

    def __init__(
        self,
        account: str,
        login: tuple[str, str],
        senders: Mapping[str, str],
        url: str,
        http: httpx.AsyncClient,
        callback: str | None = None,
        connections: int = CONNECTIONS,
    ) -> None:
        if callback is None:
            self.tells_within = timedelta(0)
        self._url = f"{url.rstrip('/')}/{_VERSION}/Accounts/{account}/Messages.json"
        self._login, self._senders, self._callback = httpx.BasicAuth(*login), senders, callback
        super().__init__(http, url, connections)
        self._given: deque[str] = deque(maxlen=1_000)  # the ids that answers gave: those messages are not the one in doubt

    @classmethod
    def configured(cls, settings: _Settings) -> Self | None:
        """The account whose SID is given, by an API key, else by its token, which also signs what comes back.

        Raises:
            Misconfigured: an API key without its secret, or the other way round.
        """
        if not (account := settings.twilio_account_sid):
            return None
        token = settings.twilio_auth_token.get_secret_value()
        login = (settings.twilio_api_key, settings.twilio_api_secret.get_secret_value())
        if any(login) and not all(login):
            raise Misconfigured("JOURNEYS_TWILIO_API_KEY and JOURNEYS_TWILIO_API_SECRET go together: set both, or neither")
        callback = settings.public_url.rstrip("/") + WEBHOOK if token else None
        used = login if all(login) else (account, token)
        return cls(account, used, settings.sms_senders, settings.twilio_url, http_client(), callback)

    @asynccontextmanager
    async def ready(self) -> AsyncIterator["TwilioLine"]:
        """A place, and a provider that answers."""
        async with self._place():
            yield TwilioLine(self)

    @property
    def senders(self) -> frozenset[str]:
        """Those of all countries."""
        return frozenset(self._senders.values())

    def number(self, address: str) -> str:
        """The sender of its country."""
        return sender_of(self._senders, address) or ""

    def form(self, outgoing: Outgoing, content: SmsContent) -> dict[str, str]:
        """Twilio's form for a message.

        Raises:
            Refused: no sender is set for its country.
        """
        sender = sender_for(self._senders, outgoing.address.value)
        by = "MessagingServiceSid" if _is_pool(sender) else "From"
        form = {"To": outgoing.address.value, by: sender, "Body": content.text}
        if self._callback:
            form["StatusCallback"] = f"{self._callback}?{urlencode({'key': outgoing.key})}"
        if outgoing.useful_for is not None and (left := int(outgoing.useful_for.total_seconds())) < _LONGEST_VALIDITY:
            form["ValidityPeriod"] = str(max(left, 1))
        return form

    async def post(self, form: Mapping[str, str], headers: Mapping[str, str]) -> Accepted:
        """Post a message."""
        kind = {"content-type": "application/x-www-form-urlencoded"}
        with self._on_the_way():
            answer = await post(self._http, self.name, self._url, urlencode(form).encode(), self._signed(headers) | kind)
        accepted = _accepted(answer)
        self._given.append(str(accepted.provider_message_id))
        return accepted

    async def listed(self, form: Mapping[str, str], began: float) -> str | None:
        """The id of a message in doubt in Twilio's list, by number, text and time: created since our request `began`.

        By Twilio's clock, whatever ours shows. What is not listed (yet) may have been accepted all the same.
        """
        asked = urlencode({"To": form["To"], "PageSize": _LISTED})
        answer = await get(self._http, self.name, f"{self._url}?{asked}", self._signed({}))
        age = timedelta(seconds=asyncio.get_running_loop().time() - began) + _SECOND
        now = header_date(answer.headers.get("date", ""))
        if now is None:
            return None
        try:
            found = [each["sid"] for each in body_of(answer)["messages"] if _is_it(each, form["Body"], now, age)]
        except (KeyError, TypeError):
            return None
        return next((str(sid) for sid in found if sid not in self._given), None)

    def _signed(self, headers: Mapping[str, str]) -> dict[str, str]:
        request = next(self._login.auth_flow(httpx.Request("GET", self._url)))
        return {**headers, "authorization": request.headers["authorization"]}


class TwilioLine:
    """The way to Twilio."""

    def __init__(self, twilio: Twilio) -> None:
        self._twilio = twilio

    async def send(self, outgoing: Outgoing) -> Accepted:
        """Send one text; where no answer came, look whether Twilio has it."""
        if not isinstance(outgoing.content, SmsContent):
            wrong_content(Twilio.name, outgoing)
        form, began = self._twilio.form(outgoing, outgoing.content), asyncio.get_running_loop().time()
        with sending(Twilio.name, outgoing) as headers:
            try:
                return await self._twilio.post(form, headers)
            except Ambiguous:
                if sid := await self._found(form, began):
                    return Accepted(provider_message_id=sid)
                raise

    async def _found(self, form: Mapping[str, str], began: float) -> str | None:
        try:
            return await self._twilio.listed(form, began)
        except ChannelError:
            return None  # which leaves the doubt


def _is_pool(sender: str) -> bool:
    return sender.startswith("MG") and len(sender) == 34  # noqa: PLR2004 - two letters and 32 digits


def _is_it(listed: Mapping[str, Any], text: str, now: datetime, age: timedelta) -> bool:
    ours = str(listed["direction"]).startswith("outbound") and listed["body"] == text
    created = header_date(listed["date_created"]) if ours else None
    return created is not None and now - created <= age


def _accepted(answer: httpx.Response) -> Accepted:
    """Twilio's id of the message: its only proof that it took it."""
    found = body_of(answer).get("sid")
    if answer.is_success and isinstance(found, str) and found:
        return Accepted(provider_message_id=found)
    raise refusal(answer)
