"""The service account and its tokens: Google's OAuth 2 JWT bearer grant, as FCM's senders use it.

Source: RFC 7523, and Google's "Using OAuth 2.0 for Server to Server Applications". Access tokens are signed by a secret
derived from the account's key, so they stay valid over a restart, as Google's do.
"""

import hashlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt
import orjson
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
PROJECT = "sandbox"
_SCOPES = frozenset(
    {"https://www.googleapis.com/auth/firebase.messaging", "https://www.googleapis.com/auth/cloud-platform"}
    | {"https://www.googleapis.com/auth/wallet_object.issuer"}
)
_LIFETIME = 3600
_SKEW = 300
_PREFIX = "ya29.sandbox."


class GrantError(Exception):
    """The token endpoint refuses; the arguments are its `error` and `error_description`."""


class ServiceAccount:
    """A Google-shaped service account in `directory`, created on the first start and kept."""

    def __init__(self, directory: Path, token_uri: str, lifetime: int = _LIFETIME) -> None:
        self.path = directory / "service-account.json"
        self._lifetime = lifetime
        self._account = _written(self.path, token_uri)
        # Made here, so it need not be proven sound, which takes as long as everything else.
        key = serialization.load_pem_private_key(
            self._account["private_key"].encode(), password=None, unsafe_skip_rsa_key_validation=True
        )
        self._public_key = key.public_key()
        self._secret = hashlib.sha256(self._account["private_key"].encode()).digest()

    def grant(self, form: Mapping[str, str]) -> dict[str, Any]:
        """The token endpoint's answer to a form; raises `GrantError`."""
        if form.get("grant_type") != GRANT_TYPE:
            raise GrantError("unsupported_grant_type", f"Invalid grant_type: {form.get('grant_type', '')}")
        claims = self._claims(form.get("assertion", ""))
        if not _SCOPES & set(str(claims.get("scope", "")).split()):
            raise GrantError("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        return {"access_token": self.access_token(), "expires_in": self._lifetime, "token_type": "Bearer"}

    def access_token(self, lifetime: float | None = None) -> str:
        """A fresh access token; `lifetime` in seconds, negative for one that has expired."""
        expires = time.time() + (self._lifetime if lifetime is None else lifetime)
        return _PREFIX + jwt.encode({"exp": expires}, self._secret, algorithm="HS256")

    def accepts(self, token: str) -> bool:
        """Whether an access token is ours and has not expired."""
        try:
            jwt.decode(token.removeprefix(_PREFIX), self._secret, algorithms=["HS256"], options={"require": ["exp"]})
        except jwt.InvalidTokenError:
            return False
        return token.startswith(_PREFIX)

    def _claims(self, assertion: str) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                assertion,
                self._public_key,  # type: ignore[arg-type]  # it is the RSA key that we made
                algorithms=["RS256"],
                audience=self._account["token_uri"],
                issuer=self._account["client_email"],
                leeway=_SKEW,
                options={"require": ["iss", "aud", "exp", "iat"]},
            )
        except jwt.InvalidTokenError as error:
            raise GrantError("invalid_grant", self._description(error)) from error
        if float(claims["exp"]) - float(claims["iat"]) > _LIFETIME:  # PyJWT takes numbers in strings
            raise GrantError("invalid_grant", _TIMEFRAME)
        return claims

    def _description(self, error: jwt.InvalidTokenError) -> str:
        match error:
            case jwt.InvalidSignatureError():
                return "Invalid JWT Signature."
            case jwt.ExpiredSignatureError() | jwt.ImmatureSignatureError():
                return _TIMEFRAME
            case jwt.InvalidIssuerError():
                return "Invalid grant: account not found"
            case jwt.InvalidAudienceError():
                return f"Invalid JWT: Failed audience check. The right audience is {self._account['token_uri']}"
            case _:
                return f"Bad Request: {error}"


_TIMEFRAME = (
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
    "Check your iat and exp values in the JWT claim."
)


def _written(path: Path, token_uri: str) -> dict[str, str]:
    """The account in the file, with this run's token address."""
    account = (orjson.loads(path.read_bytes()) if path.exists() else _fresh()) | {"token_uri": token_uri}
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_bytes(orjson.dumps(account, option=orjson.OPT_INDENT_2))
    fresh.replace(path)  # a kill on the way leaves the old file whole
    return {str(name): str(value) for name, value in account.items()}


def _fresh() -> dict[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": hashlib.sha256(pem.encode()).hexdigest()[:40],
        "private_key": pem,
        "client_email": f"journeys@{PROJECT}.iam.gserviceaccount.com",
        "client_id": "100000000000000000001",
        "universe_domain": "googleapis.com",
    }
