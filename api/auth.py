"""Who calls, and whether they may: keys by HTTP Basic (key as user, empty password) or Bearer; a revocation acts in seconds.

Where the company has an authorization server, its access tokens stand for keys (`api.tokens`).

Promise: a route says what it asks for (`May`), and whoever has less is refused before anything is looked up. Keys that are held
to some journeys are refused wherever a route does not say how it keeps to them.
"""

import base64
import binascii
import math
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import Depends, Request, Security
from fastapi.openapi.models import HTTPBase
from fastapi.security.base import SecurityBase

from api import problems
from api.limits import Limits
from api.problems import Problem
from api.state import Store
from api.tokens.tokens import Subject, Tokens, scope_of, token_in
from store import Pool
from store.audit import Actor, act_as
from store.keys import ANYWHERE, RIGHTS, Caller, Right, Role, digest, find_key, find_shown, known_origins, note_use

_REMEMBERED = 4096  # keys; a flood of wrong ones must not fill the memory
_SAID_EVERY = 60.0  # seconds between two words that a key is in use
_TRACE = re.compile(r"[\w.:-]{1,100}", re.ASCII)
_CHALLENGE = 'Basic realm="journeys", charset="UTF-8"'


class _Scheme(SecurityBase):
    """A way to send a key, declared for OpenAPI only: the header is read by `presented`."""

    def __init__(self, name: str, scheme: str, about: str) -> None:
        self.scheme_name = name
        self.model = HTTPBase(scheme=scheme, description=about)

    async def __call__(self) -> None:
        """Nothing to read."""


_basic = _Scheme("writeKey", "basic", "the key as user name, the password empty (as Segment's clients do)")
_bearer = _Scheme("bearer", "bearer", "`Authorization: Bearer <key>`, or an access token where `JOURNEYS_OAUTH_ISSUER` is set")


class Keys:
    """Keys looked up lately, each trusted for seconds; a wrong one is forgotten sooner, so that a new key works."""

    def __init__(self, ttl: float) -> None:
        self._ttl = ttl
        self._known: dict[bytes, tuple[Caller | None, float]] = {}
        self._said: dict[UUID, float] = {}
        self._origins: tuple[frozenset[str], float] = (frozenset(), -math.inf)

    async def admits(self, origin: str, store: Store) -> bool:
        """Whether some key may be used from a web page of this origin."""
        if self._origins[1] <= time.monotonic():
            database = await store.open()
            self._origins = (await known_origins(database.pool), time.monotonic() + self._ttl)
        return origin in self._origins[0] or ANYWHERE in self._origins[0]

    async def caller(self, key: str, store: Store) -> Caller | None:
        """The owner of a key; asks Postgres when the answer is not fresh."""
        return await self._fresh(digest(key), lambda pool: find_key(pool, key), store)

    async def shown(self, id_: UUID, mark: bytes, store: Store) -> Caller | None:
        """The owner of a key that was shown before, by its id and the mark of its secret, as fresh."""
        return await self._fresh(id_.bytes + mark, lambda pool: find_shown(pool, id_, mark), store)

    async def _fresh(self, called: bytes, find: Callable[[Pool], Awaitable[Caller | None]], store: Store) -> Caller | None:
        found = self._known.get(called)
        if found and found[1] > time.monotonic():
            return found[0]
        database = await store.open()
        caller = await find(database.pool)
        self._remember(called, caller)
        if caller and self._said.get(caller.id, -math.inf) < time.monotonic() - _SAID_EVERY:
            self._said[caller.id] = time.monotonic()
            with suppress(asyncpg.ReadOnlySQLTransactionError):  # what reads goes on where nothing can be written
                await note_use(database.pool, caller.id)
        return caller

    def _remember(self, called: bytes, caller: Caller | None) -> None:
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[called] = (caller, time.monotonic() + (self._ttl if caller else min(self._ttl, 0.5)))


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
        Problem: 401, no valid key, or token; 403, nobody is let in with it; 503, nobody can say whether it is a valid one.
    """
    header = request.headers.get("authorization")
    tokens: Tokens | None = request.app.state.tokens
    if tokens is not None and (token := token_in(header)) is not None:
        return await tokens.caller(token, request.url.path, inside=request.scope.get("inside", False))
    key = presented(header) or key
    keys: Keys = request.app.state.keys
    caller = await keys.caller(key, request.app.state.store) if key else None
    if caller is None:
        said = "this key is unknown or was revoked" if key else "no key was sent"
        told = f"{said}; send an API key as the user of HTTP Basic with an empty password, or as Bearer"
        challenges = [tokens.challenge(request.url.path), _CHALLENGE] if tokens is not None else [_CHALLENGE]
        raise Problem(401, told, headers={"WWW-Authenticate": ", ".join(challenges)})
    return caller


async def allow(request: Request, *rights: Right) -> Caller:
    """The caller, if its key has these rights and may be used from where the request comes.

    Raises:
        Problem: 401 without a valid key; 403 with one that may not, or of a web page that may not use it; 429, too often.
    """
    return _checked(request, await authenticate(request), *rights)


async def sender(request: Request, key: Any = None) -> Caller:
    """Who sends events: by the header, else by a key that stands in the body or the address, where web pages put it.

    Raises:
        Problem: as `allow`; 401 for a server's key that does not stand in the header.
    """
    if presented(request.headers.get("authorization")):
        return await allow(request, Right.SEND)
    caller = await authenticate(request, key if isinstance(key, str) else None)
    if caller.role is not Role.CLIENT:
        raise Problem(
            401, "only a client's key may stand in the body or the address; send this one in the Authorization header"
        )
    return _checked(request, caller, Right.SEND)


async def only_known(request: Request) -> None:
    """See that every parameter of the query is one of the route's; who has no key hears of that first.

    Raises:
        Problem: 401 without a valid key, where the route takes one; 422, it has no such parameter.
    """
    try:
        await problems.only_known(request)
    except Problem:
        if any(isinstance(each.call, May) for each in request.scope["route"].dependant.dependencies):
            await authenticate(request)
        raise


async def people(request: Request) -> Caller:
    """The caller, if its key does more than send events: before it is known what is asked of it.

    Raises:
        Problem: as `allow`.
    """
    caller = await authenticate(request)
    more = RIGHTS[caller.role] - {Right.SEND}
    return _checked(request, caller, next(iter(more), Right.READ))


def _checked(request: Request, caller: Caller, *rights: Right) -> Caller:
    insist_on(caller, *rights)
    _insist_on_page(request, caller)
    count(request, caller)
    request.scope["caller"] = caller
    return caller


def insist_on(caller: Caller, *rights: Right) -> None:
    """Make sure that the caller has these rights.

    Raises:
        Problem: 403, they have not.
    """
    if lacking := [right for right in rights if not caller.may(right)]:
        raise forbidden(caller, *lacking)


def count(request: Request, caller: Caller) -> None:
    """Count a request against what its caller may ask in a minute.

    Raises:
        Problem: 429, that is used up.
    """
    if caller.per_minute is not None and not request.scope.get("counted"):
        limits: Limits = request.app.state.limits
        limits.ask(caller.id, caller.per_minute)
        request.scope["counted"] = True  # of this request, however often it is asked who calls


def forbidden(caller: Caller, *lacking: Right) -> Problem:
    """The key may not do this, and which may."""
    if isinstance(caller, Subject) and caller.beyond.issuperset(lacking):
        return caller.wants(map(scope_of, lacking))
    right = lacking[0]
    if right is Right.PERSONAL:
        told = "this shows personal data, which this key may not; make one with `journeys keys create NAME --personal`"
        return Problem(403, told)
    able = ", ".join(role for role, rights in RIGHTS.items() if right in rights)
    return Problem(403, f"this key has the role '{caller.role}'; this call needs a key of one of the roles: {able}")


def insist_on_journey(caller: Caller, journey: str | None) -> None:
    """Make sure that the caller may deal with a journey; None is what is of no journey, or of several.

    Raises:
        Problem: 403, its key is held to others.
    """
    if not caller.has(journey):
        told = f"this key is for {', '.join(sorted(caller.journeys))} alone"
        raise Problem(403, told if journey else f"{told}; say which journey", code="other-journey")


def _insist_on_page(request: Request, caller: Caller) -> None:
    origin = request.headers.get("origin")
    # The API's own pages (/docs) send their origin, too; whether by http or https a proxy in front may not tell us.
    if origin is None or origin.partition("://")[2] == request.headers.get("host") or caller.may_come_from(origin):
        return
    if caller.role is not Role.CLIENT:
        raise Problem(
            403,
            "this is a server's key and must not be in a web page, where anybody can read it; revoke it, and make"
            " one with `journeys keys create NAME --role client --origin …`",
            code="server-key-in-a-page",
        )
    raise Problem(
        403, f"this key may not be used from {origin[:200]}; make one with --origin for that page", code="foreign-origin"
    )


class Of(Enum):
    """How a route keeps to the journeys that a key is held to."""

    EVERYTHING = "it is of no single journey: such keys are refused"
    NAMED = "the path or the query names the journey"
    ITSELF = "the route looks at what it finds, or finds nothing of others"


@dataclass(frozen=True, slots=True)
class May:
    """What a route asks of its caller, as a dependency; `does` is what the audit calls it where it changes something."""

    right: Right
    does: str = ""
    personal: bool = False
    of: Of = Of.EVERYTHING

    async def __call__(self, request: Request) -> Caller:
        """The caller, who may; from here on it is they who act.

        Raises:
            Problem: as `allow`; 403, the call shows personal data and the key may not, or is held to other journeys.
        """
        caller = await self.caller(request)
        if self.of is Of.EVERYTHING:
            insist_on_journey(caller, None)
        elif self.of is Of.NAMED:
            insist_on_journey(caller, request.path_params.get("journey") or request.query_params.get("journey"))
        act_as(Actor(caller.name, caller.role, _trace(request)))
        return caller

    async def caller(self, request: Request) -> Caller:
        """Who calls, and has the rights: by the key that came with the request."""
        return await allow(request, *self.rights)

    @property
    def rights(self) -> tuple[Right, ...]:
        """All that the caller has to have."""
        return (self.right, Right.PERSONAL) if self.personal else (self.right,)


def _trace(request: Request) -> str | None:
    """What the caller, or who calls through it, names this request by."""
    named = request.headers.get("x-request-id") or request.headers.get("traceparent") or ""
    return named if _TRACE.fullmatch(named) else None


def may(right: Right, does: str = "", *, personal: bool = False, of: Of = Of.EVERYTHING) -> Any:
    """What a route asks of its `caller: Annotated[Caller, …]`, as FastAPI takes it."""
    return Depends(May(right, does, personal, of))


_schemes = [Security(_basic), Security(_bearer)]

#: Route parameters of what only looks. Add `dependencies=schemes()` to the router so that OpenAPI shows the schemes.
Reader = Annotated[Caller, may(Right.READ)]
JourneyReader = Annotated[Caller, may(Right.READ, of=Of.NAMED)]


def of_caller(caller: Caller, idempotency_key: str | None) -> str | None:
    """An `Idempotency-Key` as it is kept: of this key of the API alone. No header can spell another's."""
    return f"{caller.name}\n{idempotency_key}" if idempotency_key else None


PersonReader = Annotated[Caller, may(Right.READ, personal=True)]


#: What `schemes` comes to in OpenAPI: either way to send a key is enough.
SECURITY: list[dict[str, list[str]]] = [{"writeKey": []}, {"bearer": []}]


def schemes() -> list[Any]:
    """The dependencies that declare both ways to send a key in OpenAPI."""
    return list(_schemes)
