"""Google's news of passes, checked and read: somebody saved one, or removed it.

Promise: nothing is taken that Google did not sign for this issuer: the message by an intermediate key, that by one of Google's
root keys. The message names its own end, and a nonce by which it is known when it comes again.
Sources: Google Wallet, "Add and delete callbacks"; Google Pay, "Payment data cryptography for merchants" (`ECv2SigningOnly`).
"""

import base64
import binascii
import struct
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

import httpx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import BaseModel, Field, ValidationError

KEYS_URL = "https://pay.google.com/gp/m/issuer/keys"
_PROTOCOL = "ECv2SigningOnly"
_SENDER = "GooglePayPasses"
_KEPT = timedelta(hours=1)
_LARGEST = 64 * 1024  # bytes of Google's list of keys

Get = Callable[[str], Awaitable[bytes]]


class NotGoogles(Exception):
    """It is not to be taken; says why."""


class _Intermediate(BaseModel):
    signed_key: Annotated[str, Field(alias="signedKey", max_length=4096)]
    signatures: Annotated[list[str], Field(max_length=10)]


class _Envelope(BaseModel):
    signature: Annotated[str, Field(max_length=1024)]
    intermediate: Annotated[_Intermediate, Field(alias="intermediateSigningKey")]
    protocol: Annotated[str, Field(alias="protocolVersion")]
    message: Annotated[str, Field(alias="signedMessage", max_length=16_384)]


class _Key(BaseModel):
    value: Annotated[str, Field(alias="keyValue")]
    expires: Annotated[int | None, Field(alias="keyExpiration")] = None  # milliseconds
    protocol: Annotated[str, Field(alias="protocolVersion")] = _PROTOCOL

    def lives(self, now: datetime) -> bool:
        """Whether it may still sign."""
        return self.protocol == _PROTOCOL and (self.expires is None or self.expires > now.timestamp() * 1000)


class _Keys(BaseModel):
    keys: list[_Key]


class Told(BaseModel):
    """What happened to a pass."""

    object_id: Annotated[str, Field(alias="objectId", max_length=256)]
    expires: Annotated[int, Field(alias="expTimeMillis")]
    event: Annotated[Literal["save", "del"], Field(alias="eventType")]
    nonce: Annotated[str, Field(min_length=1, max_length=128)]

    @property
    def serial(self) -> UUID | None:
        """The pass, where it is one of ours."""
        try:
            return UUID(self.object_id.partition(".")[2])
        except ValueError:
            return None


@dataclass
class GoogleNews:
    """What an issuer is told; Google's root keys are kept for an hour."""

    issuer: str
    get: Get | None = None
    _roots: list[_Key] = field(default_factory=list)
    _since: datetime | None = None

    async def read(self, body: bytes, now: datetime) -> Told:
        """What a message says.

        Raises:
            NotGoogles: it is not signed by Google for this issuer, or is over.
        """
        try:
            envelope = _Envelope.model_validate_json(body)
            key = _Key.model_validate_json(envelope.intermediate.signed_key)
            told = Told.model_validate_json(envelope.message)
        except ValidationError:
            raise NotGoogles("it is not a message of Google Wallet") from None
        if envelope.protocol != _PROTOCOL or not key.lives(now):
            raise NotGoogles("its key has expired, or is for another protocol")
        signed_key = _joined(_SENDER, _PROTOCOL, envelope.intermediate.signed_key)
        roots = [root.value for root in await self._current(now) if root.lives(now)]
        if not any(_signed(root, each, signed_key) for root in roots for each in envelope.intermediate.signatures):
            raise NotGoogles("its key is not signed by one of Google's")
        if not _signed(key.value, envelope.signature, _joined(_SENDER, self.issuer, _PROTOCOL, envelope.message)):
            raise NotGoogles("it is not signed by its key for JOURNEYS_WALLET_GOOGLE_ISSUER")
        if told.expires <= now.timestamp() * 1000:
            raise NotGoogles("it is over")
        return told

    async def _current(self, now: datetime) -> Sequence[_Key]:
        if self._since is None or now - self._since > _KEPT:
            try:
                self._roots = _Keys.model_validate_json(await (self.get or _get)(KEYS_URL)).keys
            except ValidationError:
                raise NotGoogles("what stands at the address of Google's keys are none") from None
            self._since = now
        return self._roots


def _joined(*parts: str) -> bytes:
    """What is signed: each part with its length before it."""
    return b"".join(struct.pack("<I", len(raw)) + raw for raw in (part.encode() for part in parts))


def _signed(key: str, signature: str, content: bytes) -> bool:
    try:
        public = serialization.load_der_public_key(base64.b64decode(key, validate=True))
        if not isinstance(public, ec.EllipticCurvePublicKey):
            return False
        public.verify(base64.b64decode(signature, validate=True), content, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True


async def _get(url: str) -> bytes:
    try:
        async with httpx.AsyncClient(timeout=10) as client:
            answer = await client.get(url)
    except httpx.HTTPError as error:
        raise NotGoogles(f"Google's keys cannot be had ({type(error).__name__})") from None
    if not answer.is_success or len(answer.content) > _LARGEST:
        raise NotGoogles(f"Google's keys cannot be had ({answer.status_code})")
    return answer.content
