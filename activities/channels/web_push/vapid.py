"""Who we are to push services: a signed token for each of them, under one key of the company's (VAPID).

Promise: a token is for one service only, and is renewed an hour before its end; the key never leaves.
Source: RFC 8292. Times here are real time, because the service's clock judges.
"""

import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from activities.channels.web_push.encryption import unpadded

_LIFE, _EARLY = 12 * 3600, 3600  # seconds; a service takes one for a day at most
_ORIGINS = 1_000  # whose tokens are kept


class Vapid:
    """One key; `contact` is where a service's people may write to, `mailto:` or `https:`."""

    def __init__(self, key: str, contact: str, now: Callable[[], float] = time.time) -> None:
        self._key = private_key(key)
        self._contact = contact
        self._now = now
        self._tokens: dict[str, tuple[float, str]] = {}
        self.public = public_text(self._key)

    def authorization(self, endpoint: str) -> str:
        """The header for a request to this endpoint."""
        parts = urlsplit(endpoint)
        return f"vapid t={self._token(f'{parts.scheme}://{parts.netloc}')}, k={self.public}"

    def _token(self, origin: str) -> str:
        now = self._now()
        until, token = self._tokens.get(origin, (0.0, ""))
        if now >= until:
            token = jwt.encode({"aud": origin, "exp": int(now) + _LIFE, "sub": self._contact}, self._key, "ES256")
            if len(self._tokens) >= _ORIGINS:
                self._tokens.clear()
            self._tokens[origin] = now + _LIFE - _EARLY, token
        return token


def private_key(text: str) -> ec.EllipticCurvePrivateKey:
    """A key as tools print it: 32 bytes in base64url.

    Raises:
        ValueError: it is none.
    """
    raw = unpadded(text)
    if len(raw) != 32:  # noqa: PLR2004 - of P-256
        raise ValueError("a VAPID key is 32 bytes in base64url")
    return ec.derive_private_key(int.from_bytes(raw, "big"), ec.SECP256R1())


def public_text(key: ec.EllipticCurvePrivateKey) -> str:
    """Its public half, as pages hand it to the browser."""
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return urlsafe_b64encode(point).decode().rstrip("=")


def private_text(key: ec.EllipticCurvePrivateKey) -> str:
    """A key as settings hold it."""
    return urlsafe_b64encode(key.private_numbers().private_value.to_bytes(32, "big")).decode().rstrip("=")
