"""Google's access token for a service account: asked for with a signed assertion (RFC 7523), kept until it ages.

Promise: one request at a time however many messages wait for it, all of whom share what it brings; a failure here is never
doubtful, because a token is waited for before a message is claimed.
Source: Google's "Using OAuth 2.0 for Server to Server Applications". Times here are real time, not business time,
because Google's clock judges the assertion.
"""

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import httpx
import jwt

from activities.channels.errors import ChannelError, TryLater
from activities.channels.http import body_of, post, retry_after
from activities.channels.shared import Shared

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_FORM = {"content-type": "application/x-www-form-urlencoded"}
_EARLY = 120.0  # seconds before its end at which a token is renewed, so that none expires on the way
_LIFE = 3600  # seconds; the longest Google grants


class GoogleToken:
    """The current access token of one service account."""

    def __init__(
        self,
        account: Mapping[str, Any],
        http: httpx.AsyncClient,
        scope: str = SCOPE,
        setting: str = "JOURNEYS_FCM_SERVICE_ACCOUNT",
    ) -> None:
        self._account = account
        self._scope = scope
        self._setting = setting
        self._http = http
        self._renewal = Shared(self._renew)
        self._value = ""
        self._fresh_until = 0.0

    async def current(self) -> str:
        """A token; a new one when it is old or was refused.

        Raises:
            TryLater: Google gave none; the detail says which setting to look at.
        """
        if time.monotonic() < self._fresh_until:
            return self._value
        return await self._renewal.answer()

    def refused(self, token: str) -> None:
        """Do not hand this one out again."""
        if token == self._value:
            self._fresh_until = 0.0

    async def _renew(self) -> str:
        form = urlencode({"grant_type": _GRANT, "assertion": self._assertion()}).encode()
        try:
            answer = await post(self._http, "token_uri", self._account["token_uri"], form, _FORM)
        except ChannelError as error:
            raise TryLater(f"no token: {error.detail}; check {self._setting}") from None
        return self._keep(answer)

    def _keep(self, answer: httpx.Response) -> str:
        body = body_of(answer)
        token, life = body.get("access_token"), body.get("expires_in", _LIFE)
        if answer.status_code != httpx.codes.OK or not isinstance(token, str) or not isinstance(life, int | float):
            raise TryLater(f"no token: HTTP {answer.status_code}; check {self._setting}", retry_after(answer))
        self._value, self._fresh_until = token, time.monotonic() + life - _EARLY
        return token

    def _assertion(self) -> str:
        now = int(time.time())
        claims = {
            "iss": self._account["client_email"],
            "scope": self._scope,
            "aud": self._account["token_uri"],
            "iat": now,
            "exp": now + _LIFE,
        }
        try:
            return jwt.encode(claims, self._account["private_key"], "RS256", {"kid": self._account.get("private_key_id")})
        except (ValueError, TypeError, jwt.PyJWTError) as error:
            raise TryLater(f"bad private_key ({type(error).__name__}); check {self._setting}") from None
