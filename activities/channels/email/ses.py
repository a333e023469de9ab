"""Email through Amazon SES, version 2 of its API: the letter of our own making, so that it is the same as by SMTP.

Promise: at most once in doubt. SES has no idempotency keys, so a marketing letter whose answer was lost is not sent again; but
the key stands in the letter (`X-Message-Key`), which SES tells with each event: the webhook settles the doubt afterwards, and a
transactional one waits for it before a second copy. SES writes `Message-ID` and `Date` anew.
Source: Amazon SES API v2, "SendEmail"; "Common errors" of AWS.
"""

import re
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, Self

import httpx
import orjson
from pydantic import SecretStr

from activities.channels.aws import Credentials, signed
from activities.channels.base import wrong_content
from activities.channels.email.letter import EmailSettings, Sender, letter, recipient
from activities.channels.errors import Ambiguous, ChannelError, Refused, TryLater, Unable
from activities.channels.http import CONNECTIONS, body_of, http_client, post, retry_after
from activities.channels.message import Accepted, EmailContent, Outgoing
from activities.channels.over_http import OverHttp
from activities.channels.tracing import sending

_PATH = "/v2/email/outbound-emails"
_TELLS_WITHIN = timedelta(minutes=2)  # an event follows within seconds as a rule
_LARGEST = 10 * 1024 * 1024  # bytes of a letter, headers included

#: The quota of the day; more may be left in an hour.
_QUOTA = frozenset({"LimitExceededException"})
_QUOTA_PAUSE = timedelta(hours=1)
#: What a person has to repair: the account, its address, the configuration set.
_REPAIR = frozenset(
    {"AccountSuspendedException", "SendingPausedException", "MailFromDomainNotVerifiedException", "NotFoundException"}
)
_LATER, _UNKNOWN_TO_IT = (408, 429, 503), (401, 403, 404)
_SETTINGS = "check JOURNEYS_SES_REGION, JOURNEYS_SES_ACCESS_KEY_ID and the account in the SES console"


class _Settings(EmailSettings, Protocol):
    @property
    def ses_region(self) -> str: ...
    @property
    def ses_access_key_id(self) -> str: ...
    @property
    def ses_secret_access_key(self) -> SecretStr: ...
    @property
    def ses_configuration_set(self) -> str: ...
    @property
    def ses_topic_arn(self) -> str: ...
    @property
    def ses_url(self) -> str: ...


class Ses(OverHttp):
    """Amazon SES in one region. Without a topic it never tells what became of a letter."""

    name = "ses"
    needs = "JOURNEYS_SES_REGION"
    goes_with = ("JOURNEYS_SES_ACCESS_KEY_ID", "JOURNEYS_SES_SECRET_ACCESS_KEY", "JOURNEYS_EMAIL_FROM")
    idempotent = False
    tells_within = timedelta(0)

    def __init__(
        self,
        region: str,
        credentials: Credentials,
        sender: Sender,
        http: httpx.AsyncClient,
        *,
        url: str = "",
        connections: int = CONNECTIONS,
    ) -> None:
        self.sender = sender
        self.configuration_set = ""
        self._region, self._credentials = region, credentials
        self._base = url or f"https://email.{region}.amazonaws.com"
        super().__init__(http, self._base, connections)

    @classmethod
    def configured(cls, settings: _Settings) -> Self | None:
        """The region that is given."""
        if not (region := settings.ses_region):
            return None
        credentials = Credentials(settings.ses_access_key_id, settings.ses_secret_access_key.get_secret_value())
        ses = cls(region, credentials, Sender.of(settings), http_client(), url=settings.ses_url)
        ses.configuration_set = settings.ses_configuration_set
        if settings.ses_topic_arn:
            ses.tells_within = _TELLS_WITHIN
        return ses

    @asynccontextmanager
    async def ready(self) -> AsyncIterator["SesLine"]:
        """A place, and a provider that answers."""
        async with self._place():
            yield SesLine(self)

    @property
    def senders(self) -> frozenset[str]:
        """The sender's domain."""
        return frozenset({self.sender.domain})

    async def post(self, to: str, written: bytes, headers: dict[str, str]) -> httpx.Response:
        """Post a letter."""
        url, body = self._base.rstrip("/") + _PATH, orjson.dumps(self._request(to, written))
        proof = signed(url, body, "ses", self._region, self._credentials, datetime.now(UTC))
        with self._on_the_way():
            return await post(self._http, self.name, url, body, headers | proof)

    def _request(self, to: str, written: bytes) -> dict[str, Any]:
        request: dict[str, Any] = {
            "FromEmailAddress": self.sender.address,
            "Destination": {"ToAddresses": [to]},
            "Content": {"Raw": {"Data": b64encode(written).decode()}},
        }
        return request | ({"ConfigurationSetName": self.configuration_set} if self.configuration_set else {})


class SesLine:
    """The way to SES."""

    def __init__(self, ses: Ses) -> None:
        self._ses = ses

    async def send(self, outgoing: Outgoing) -> Accepted:
        """Send one letter."""
        if not isinstance(outgoing.content, EmailContent):
            wrong_content(Ses.name, outgoing)
        with sending(Ses.name, outgoing) as headers:
            to = recipient(outgoing.address.value)
            if not to.isascii():
                raise Unable("ses takes no address whose local part is not ASCII")
            written = letter(outgoing, outgoing.content, self._ses.sender, {})
            if len(written) > _LARGEST:
                raise Unable(f"ses takes letters of at most {_LARGEST} bytes, and this one has {len(written)}")
            return accepted(await self._ses.post(to, written, headers))


def accepted(answer: httpx.Response) -> Accepted:
    """SES's id of the message: its only proof that it took it.

    Raises:
        ChannelError: there is none.
    """
    found = body_of(answer).get("MessageId")
    if answer.is_success and isinstance(found, str) and found:
        return Accepted(provider_message_id=found)
    raise refusal(answer)


def refusal(answer: httpx.Response) -> ChannelError:
    """The channel's error for an answer that is no proof."""
    status, code = answer.status_code, _code(answer)
    detail = f"ses {status} {code}".rstrip()
    if code in _QUOTA:
        return TryLater(f"{detail}: the account's quota is used up", _QUOTA_PAUSE)
    if status in _LATER or answer.is_redirect:
        return TryLater(detail, retry_after(answer))
    if status in _UNKNOWN_TO_IT or code in _REPAIR or _unverified(answer, code):
        return TryLater(f"{detail}; {_SETTINGS}")
    return Refused(detail) if answer.is_client_error else Ambiguous(f"{detail}: neither a yes nor a no")


def _code(answer: httpx.Response) -> str:
    """The error's name, which stands in a header, or in the body with its shape's address."""
    said = answer.headers.get("x-amzn-errortype") or body_of(answer).get("__type") or ""
    found = re.search(r"[A-Za-z]+(?=$|:)", str(said).rpartition("#")[2])
    return found.group() if found else ""


def _unverified(answer: httpx.Response, code: str) -> bool:
    """Whether it is our own address that SES does not know yet; of the letter and its recipient it says so otherwise."""
    message = str(body_of(answer).get("message") or body_of(answer).get("Message") or "")
    return code == "MessageRejected" and "not verified" in message
