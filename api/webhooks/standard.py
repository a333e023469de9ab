"""Standard Webhooks (Svix is the same under its own headers): whether one is from whom it says.

Promise: pure; nothing is genuine without a secret, nor by an id with a full stop, by which one thing could pass for another.
Source: Standard Webhooks 1.0.0, "Verifying signatures".
"""

import hashlib
import hmac
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from datetime import datetime, timedelta

from activities.channels.instants import since_1970

_TOLERANCE = timedelta(minutes=5)


def genuine(secret: str, id_: str, sent: str, signatures: str, body: bytes, now: datetime) -> bool:
    """Whether a body was signed with a secret (`whsec_…`) in the last five minutes; `now` is real time."""
    try:
        key = b64decode(secret.removeprefix("whsec_"), validate=True)
    except (NotBase64, ValueError):
        return False
    wanted = b64encode(hmac.digest(key, f"{id_}.{sent}.".encode() + body, hashlib.sha256)).decode()
    given = [each.removeprefix("v1,") for each in signatures.split() if each.startswith("v1,")]
    fits = any(hmac.compare_digest(wanted.encode(), each.encode()) for each in given)
    return bool(key) and bool(id_) and "." not in id_ and lately(sent, now) and fits


def lately(sent: str, now: datetime) -> bool:
    """Whether these seconds since 1970 are within five minutes of now."""
    at = since_1970(sent)
    return at is not None and abs(now - at) <= _TOLERANCE
