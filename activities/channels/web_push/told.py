"""The signed token with which a browser tells what became of a notification: delivered, clicked, closed.

Promise: it holds the message's key and nothing of the customer; whoever has it can say these three things of this message.
"""

from collections.abc import Sequence

from activities.channels.message import tag_of
from activities.channels.sealed import seal, unseal

_LABEL = "web-push/1"


def told_token(secret: str, key: str) -> str:
    """The token for a message."""
    return seal(secret, _LABEL, key.encode())


def key_told(secret: str, token: str, former: Sequence[str] = ()) -> str:
    """The key of the message that a token is for.

    Raises:
        InvalidToken: it does not carry our signature.
    """
    return unseal(secret, _LABEL, token, former).decode()


def id_of(key: str) -> str:
    """What the ledger calls the message: push services have no name for it that comes back."""
    return f"web-{tag_of(key, None)}"
