"""The token signing key of a team, and the provider tokens made with it: verified as APNs does.

Source: Apple's "Establishing a token-based connection to APNs".
"""

import time
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from workers.sandbox.push.apns_request import Violation

NAME = "apns-key.p8"
KEY_ID, TEAM_ID, TOPIC = "SANDBOXKEY", "SANDBOXORG", "example.shop.app"
_OLDEST = 3600  # seconds
_SKEW = 300
_SELDOM = 20 * 60


class TeamKey:
    """An Apple-shaped signing key in `directory`, created on the first start and kept."""

    def __init__(self, directory: Path, topic: str = TOPIC) -> None:
        self.path = directory / NAME
        self.topic = topic
        if not self.path.exists():
            _write(self.path)
        key = serialization.load_pem_private_key(self.path.read_bytes(), password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._public = key.public_key()

    def checked(self, authorization: str, shown: list[float]) -> list[float]:
        """The beginnings of the tokens that were shown, with that of this one; those of the last twenty minutes.

        Raises:
            Violation: the token is not taken.
        """
        began = self._began(authorization)
        if any(0 < abs(began - each) < _SELDOM for each in shown):
            raise Violation(429, "TooManyProviderTokenUpdates")
        return [*(each for each in shown if began - _SELDOM < each < began), began]

    def _began(self, authorization: str) -> float:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Violation(403, "MissingProviderToken")
        try:
            named = jwt.get_unverified_header(token).get("kid")
            told = jwt.decode(
                token, self._public, ["ES256"], issuer=TEAM_ID, options={"require": ["iss", "iat"], "verify_iat": False}
            )
        except jwt.InvalidTokenError:
            raise Violation(403, "InvalidProviderToken") from None
        began = told["iat"]
        if named != KEY_ID or not isinstance(began, int | float):
            raise Violation(403, "InvalidProviderToken")
        if not -_SKEW <= time.time() - began <= _OLDEST:
            raise Violation(403, "ExpiredProviderToken")
        return float(began)


def _write(path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_bytes(pem)
    fresh.replace(path)
