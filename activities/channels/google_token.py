"""Google's access token for a service account: asked for with a signed assertion (RFC 7523), kept until it ages.

Promise: one request at a time however many messages wait for it, and a failure here is never doubtful: nothing was
sent.
Source: Google's "Using OAuth 2.0 for Server to Server Applications". Times here are real time, not business time,
because Google's clock judges the assertion.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import httpx
import jwt

from activities.channels.errors import TryLater
from activities.channels.http import body_of, retry_after

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_EARLY = 120.0  # seconds before its end at which a token is renewed, so that none expires on the way
_LIFE = 3600  # seconds; the longest Google grants


class GoogleToken:
    """The current access token of one service account."""

    def __init__(self, account: Mapping[str, Any], http: httpx.AsyncClient) -> None:
        self._account = account
        self._http = http
        self._lock = asyncio.Lock()
        self._value = ""
        self._fresh_until = 0.0

    async def current(self, *, refused: str | None = None) -> str:
        """A token; a new one when it is old, or when it is the one that was just `refused`.

        Raises:
            TryLater: Google gave none; the detail says which setting to look at.
        """
        async with self._lock:
            if self._value == refused or time.monotonic() >= self._fresh_until:
                await self._renew()
            return self._value

    async def _renew(self) -> None:
        try:
            answer = await self._http.post(
                self._account["token_uri"], data={"grant_type": _GRANT, "assertion": self._assertion()}
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise TryLater(f"no token from token_uri: {type(error).__name__}") from None
        self._keep(answer)

    def _keep(self, answer: httpx.Response) -> None:
        body = body_of(answer)
        if answer.status_code != httpx.codes.OK or not isinstance(body.get("access_token"), str):
            raise TryLater(f"no token: HTTP {answer.status_code}; check JOURNEYS_FCM_SERVICE_ACCOUNT", retry_after(answer))
        self._value = body["access_token"]
        self._fresh_until = time.monotonic() + float(body.get("expires_in", _LIFE)) - _EARLY

    def _assertion(self) -> str:
        now = int(time.time())
        claims = {
            "iss": self._account["client_email"],
            "scope": SCOPE,
            "aud": self._account["token_uri"],
            "iat": now,
            "exp": now + _LIFE,
        }
        try:
            return jwt.encode(claims, self._account["private_key"], "RS256", {"kid": self._account.get("private_key_id")})
        except (ValueError, TypeError, jwt.PyJWTError) as error:
            raise TryLater(f"bad private_key ({type(error).__name__}); check JOURNEYS_FCM_SERVICE_ACCOUNT") from None
