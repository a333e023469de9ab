"""Who calls: API keys by HTTP Basic (key as user, empty password) or Bearer, in two roles; a revocation acts in seconds."""

import base64
import binascii
import time
from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.openapi.models import HTTPBase
from fastapi.security.base import SecurityBase

from api.problems import Problem
from api.state import Store
from store.keys import Caller, Role, digest, find_key

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


async def authenticate(request: Request) -> Caller:
    """The caller of this request.

    Raises:
        Problem: 401, no valid key.
    """
    key = presented(request.headers.get("authorization"))
    keys: Keys = request.app.state.keys
    caller = await keys.caller(key, request.app.state.store) if key else None
    if caller is None:
        said = "this key is unknown or was revoked" if key else "no key was sent"
        raise Problem(
            401, f"{said}; send an API key as the user of HTTP Basic with an empty password, or as Bearer", headers=_CHALLENGE
        )
    return caller


async def allow(request: Request, role: Role) -> Caller:
    """The caller, if its key has this role.

    Raises:
        Problem: 401 without a valid key, 403 with one of the other role.
    """
    caller = await authenticate(request)
    if caller.role is not role:
        raise Problem(403, f"this key has the role {caller.role.value!r}; this call needs a key with the role {role.value!r}")
    return caller


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
