"""Keyed hashes from the one installation secret; each use has its own label, so that none can pass for another.

Promise: without the secret nothing can be forged or reversed by trying addresses (RFC 2104, HMAC-SHA256).
"""

import hashlib
import hmac

from pydantic import SecretStr


def keyed_digest(secret: str | bytes | SecretStr, label: str, message: bytes) -> bytes:
    """HMAC-SHA256 of a message under the secret and a label (32 bytes).

    Raises:
        ValueError: there is no secret.
    """
    raw = secret.get_secret_value() if isinstance(secret, SecretStr) else secret
    key = raw.encode() if isinstance(raw, str) else raw
    if not key:
        raise ValueError("JOURNEYS_SECRET is empty; set it to a long random text and keep it for ever")
    return hmac.digest(hmac.digest(key, label.encode(), hashlib.sha256), message, hashlib.sha256)
