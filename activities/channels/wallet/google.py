"""Google Wallet's REST API: a pass is put there as it stands now, inserted where Google has none, and saved by a signed link.

Promise: to put the same again changes nothing, so whatever is in doubt is done again; the last state wins. The link holds an id
and nothing of the customer.
Sources: Google Wallet REST reference (`loyaltyobject.update`, `.insert` …), "JSON Web Tokens" of Google Wallet (save links).
"""

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import httpx
import jwt

from activities.channels.errors import Ambiguous, Refused, TryLater
from activities.channels.http import body_of, get, http_client, post_json, put_json, retry_after
from activities.channels.push.google_token import GoogleToken
from activities.channels.wallet.google_object import GooglePass

SCOPE = "https://www.googleapis.com/auth/wallet_object.issuer"
_SAVE = "https://pay.google.com/gp/v/save/"
_SETTING = "JOURNEYS_WALLET_GOOGLE_SERVICE_ACCOUNT"


class GoogleWallet:
    """An issuer's passes; `url` is the API's base."""

    def __init__(self, account: Mapping[str, Any], issuer: str, url: str) -> None:
        self.issuer = issuer
        self._account = account
        self._url = f"{url.rstrip('/')}/walletobjects/v1"
        self._http = http_client()
        self._token = GoogleToken(account, self._http, SCOPE, _SETTING)
        self._known: dict[str, str] = {}  # the classes that Google has as they are

    async def put(self, pass_: GooglePass) -> None:
        """Have Google show the pass like this.

        Raises:
            TryLater: not now.
            Refused: never like this.
        """
        as_text = json.dumps(pass_.of_class, sort_keys=True)
        if self._known.get(pass_.of_class["id"]) != as_text:
            await self._put(f"{pass_.kind}Class", pass_.of_class)
            self._known[pass_.of_class["id"]] = as_text
        await self._put(f"{pass_.kind}Object", pass_.object)

    async def replace(self, pass_: GooglePass) -> bool:
        """Have Google show a pass that it has like this; False where it has none.

        Raises:
            TryLater: not now.
            Refused: never like this.
        """
        where = f"{pass_.kind}Object/{pass_.object['id']}"
        if (await self._asked("get", where)).status_code == httpx.codes.NOT_FOUND:
            return False
        answer = await self._asked("put", where, pass_.object)
        _accepted(answer, pass_.object)
        return True

    def save_link(self, pass_: GooglePass) -> str:
        """Where a customer saves a pass that Google has."""
        claims = {
            "iss": self._account["client_email"],
            "aud": "google",
            "typ": "savetowallet",
            "iat": int(time.time()),
            "origins": [],
            "payload": {f"{pass_.kind}Objects": [{"id": pass_.object["id"], "classId": pass_.object["classId"]}]},
        }
        return _SAVE + jwt.encode(claims, self._account["private_key"], "RS256")

    async def close(self) -> None:
        """Let go of the connections."""
        with suppress(RuntimeError):  # of a loop that has ended
            await self._http.aclose()

    async def _put(self, what: str, body: Mapping[str, Any]) -> None:
        answer = await self._asked("put", f"{what}/{body['id']}", body)
        if answer.status_code == httpx.codes.NOT_FOUND:
            answer = await self._asked("insert", what, body)
            if answer.status_code == httpx.codes.CONFLICT:  # somebody was faster, perhaps with an older state
                answer = await self._asked("put", f"{what}/{body['id']}", body)
        _accepted(answer, body)

    async def _asked(self, how: str, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        token = await self._token.current()
        signed = {"authorization": f"Bearer {token}"}
        where = self._http, "google-wallet", f"{self._url}/{path}"
        try:
            if body is None:
                answer = await get(*where, signed)
            else:
                answer = await (put_json if how == "put" else post_json)(*where, body, signed)
        except Ambiguous as error:
            raise TryLater(error.detail) from None
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            self._token.refused(token)
        return answer


def _accepted(answer: httpx.Response, body: Mapping[str, Any]) -> None:
    if not answer.is_success or body_of(answer).get("id") != body["id"]:
        raise _refusal(answer)


def _refusal(answer: httpx.Response) -> TryLater | Refused:
    error = body_of(answer).get("error")
    told = error.get("status", "") if isinstance(error, dict) else ""
    detail = f"google-wallet {answer.status_code} {str(told)[:64]}".rstrip()
    if answer.status_code in (401, 403, 404):
        return TryLater(f"{detail}; check {_SETTING} and JOURNEYS_WALLET_GOOGLE_ISSUER")
    if answer.status_code in (408, 409, 429) or answer.status_code >= 500 or answer.status_code < 400:  # noqa: PLR2004
        return TryLater(detail, retry_after(answer))
    return Refused(detail)
