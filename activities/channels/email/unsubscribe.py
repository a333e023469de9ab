"""The signed token in an unsubscribe link: which customer, channel and purpose, and the message it stood in.

Promise: it works without a login and cannot be made by anyone else; it holds ids only. It never expires, because
letters are read years later, also when the secret has been replaced meanwhile.
"""

import base64
import binascii
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import orjson
from pydantic import SecretStr

from activities.channels.keyed import keyed_digest

_LABEL = "unsubscribe/1"
_SIGNATURE = 16  # bytes; 128 bits cannot be guessed over a network


class InvalidToken(ValueError):
    """The token was not made here, or was damaged on the way."""


@dataclass(frozen=True, slots=True)
class Unsubscription:
    """What a token says."""

    profile_id: UUID
    channel: str
    purpose: str
    key: str


def sign_unsubscribe(secret: str | bytes | SecretStr, profile_id: UUID, channel: str, purpose: str, key: str) -> str:
    """The token for a customer, a channel and a purpose; `key` is the message's idempotency key."""
    content = orjson.dumps([profile_id.hex, channel, purpose, key])
    return _text(_signature(secret, content) + content)


def read_unsubscribe(secret: str | bytes | SecretStr, token: str, former: Sequence[str] = ()) -> Unsubscription:
    """What a token says that was signed with the secret, or with a former one.

    Raises:
        InvalidToken: it does not carry our signature.
    """
    try:
        raw = base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise InvalidToken("not a token of ours") from error
    if _text(raw) != token.rstrip("="):  # the last letter may hold bits that mean nothing
        raise InvalidToken("not a token of ours")
    signature, content = raw[:_SIGNATURE], raw[_SIGNATURE:]
    if not any(hmac.compare_digest(signature, _signature(each, content)) for each in (secret, *former)):
        raise InvalidToken("not a token of ours")
    profile_id, channel, purpose, key = orjson.loads(content)
    return Unsubscription(UUID(profile_id), channel, purpose, key)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _signature(secret: str | bytes | SecretStr, content: bytes) -> bytes:
    return keyed_digest(secret, _LABEL, content)[:_SIGNATURE]
