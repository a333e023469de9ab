"""The signed token in an unsubscribe link: which customer, channel and purpose, and the message it stood in.

Promise: it works without a login and cannot be made by anyone else; it holds ids only. It never expires, because
letters are read years later, also when the secret has been replaced meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import orjson
from pydantic import SecretStr

from activities.channels.sealed import InvalidToken, seal, unseal

__all__ = ["InvalidToken", "Unsubscription", "read_unsubscribe", "sign_unsubscribe"]

_LABEL = "unsubscribe/1"


@dataclass(frozen=True, slots=True)
class Unsubscription:
    """What a token says."""

    profile_id: UUID
    channel: str
    purpose: str
    key: str


def sign_unsubscribe(secret: str | bytes | SecretStr, profile_id: UUID, channel: str, purpose: str, key: str) -> str:
    """The token for a customer, a channel and a purpose; `key` is the message's idempotency key."""
    return seal(secret, _LABEL, orjson.dumps([profile_id.hex, channel, purpose, key]))


def read_unsubscribe(secret: str | bytes | SecretStr, token: str, former: Sequence[str] = ()) -> Unsubscription:
    """What a token says that was signed with the secret, or with a former one.

    Raises:
        InvalidToken: it does not carry our signature.
    """
    profile_id, channel, purpose, key = orjson.loads(unseal(secret, _LABEL, token, former))
    return Unsubscription(UUID(profile_id), channel, purpose, key)
