"""Signing what is posted to others, so that they know who it is from: Standard Webhooks, version 1.0.0, symmetric (`v1`).

Promise: pure. What is signed is the id, the instant of the attempt and the very bytes that are sent; under every secret that is
given, so that a receiver who replaces theirs misses nothing. Source: the specification, "Verifying webhook authenticity".
"""

import binascii
import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import datetime

PREFIX = "whsec_"
_FEWEST, _MOST = 24, 64  # bytes


class NoSecret(ValueError):
    """A text that is no secret of Standard Webhooks; the message does not repeat it."""


def key_of(secret: str) -> bytes:
    """The bytes that a secret stands for.

    Raises:
        NoSecret: it is none.
    """
    try:
        key = b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or not _FEWEST <= len(key) <= _MOST:
        raise NoSecret(
            f'a secret is "{PREFIX}" and {_FEWEST} to {_MOST} random bytes in base64: echo {PREFIX}$(openssl rand -base64 32)'
        )
    return key


def signed(keys: Sequence[bytes], id_: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers of a signed request; `at` is the attempt's own time, `id_` stays the same over attempts.

    Raises:
        ValueError: the id holds a full stop, by which a signature could pass for that of something else.
    """
    if "." in id_:
        raise ValueError("the id of what is signed holds no full stop")
    seconds = str(int(at.timestamp()))
    content = b".".join([id_.encode(), seconds.encode(), body])
    signatures = [b64encode(hmac.digest(key, content, hashlib.sha256)).decode() for key in keys]
    told = " ".join(f"v1,{signature}" for signature in signatures)
    return {"webhook-id": id_, "webhook-timestamp": seconds, "webhook-signature": told}
