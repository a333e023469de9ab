"""Telling Apple's devices that a pass has changed: an empty push to the pass type's topic, under its own certificate.

Promise: a push says nothing; the device asks our web service what is new. One that arrives twice costs a question, so it is
sent again in doubt.
Sources: Apple's "Updating a Pass", "Establishing a certificate-based connection to APNs".
"""

import re
import ssl
from contextlib import suppress
from pathlib import Path

import httpx

from activities.channels.errors import Ambiguous, ChannelError, EndpointGone, Refused, TryLater
from activities.channels.http import body_of, http_client, post, retry_after
from activities.channels.push.apns_errors import dead_since

_TOKEN = re.compile(r"[0-9A-Fa-f]{16,400}")
_DEAD = frozenset({"Unregistered", "ExpiredToken"})
#: Of another pass type or environment, unless a push was taken before.
_BAD = frozenset({"BadDeviceToken", "DeviceTokenNotForTopic"})
_LATER = (408, 429, 500, 502, 503, 504)
_SETTING = "JOURNEYS_WALLET_APPLE_CERTIFICATE"


class ApplePushes:
    """A pass type's connection to APNs."""

    def __init__(self, topic: str, url: str, certificate: Path, key: Path) -> None:
        self._topic = topic
        self._url = url.rstrip("/")
        self._proved = False
        self._http = http_client(http1=False, tls=_shows(certificate, key) if url.startswith("https:") else None)

    async def tell(self, push_token: str) -> None:
        """Tell one device.

        Raises:
            EndpointGone: the device has no pass of this type any more.
            TryLater: not now.
            Refused: never.
        """
        if not _TOKEN.fullmatch(push_token):
            raise EndpointGone("apns: not a push token")
        try:
            answer = await post(self._http, "apns", f"{self._url}/3/device/{push_token}", b"{}", {"apns-topic": self._topic})
        except Ambiguous as error:
            raise TryLater(error.detail) from None
        if answer.status_code != httpx.codes.OK:
            raise self._refusal(answer)
        self._proved = True

    async def close(self) -> None:
        """Let go of the connection."""
        with suppress(RuntimeError):  # of a loop that has ended
            await self._http.aclose()

    def _refusal(self, answer: httpx.Response) -> ChannelError:
        reason = str(body_of(answer).get("reason", ""))[:64]
        detail = f"apns {answer.status_code} {reason}".rstrip()
        if reason in _DEAD or (reason in _BAD and self._proved):
            return EndpointGone(detail, since=dead_since(answer) if reason in _DEAD else None)
        if reason in _BAD or answer.status_code == httpx.codes.FORBIDDEN or "Topic" in reason:
            return TryLater(f"{detail}; check {_SETTING} and JOURNEYS_WALLET_APNS_URL")
        if answer.status_code in _LATER or answer.status_code < 400:  # noqa: PLR2004 - what is no yes, and no no either
            return TryLater(detail, retry_after(answer))
        return Refused(detail)


def _shows(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.load_cert_chain(certificate, key)
    return context
