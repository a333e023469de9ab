"""A message to a browser, encrypted so that no push service on the way can read it.

Promise: pure but for the random numbers, which a caller may give; a key and a salt are used once.
Sources: RFC 8291 (which keys), RFC 8188 (`aes128gcm`: one record), RFC 5869 (HKDF).
"""

import os
from base64 import urlsafe_b64decode
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

#: Bytes of a message that every push service takes (RFC 8291, 4): 4,096 less what encryption adds.
LIMIT = 3993
_RECORD = 4096
_LAST = b"\x02"  # the delimiter of the last record (RFC 8188, 2)


@dataclass(frozen=True, slots=True)
class Subscription:
    """A browser that may be written to: where, and for which keys."""

    endpoint: str = field(repr=False)
    p256dh: bytes = field(repr=False)
    auth: bytes = field(repr=False)


def encrypted(
    content: bytes, to: Subscription, key: ec.EllipticCurvePrivateKey | None = None, salt: bytes | None = None
) -> bytes:
    """The body of the request.

    Raises:
        ValueError: the browser's key is no point of the curve.
    """
    key, salt = key or ec.generate_private_key(ec.SECP256R1()), salt or os.urandom(16)
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), to.p256dh)
    ours = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    shared = _derived(key.exchange(ec.ECDH(), theirs), to.auth, b"WebPush: info\x00" + to.p256dh + ours, 32)
    secret = _derived(shared, salt, b"Content-Encoding: aes128gcm\x00", 16)
    nonce = _derived(shared, salt, b"Content-Encoding: nonce\x00", 12)
    head = salt + _RECORD.to_bytes(4, "big") + bytes([len(ours)]) + ours
    return head + AESGCM(secret).encrypt(nonce, content + _LAST, None)


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)


def unpadded(text: str) -> bytes:
    """The bytes of base64url, with or without its padding.

    Raises:
        ValueError: it is none.
    """
    return urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))
