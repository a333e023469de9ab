"""Amazon SNS over HTTPS: whose message it is, and that it is no old one.

Promise: nothing is taken but what Amazon's own certificate signed, for the configured topic, within two hours; nobody is
asked but Amazon's own hosts. SNS signs every account's messages, so that the topic is what tells ours from an attacker's.
Source: Amazon SNS, "Verifying the signatures of Amazon SNS messages" (versions 1 and 2).
"""

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Annotated, Literal
from urllib.parse import urlsplit

import httpx
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from pydantic import AwareDatetime, BaseModel, Field, TypeAdapter

#: SNS tries again for an hour, with the time of the first attempt.
_FRESH = timedelta(hours=2)
_HOST = re.compile(r"sns\.[a-z0-9-]{1,32}\.amazonaws\.com(\.cn)?")
_HASHES = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303 - version 1 is SNS's default
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
_SIGNED["UnsubscribeConfirmation"] = _SIGNED["SubscriptionConfirmation"]
_CERTIFICATES = 8
_LARGEST = 64 * 1024  # bytes

Get = Callable[[str], Awaitable[bytes]]
_TIME = TypeAdapter(AwareDatetime)


class NotGenuine(Exception):
    """It is not Amazon's, not ours, or too old; the message says which."""


class Envelope(BaseModel):
    """What SNS posts; a field's alias is SNS's name for it."""

    type: Annotated[Literal["Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"], Field(alias="Type")]
    message_id: Annotated[str, Field(alias="MessageId", max_length=256)]
    topic: Annotated[str, Field(alias="TopicArn")]
    message: Annotated[str, Field(alias="Message")]
    subject: Annotated[str | None, Field(alias="Subject")] = None
    timestamp: Annotated[str, Field(alias="Timestamp")]
    version: Annotated[Literal["1", "2"], Field(alias="SignatureVersion")]
    signature: Annotated[str, Field(alias="Signature")]
    certificate: Annotated[str, Field(alias="SigningCertURL")]
    subscribe: Annotated[str | None, Field(alias="SubscribeURL")] = None
    token: Annotated[str | None, Field(alias="Token")] = None

    @property
    def signed(self) -> bytes:
        """The bytes that are signed: names and values in SNS's order, a line each, without those that are not there."""
        told = self.model_dump(by_alias=True)
        lines = [f"{name}\n{told[name]}\n" for name in _SIGNED[self.type] if told[name] is not None]
        return "".join(lines).encode()


class Sns:
    """The topic that is listened to; certificates are kept, because there are few."""

    def __init__(self, topic: str, get: Get | None = None, setting: str = "JOURNEYS_SES_TOPIC_ARN") -> None:
        self._topic, self._setting = topic, setting
        self._get = get or _get
        self._kept: OrderedDict[str, x509.Certificate] = OrderedDict()

    async def genuine(self, envelope: Envelope, now: datetime) -> None:
        """Look whether a message is Amazon's, and ours.

        Raises:
            NotGenuine: it is not.
        """
        if not self._topic or envelope.topic != self._topic:
            raise NotGenuine(f"the topic is not that of {self._setting}")
        if abs(_sent(envelope) - now) > _FRESH:
            raise NotGenuine("it is more than two hours old")
        certificate = await self._certificate(envelope.certificate)
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise NotGenuine("its certificate is not valid now")
        _verified(certificate, envelope)

    async def confirm(self, envelope: Envelope) -> None:
        """Tell Amazon that the topic may post here.

        Raises:
            NotGenuine: the address to tell it at is not Amazon's.
        """
        await self._get(_amazons(envelope.subscribe or ""))

    async def _certificate(self, url: str) -> x509.Certificate:
        if url not in self._kept:
            path = urlsplit(_amazons(url)).path
            if not path.endswith(".pem"):
                raise NotGenuine("its certificate's address is not one of SNS")
            try:
                self._kept[url] = x509.load_pem_x509_certificate(await self._get(url))
            except ValueError:
                raise NotGenuine("what stands at its certificate's address is none") from None
            while len(self._kept) > _CERTIFICATES:
                self._kept.popitem(last=False)
        return self._kept[url]


def _amazons(url: str) -> str:
    """An address at Amazon's SNS, and no other.

    Raises:
        NotGenuine: it is another.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise NotGenuine("an address in it is malformed") from None
    plain = url.isascii() and url.isprintable() and "\\" not in url and "@" not in parts.netloc and port is None
    if parts.scheme != "https" or not plain or not _HOST.fullmatch(parts.netloc):
        raise NotGenuine("an address in it is not one of Amazon SNS")
    return url


def _verified(certificate: x509.Certificate, envelope: Envelope) -> None:
    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey):
        raise NotGenuine("its certificate is not one of SNS")
    try:
        key.verify(b64decode(envelope.signature, validate=True), envelope.signed, PKCS1v15(), _HASHES[envelope.version])
    except (InvalidSignature, NotBase64):
        raise NotGenuine("the signature is not that of its certificate") from None


def _sent(envelope: Envelope) -> datetime:
    try:
        return _TIME.validate_python(envelope.timestamp)
    except ValueError:
        raise NotGenuine("it says no time") from None


async def _get(url: str) -> bytes:
    """What Amazon answers, up to a limit; no redirect is followed."""
    try:
        async with httpx.AsyncClient(timeout=10) as client, client.stream("GET", url) as answer:
            found = bytearray()
            async for chunk in answer.aiter_bytes():
                found += chunk
                if len(found) > _LARGEST:
                    break
    except httpx.HTTPError as error:
        raise NotGenuine(f"Amazon SNS does not answer ({type(error).__name__})") from None
    if not answer.is_success or len(found) > _LARGEST:
        raise NotGenuine(f"Amazon SNS answers {answer.status_code}")
    return bytes(found)
