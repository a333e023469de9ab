"""Who calls: API keys by HTTP Basic (key as user, empty password) or Bearer, in two roles; a revocation acts in seconds."""

import base64
import binascii
import math
import time
from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.openapi.models import HTTPBase
from fastapi.security.base import SecurityBase

from api.problems import Problem
from api.state import Store
from store.keys import ANYWHERE, Caller, Kind, Role, digest, find_key, known_origins

_REMEMBERED = 4096  # keys; a flood of wrong ones must not fill the memory
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="journeys", charset="UTF-8"'}


class _Scheme(SecurityBase):
    """A way to send a key, declared for OpenAPI only: the header is read by `presented`."""

    def __init__(self, name: str, scheme: str, about: str) -> None:
        self.scheme_name = name
        self.model = HTTPBase(scheme=scheme, description=about)

    async def __call__(self) -> None:
        """Nothing to read."""


_basic = _Scheme("writeKey", "basic", "the key as user name, the password empty (as Segment's clients do)")
_bearer = _Scheme("bearer", "bearer", "`Authorization: Bearer <key>`")


class Keys:
    """Keys looked up lately, each trusted for seconds; a wrong one is forgotten sooner, so that a new key works."""

    def __init__(self, ttl: float) -> None:
        self._ttl = ttl
        self._known: dict[bytes, tuple[Caller | None, float]] = {}
        self._origins: tuple[frozenset[str], float] = (frozenset(), -math.inf)

    async def admits(self, origin: str, store: Store) -> bool:
        """Whether some key may be used from a web page of this origin."""
        if self._origins[1] <= time.monotonic():
            database = await store.open()
            self._origins = (await known_origins(database.pool), time.monotonic() + self._ttl)
        return origin in self._origins[0] or ANYWHERE in self._origins[0]

    async def caller(self, key: str, store: Store) -> Caller | None:
        """The owner of a key; asks Postgres when the answer is not fresh."""
        hashed = digest(key)
        found = self._known.get(hashed)
        if found and found[1] > time.monotonic():
            return found[0]
        database = await store.open()
        caller = await find_key(database.pool, key)
        self._remember(hashed, caller)
        return caller

    def _remember(self, hashed: bytes, caller: Caller | None) -> None:
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[hashed] = (caller, time.monotonic() + (self._ttl if caller else min(self._ttl, 0.5)))


def presented(header: str | None) -> str | None:
    """The key in an Authorization header, or None when it holds none (RFC 7617, RFC 6750)."""
    scheme, _, value = (header or "").strip().partition(" ")
    if scheme.lower() == "bearer":
        return value.strip() or None
    return _basic_user(value.strip()) if scheme.lower() == "basic" else None


def _basic_user(value: str) -> str | None:
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[0] or None
    except (binascii.Error, ValueError):
        return None


async def authenticate(request: Request, key: str | None = None) -> Caller:
    """The caller of this request, by its header or the given key.

    Raises:
        Problem: 401, no valid key.
    """
    key = presented(request.headers.get("authorization")) or key
    keys: Keys = request.app.state.keys
    caller = await keys.caller(key, request.app.state.store) if key else None
    if caller is None:
        said = "this key is unknown or was revoked" if key else "no key was sent"
        raise Problem(
            401, f"{said}; send an API key as the user of HTTP Basic with an empty password, or as Bearer", headers=_CHALLENGE
        )
    return caller


async def allow(request: Request, role: Role) -> Caller:
    """The caller, if its key has this role and may be used from where the request comes.

    Raises:
        Problem: 401 without a valid key, 403 with one of the other role, or of a web page that may not use it.
    """
    return _checked(request, await authenticate(request), role)


async def sender(request: Request, key: Any = None) -> Caller:
    """Who sends events: by the header, else by a key that stands in the body or the address, where web pages put it.

    Raises:
        Problem: as `allow`; 401 for a server's key that does not stand in the header.
    """
    if presented(request.headers.get("authorization")):
        return await allow(request, Role.INGEST)
    caller = await authenticate(request, key if isinstance(key, str) else None)
    if caller.kind is not Kind.CLIENT:
        raise Problem(
            401, "only a client's key may stand in the body or the address; send this one in the Authorization header"
        )
    return _checked(request, caller, Role.INGEST)


def _checked(request: Request, caller: Caller, role: Role) -> Caller:
    if caller.role is not role:
        raise Problem(403, f"this key has the role {caller.role.value!r}; this call needs a key with the role {role.value!r}")
    origin = request.headers.get("origin")
    # The API's own pages (/docs) send their origin, too; whether by http or https a proxy in front may not tell us.
    if origin is None or origin.partition("://")[2] == request.headers.get("host") or caller.may_come_from(origin):
        return caller
    if caller.kind is Kind.SERVER:
        raise Problem(
            403,
            "this is a server's key and must not be in a web page, where anybody can read it; revoke it, and make"
            " one with `journeys keys create NAME --kind client --origin …`",
            code="server-key-in-a-page",
        )
    raise Problem(
        403, f"this key may not be used from {origin[:200]}; make one with --origin for that page", code="foreign-origin"
    )


async def _operator(request: Request) -> Caller:
    return await allow(request, Role.OPERATE)


_schemes = [Security(_basic), Security(_bearer)]

#: A route parameter: `caller: Operator`. Add `dependencies=schemes()` to the router so that OpenAPI shows the schemes.
Operator = Annotated[Caller, Depends(_operator)]


#: What `schemes` comes to in OpenAPI: either way to send a key is enough.
SECURITY: list[dict[str, list[str]]] = [{"writeKey": []}, {"bearer": []}]


def schemes() -> list[Any]:
    """The dependencies that declare both ways to send a key in OpenAPI."""
    return list(_schemes)
