"""Browsers that do not exist: each has keys that follow from its name, so that whoever knows the name can read what it is sent.

Source: RFC 8291, 3 (a subscription's keys) and 3.4 with RFC 8188 (how a message is read); written apart from how we encrypt.
"""

import hashlib
import hmac
import random
import struct
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_CURVE = ec.SECP256R1()
_HEAD = 21  # bytes: salt, size of a record, length of the sender's key


class Unreadable(Exception):
    """The browser would throw the message away."""


@dataclass(frozen=True, slots=True)
class MadeUpBrowser:
    """One browser, by its name."""

    name: str

    @property
    def key(self) -> ec.EllipticCurvePrivateKey:
        """What its messages are read with."""
        return ec.derive_private_key(self._numbers.getrandbits(255), _CURVE)

    @property
    def auth(self) -> bytes:
        """Its secret."""
        return self._numbers.randbytes(16)

    @property
    def _numbers(self) -> random.Random:
        return random.Random(f"browser {self.name}")  # noqa: S311 - the same for a name, and no secret

    @property
    def public(self) -> bytes:
        """The public half of its key, as a point of the curve."""
        return self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def subscription(self, service: str) -> dict[str, Any]:
        """As its page hands it on; `service` is the address of the push service."""
        keys = {"p256dh": _base64url(self.public), "auth": _base64url(self.auth)}
        return {"endpoint": f"{service.rstrip('/')}/push/{self.name}", "expirationTime": None, "keys": keys}

    def read(self, body: bytes) -> bytes:
        """What it was sent.

        Raises:
            Unreadable: it is not encrypted for this browser as the specifications say.
        """
        salt, size, length = struct.unpack_from(">16sLB", body.ljust(_HEAD, b"\0"))
        theirs, record = body[_HEAD : _HEAD + length], body[_HEAD + length :]
        if len(theirs) != 65 or size < 18 or len(record) > size:  # noqa: PLR2004 - a point, and the smallest record
            raise Unreadable("not aes128gcm with one record")
        try:
            point = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, theirs)
            shared = _hmac(self.auth, self.key.exchange(ec.ECDH(), point))
            keyed = _hmac(shared, b"WebPush: info\0" + self.public + theirs + b"\1")
            mixed = _hmac(salt, keyed)
            secret = _hmac(mixed, b"Content-Encoding: aes128gcm\0\1")[:16]
            nonce = _hmac(mixed, b"Content-Encoding: nonce\0\1")[:12]
            plain = AESGCM(secret).decrypt(nonce, record, None).rstrip(b"\0")
        except (InvalidTag, ValueError) as error:
            raise Unreadable(type(error).__name__) from None
        if not plain.endswith(b"\2"):
            raise Unreadable("the record is not the last one")
        return plain[:-1]


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()


def _base64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")
