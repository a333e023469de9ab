"""Signed identity: how a client's call shows that its user is who it says, by a signature that only the shop's server can make.

`context.identity.signature` is the HMAC-SHA256 of the user id in hex, or a JWT (HS256) with `sub` and `exp`, under the key's
identity secret. Promise: that secret stands nowhere but with the shop (it is derived from ours and the key's name), and a
signature is looked at and forgotten: it is in no event, no dead letter and no log.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Any

import jwt

from activities.channels.keyed import keyed_digest

FIELD = "identity"
_LABEL = "identity/1"
_HEX = 64  # letters of an HMAC-SHA256
_LONGEST = 4096
_LEEWAY = 60  # seconds by which the shop's clock may be off


def identity_secret(secret: str, name: str) -> str:
    """The secret with which a shop signs user ids for the client's key of this name (RFC 2104: longer than the digest)."""
    return base64.urlsafe_b64encode(keyed_digest(secret, _LABEL, name.encode())).decode().rstrip("=")


def sign_user(identity: str, user_id: str) -> str:
    """What a shop's server does: the signature of one of its users' ids."""
    return hmac.digest(identity.encode(), user_id.encode(), hashlib.sha256).hex()


class Signatures:
    """What the signatures of one client's key are checked against: the secret and the former ones."""

    def __init__(self, secrets: Sequence[str], name: str) -> None:
        self._secrets = [identity_secret(secret, name) for secret in secrets if secret]

    def vouch(self, user_id: str, signature: Any) -> bool:
        """Whether the shop signed this user id, and still stands by it."""
        if not isinstance(signature, str) or len(signature) > _LONGEST:
            return False
        check = _hash if len(signature) == _HEX else _token
        return any(check(secret, user_id, signature) for secret in self._secrets)


def _hash(secret: str, user_id: str, signature: str) -> bool:
    return hmac.compare_digest(sign_user(secret, user_id).encode(), signature.lower().encode("utf-8", "replace"))


def _token(secret: str, user_id: str, signature: str) -> bool:
    options: Any = {"require": ["exp", "sub"], "verify_aud": False}
    try:
        said = jwt.decode(signature, secret, algorithms=["HS256"], options=options, leeway=_LEEWAY)
    except jwt.PyJWTError:
        return False
    # JSON can say half of a surrogate pair, which no user's id holds
    return hmac.compare_digest(str(said["sub"]).encode("utf-8", "surrogatepass"), user_id.encode())


def taken_off(context: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    """A call's context without its signature, and the signature."""
    given = context.get(FIELD)
    signature = given.get("signature") if isinstance(given, dict) else None
    return {key: value for key, value in context.items() if key != FIELD}, signature


def unsigned(context: dict[str, Any]) -> dict[str, Any]:
    """A context as it may be kept: of a call, or of the batch that it came in; a signature is nobody's to read."""
    return taken_off(context)[0]
