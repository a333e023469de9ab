"""What stands in our links, signed: short texts that anybody can read and nobody else can make.

Promise: one token for one content; what was sealed under a former secret can still be opened, because letters are read
years later.
"""

import base64
import binascii
import hmac
from collections.abc import Sequence

from pydantic import SecretStr

from activities.channels.keyed import keyed_digest

_SIGNATURE = 16  # bytes; 128 bits cannot be guessed over a network


class InvalidToken(ValueError):
    """The token was not made here, or was damaged on the way."""


def seal(secret: str | bytes | SecretStr, label: str, content: bytes) -> str:
    """The token for a content; each use has its own label."""
    return _text(_signature(secret, label, content) + content)


def unseal(secret: str | bytes | SecretStr, label: str, token: str, former: Sequence[str] = ()) -> bytes:
    """What a token holds that was sealed with the secret, or with a former one.

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
    if not any(hmac.compare_digest(signature, _signature(each, label, content)) for each in (secret, *former)):
        raise InvalidToken("not a token of ours")
    return content


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _signature(secret: str | bytes | SecretStr, label: str, content: bytes) -> bytes:
    return keyed_digest(secret, label, content)[:_SIGNATURE]
