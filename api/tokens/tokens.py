"""Access tokens in place of keys: JWTs of the company's authorization server, made out to this API (RFC 9068, OAuth 2.1 §5.2).

Promise: a token is believed only with a signature of that server, by an algorithm that takes a private key, for us, within its
time; and it may what its scopes and its subject's groups both allow. It is never handed on to anybody.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import structlog
from joserfc import jws, jwt
from joserfc.errors import ExpiredTokenError, InvalidClaimError, JoseError, MissingClaimError

from api.accounts import OAuth, group_in, name_in, person_id
from api.problems import Problem
from api.tokens.issuer import Issuer, IssuerAway
from store.keys import RIGHTS, Caller, Right, Role

_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]
_REGISTRY = jws.JWSRegistry(algorithms=_ALGORITHMS, strict_check_header=False)  # `crit` is looked at all the same
_LEEWAY = 60  # seconds by which clocks may differ
_LONGEST = 16 * 1024
_JWT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]*", re.ASCII)
#: RFC 9068 says `at+jwt`; many servers say `JWT`, or nothing. Others are no access tokens.
_TYPES = {"at+jwt", "application/at+jwt", "jwt", ""}
#: Each may what the ones before it may, too.
SCOPES: Mapping[str, Role] = {
    "journeys:read": Role.READ,
    "journeys:operate": Role.OPERATE,
    "journeys:admin": Role.ADMIN,
}
_ROLES = list(Role)
PERSONAL_SCOPE = "journeys:personal"
#: Where our resources are described, each with its own path behind it.
METADATA = "/.well-known/oauth-protected-resource"
#: The doors of agents, each a resource of its own; the rest of the API is one.
DOORS = ("/mcp", "/mcp/write")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Subject(Caller):
    """Somebody of the company, through a program that they let act for them."""

    #: What they may, and this token may not for want of a scope.
    beyond: frozenset[Right] = frozenset()
    #: Where it is said how to get another token.
    metadata: str = ""

    @property
    def whole(self) -> Caller:
        """Who they are with a token of all scopes."""
        role = next(role for role in reversed(_ROLES) if RIGHTS[role] <= self.beyond | RIGHTS[self.role])
        return replace(self, role=role, personal=self.personal or Right.PERSONAL in self.beyond)

    def wants(self, lacking: Iterable[str]) -> Problem:
        """Another token is needed, which they could have (RFC 6750, 3.1); it says all scopes that this one is to have."""
        held = {scope for scope, role in SCOPES.items() if RIGHTS[role] <= RIGHTS[self.role] - self.beyond}
        beside = [PERSONAL_SCOPE] if self.personal else []
        wanted = {*lacking, *held, *beside}
        most = max((scope for scope in SCOPES if scope in wanted), key=list(SCOPES).index, default="")
        scope = " ".join(sorted({most, *(wanted - SCOPES.keys())} - {""}))
        told = f"this takes a token of the scope {scope}; ask for one"
        challenge = _challenge(error="insufficient_scope", error_description=told, scope=scope, resource_metadata=self.metadata)
        return Problem(403, told, code="insufficient-scope", headers={"WWW-Authenticate": challenge})


def scope_of(right: Right) -> str:
    """The least scope that has a right; who sends events has a key."""
    if right is Right.PERSONAL:
        return PERSONAL_SCOPE
    return next((scope for scope, role in SCOPES.items() if right in RIGHTS[role]), "journeys:read")


class Tokens:
    """Looks at tokens; `public_url` is our address as clients know it."""

    def __init__(self, oauth: OAuth, public_url: str, issuer: Issuer | None = None) -> None:
        self.oauth = oauth
        self._base = public_url.rstrip("/")
        self._issuer = issuer or Issuer(oauth.issuer)

    def described(self, door: str) -> dict[str, Any]:
        """One of our resources, for who wants a token for it (RFC 9728): a door of agents, or all of the API for ``""``."""
        scopes = {"": [*SCOPES, PERSONAL_SCOPE], "/mcp": ["journeys:read"]}
        return {
            "resource": self._base + door,
            "authorization_servers": [self.oauth.issuer],
            "scopes_supported": scopes.get(door, ["journeys:read", "journeys:operate"]),
            "bearer_methods_supported": ["header"],
            "resource_name": "journeys",
            "resource_documentation": f"{self._base}/docs",
        }

    def challenge(self, path: str, **more: str) -> str:
        """What a 401 answers to who has no token that counts (RFC 6750, 3; RFC 9728, 5.1)."""
        scope = " ".join(self.described(_door(path))["scopes_supported"]) if _door(path) else "journeys:read"
        return _challenge(**more, resource_metadata=self._metadata(path), scope=scope)

    async def caller(self, token: str, path: str, *, inside: bool = False) -> Subject:
        """Whose token it is; `inside` where a door of ours calls the API for who has come through it.

        Raises:
            Problem: 401, it does not count; 403, nobody is let in with it; 503, nobody can tell now.
        """
        claims = await self._claims(token, path, inside=inside)
        group = group_in(claims, self.oauth.claim, self.oauth.grants)
        if group is None:
            raise Problem(
                403, f"none of {self.oauth.claim!r} in this token is let in; see JOURNEYS_OIDC_ROLES", code="no-group"
            )
        return self._subject(claims, group, self._metadata(path))

    def _subject(self, claims: Mapping[str, Any], group: str, metadata: str) -> Subject:
        """What the scopes and the group both allow.

        Raises:
            Problem: 403, there is no scope of ours.
        """
        grant, scopes = self.oauth.grants[group], _scopes(claims)
        role = max((role for scope, role in SCOPES.items() if scope in scopes), key=_ROLES.index, default=None)
        personal = grant.personal and PERSONAL_SCOPE in scopes
        could = RIGHTS[grant.role] | ({Right.PERSONAL} if grant.personal else set())
        can = (RIGHTS[role] if role else set()) | ({Right.PERSONAL} if personal else set())
        who = Subject(
            person_id(self.oauth.issuer, claims["sub"]),
            name_in(claims),
            min(role or Role.READ, grant.role, key=_ROLES.index),
            personal,
            frozenset(grant.journeys),
            per_minute=self.oauth.per_minute,
            beyond=frozenset(could - can),
            metadata=metadata,
        )
        if role is None:
            raise who.wants({scope_of(Right.READ)})
        return who

    async def _claims(self, token: str, path: str, *, inside: bool) -> dict[str, Any]:
        """What the server says with its signature, once all of it is looked at."""
        try:
            _insist(len(token) <= _LONGEST, "it is longer than tokens are")
            header = jws.extract_compact(token.encode(), None, registry=_REGISTRY).headers()
            _insist(header.get("alg") in _ALGORITHMS, "it is not signed by an algorithm that is let in")
            _insist(str(header.get("typ", "")).lower() in _TYPES, "it is no access token")
            kid = header.get("kid")
            _insist(kid is None or isinstance(kid, str), "the id of its key is no text")
            keys = await self._issuer.keys(kid)
            claims = jwt.decode(token, keys, registry=_REGISTRY).claims
            self._registry(path, inside=inside).validate(claims)
            _insist("cnf" not in claims, "it is bound to a key of its owner, which is not looked at here")
        except IssuerAway as away:
            _log.warning("a token cannot be told", error=str(away))
            raise Problem(
                503,
                "the authorization server does not tell its keys, so nobody can say whether it made this token; try again",
                code="issuer-away",
                headers={"Retry-After": "10"},
            ) from None
        except (JoseError, ValueError, TypeError, RecursionError) as error:
            raise self._refused(path, _why(error)) from None
        return claims

    def _registry(self, path: str, *, inside: bool) -> jwt.JWTClaimsRegistry:
        """What a token has to claim: that server, one of the audiences of this path, a time, somebody."""
        ours = [self._base, *(self._base + door for door in DOORS)] if inside else [self._base, self._base + _door(path)]
        audiences = [*(form for each in ours for form in (each, f"{each}/")), *self.oauth.audiences]
        return jwt.JWTClaimsRegistry(
            leeway=_LEEWAY,
            iss={"essential": True, "value": self.oauth.issuer},
            aud={"essential": True, "values": audiences},
            exp={"essential": True},
            sub={"essential": True},
        )

    def _metadata(self, path: str) -> str:
        return f"{self._base}{METADATA}{_door(path)}"

    def _refused(self, path: str, why: str) -> Problem:
        _log.info("a token is refused", why=why)
        told = f"this token does not count: {why}; get another one from {self.oauth.issuer}"
        challenge = self.challenge(path, error="invalid_token", error_description=why)
        return Problem(401, told, headers={"WWW-Authenticate": challenge})


def token_in(header: str | None) -> str | None:
    """The token in an Authorization header: something that looks like a JWT, as no key of ours does."""
    scheme, _, value = (header or "").strip().partition(" ")
    return value.strip() if scheme.lower() == "bearer" and _JWT.fullmatch(value.strip()) else None


def _door(path: str) -> str:
    return path if path in DOORS else ""


def _scopes(claims: Mapping[str, Any]) -> set[str]:
    """RFC 9068 says `scope`, a text; some servers say `scp`, a text or a list."""
    told = claims.get("scope") or claims.get("scp") or ""
    return set(told.split()) if isinstance(told, str) else {str(each) for each in told} if isinstance(told, list) else set()


def _insist(so: bool, otherwise: str) -> None:
    if not so:
        raise ValueError(otherwise)


def _why(error: Exception) -> str:
    """What is wrong with a token, with no word of what stands in it."""
    if isinstance(error, ExpiredTokenError):
        return "it has expired"
    if isinstance(error, InvalidClaimError | MissingClaimError):
        return _CLAIMS.get(error.claim, "what it claims is not as it must be")
    if isinstance(error, JoseError):
        return "the authorization server has not signed it, or not in a way that is let in"
    return str(error) if error.args and type(error) is ValueError else "it cannot be read"


_CLAIMS = {
    "iss": "it is of another issuer",
    "aud": "it is made out to another audience; ask for one with our address as `resource`",
    "exp": "it has no end that can be read",
    "nbf": "it does not count yet",
    "iat": "it was made in the future",
    "sub": "it does not say whose it is",
}


def _challenge(**parameters: str) -> str:
    """Of the scheme Bearer (RFC 9110, 11.6.1)."""
    return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in parameters.items())
