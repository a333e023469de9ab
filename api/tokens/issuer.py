"""An authorization server, as it tells of itself: its metadata, and the keys with which it signs.

Promise: it is asked seldom whatever strangers send, never followed elsewhere, and never waited for long. While it is away, the
keys that it had last go on to count for two hours; what was signed with another key is then "cannot be told", not "wrong".
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet, import_key

#: Seconds after which keys are asked for again, for which the last ones count without an answer, and between two questions.
FRESH, STALE, PAUSE = 300.0, 7_200.0, 10.0
_PATIENCE = 5.0  # seconds for each piece of an answer, and twice that for all of it
_LARGEST = 512 * 1024  # bytes of an answer
_log = structlog.get_logger(__name__)


class IssuerAway(Exception):
    """The authorization server does not answer as it should, so nobody can tell whether it signed something."""


async def metadata_of(issuer: str, http: httpx.AsyncClient) -> dict[str, Any]:
    """What a server says of itself (RFC 8414; OpenID Connect Discovery 1.0), by the first of its addresses that has it.

    Raises:
        httpx.HTTPError: it does not answer, or has none.
        ValueError: what it says is nothing, or of another issuer.
    """
    wrong: Exception = ValueError("it says nothing of itself")
    for address in _addresses(issuer):
        try:
            known = await _read(http, address)
            if known["issuer"] == issuer:
                return dict(known)
            wrong = ValueError("the provider says to be another issuer")
        except (httpx.HTTPStatusError, KeyError, TypeError, ValueError) as error:  # a page, or nothing: it may stand elsewhere
            wrong = error
    raise wrong


def _addresses(issuer: str) -> list[str]:
    """Where it may stand, in the order of the Model Context Protocol."""
    parts = urlsplit(issuer.rstrip("/"))
    kinds = ("oauth-authorization-server", "openid-configuration")
    inserted = [urlunsplit(parts._replace(path=f"/.well-known/{kind}{parts.path}")) for kind in kinds]
    return [*inserted, f"{issuer.rstrip('/')}/.well-known/openid-configuration"] if parts.path else inserted


async def _read(http: httpx.AsyncClient, address: str) -> Any:
    """A small JSON document that stands right there."""
    content = bytearray()
    async with http.stream("GET", address) as answer:
        answer.raise_for_status()
        async for piece in answer.aiter_bytes():
            content += piece
            if len(content) > _LARGEST:
                raise ValueError("it says more than is read")
    return json.loads(content)


class Issuer:
    """One server, and its keys as it told them lately; `now` counts seconds from anywhere."""

    def __init__(self, issuer: str, now: Callable[[], float] = time.monotonic) -> None:
        self.issuer = issuer
        self._now = now
        self._keys: tuple[Key, ...] = ()
        self._told_at = self._asked_at = float("-inf")
        self._asking = asyncio.Lock()
        self._behind: asyncio.Task[None] | None = None

    async def keys(self, kid: str | None) -> KeySet:
        """The keys that count now; if that one is not among them, the server has just been asked.

        Raises:
            IssuerAway: it has not told any, or perhaps not this one.
        """
        if not self._has(kid):
            await self._ask()
        elif self._now() > self._told_at + FRESH and (self._behind is None or self._behind.done()):
            self._behind = asyncio.create_task(self._ask())  # nobody waits for that
        if not self._keys or self._now() > self._told_at + STALE:
            raise IssuerAway(f"{self.issuer} has not told its keys")
        if not self._has(kid) and self._asked_at > self._told_at:
            raise IssuerAway(f"{self.issuer} may have new keys, and does not tell them")
        return KeySet(list(self._keys))

    def _has(self, kid: str | None) -> bool:
        return bool(self._keys) if kid is None else any(key.kid == kid for key in self._keys)

    async def _ask(self) -> None:
        """Ask for its keys, unless that was done just now."""
        async with self._asking:
            if self._now() < max(self._asked_at, self._told_at) + PAUSE:
                return
            self._asked_at = self._now()
            try:
                self._keys = await _keys_of(self.issuer)
                self._told_at = self._now()
            except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, KeyError, TypeError, ValueError) as error:
                _log.warning("the authorization server does not tell its keys", error=type(error).__name__)


async def _keys_of(issuer: str) -> tuple[Key, ...]:
    """The public keys with which it signs (RFC 7517); those of a kind that is not known here are left out.

    Raises:
        httpx.HTTPError: it does not answer.
        ValueError: there is none, or they stand where somebody in between could exchange them.
    """
    async with httpx.AsyncClient(timeout=_PATIENCE) as http, asyncio.timeout(2 * _PATIENCE):
        place = (await metadata_of(issuer, http))["jwks_uri"]
        if urlsplit(place).scheme != "https" and urlsplit(issuer).scheme == "https":
            raise ValueError("its keys do not stand at an https address")
        told = (await _read(http, place))["keys"]
    found = tuple(key for each in told if (key := _key(each)) is not None)
    if not found:
        raise ValueError("it has no key that signs")
    return found


def _key(told: Mapping[str, Any]) -> Key | None:
    """A key for signatures; a symmetric one is none, since who can check with it can sign with it."""
    if told.get("kty") == "oct" or told.get("use", "sig") != "sig":
        return None
    try:
        return import_key(dict(told))
    except (JoseError, ValueError):
        return None
