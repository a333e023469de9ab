"""What signs outgoing webhooks: derived from the installation's secret and the receiver, so that no table holds it.

Promise: pure. Each receiver has a secret of their own, another after each rotation; where the installation's own secret was
replaced, what it was before signs, too, so that nobody who receives has to do anything.
"""

from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime

from pydantic import SecretStr

from activities.channels.keyed import keyed_digest
from activities.web.signing import PREFIX, key_of
from store.subscriptions import Subscription

_LABEL = "outgoing webhooks"


def secret_of(secret: str | bytes | SecretStr, subscription: Subscription, number: int | None = None) -> str:
    """The secret that a receiver checks signatures with, as Standard Webhooks write it (`whsec_…`)."""
    which = f"{subscription.id}/{number or subscription.secret}".encode()
    return PREFIX + b64encode(keyed_digest(secret, _LABEL, which)).decode()


def keys_of(secret: str | bytes | SecretStr, former: Sequence[str], subscription: Subscription, now: datetime) -> list[bytes]:
    """What signs what a receiver is told now."""
    numbers = [subscription.secret]
    if subscription.former_until is not None and now < subscription.former_until:
        numbers.append(subscription.secret - 1)
    return [key_of(secret_of(each, subscription, number)) for each in (secret, *former) for number in numbers]
