"""The signed token in a link to a customer's preference page, and in one that confirms a subscription.

Promise: it works without a login, cannot be made by anyone else, and holds ids only. The one to the page never expires, as that
of the unsubscribe link does not; under a secret that was replaced meanwhile it still works.
"""

from collections.abc import Sequence
from uuid import UUID

from pydantic import SecretStr

from activities.channels.sealed import InvalidToken, seal, unseal

__all__ = ["InvalidToken", "preferences_url", "read_preferences", "sign_preferences"]

_LABEL = "preferences/1"


def sign_preferences(secret: str | bytes | SecretStr, profile_id: UUID) -> str:
    """The token for a customer's page."""
    return seal(secret, _LABEL, profile_id.bytes)


def read_preferences(secret: str | bytes | SecretStr, token: str, former: Sequence[str] = ()) -> UUID:
    """Whose page it is.

    Raises:
        InvalidToken: it does not carry our signature.
    """
    told = unseal(secret, _LABEL, token, former)
    return UUID(bytes=bytes(told))


def preferences_url(public_url: str, secret: str | bytes | SecretStr, profile_id: UUID) -> str:
    """The address of a customer's page."""
    return f"{public_url.rstrip('/')}/p/{sign_preferences(secret, profile_id)}"
