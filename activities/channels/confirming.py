"""The signed token in the link of a double opt-in: whose subscription it confirms, by which letter, and until when.

Promise: it works without a login and cannot be made by anyone else; it holds ids and an instant. Whether it was used already is
told by the log of consent, where the word that it gave has the letter's key.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson
from pydantic import SecretStr

from activities.channels.sealed import InvalidToken, seal, unseal

__all__ = ["USEFUL_FOR", "Confirmation", "InvalidToken", "confirm_url", "read_confirmation"]

_LABEL = "confirm/1"
#: How long after its letter a link confirms.
USEFUL_FOR = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What a token says; `key` is the letter's idempotency key."""

    profile_id: UUID
    channel: str
    key: str
    until: datetime


def confirm_url(public_url: str, secret: str | bytes | SecretStr, said: Confirmation) -> str:
    """The address that confirms."""
    told = [said.profile_id.hex, said.channel, said.key, int(said.until.timestamp())]
    return f"{public_url.rstrip('/')}/o/{seal(secret, _LABEL, orjson.dumps(told))}"


def read_confirmation(secret: str | bytes | SecretStr, token: str, former: Sequence[str] = ()) -> Confirmation:
    """What a token says that was signed with the secret, or with a former one.

    Raises:
        InvalidToken: it does not carry our signature.
    """
    profile_id, channel, key, until = orjson.loads(unseal(secret, _LABEL, token, former))
    return Confirmation(UUID(profile_id), channel, key, datetime.fromtimestamp(until, UTC))
