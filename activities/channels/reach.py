"""Whether a provider can be reached over HTTP, found out before a message is claimed and not with one.

Promise: after a failed connection, and before the first one, nobody claims a message until the provider has answered a
request that sends nothing; so an outage, with workers killed in the middle of it, leaves no doubts.
"""

import httpx

from activities.channels.errors import NoConnection, TryLater
from activities.channels.http import broken
from activities.channels.shared import Shared


class Reach:
    """The way to one provider; `url` is its base."""

    def __init__(self, http: httpx.AsyncClient, provider: str, url: str) -> None:
        self._http, self._provider, self._url = http, provider, url
        self._open = False
        self._look = Shared(self._ask)

    async def wait(self) -> None:
        """Return when the provider is known to answer.

        Raises:
            ChannelError: it does not, or its address in the settings is malformed.
        """
        if not self._open:
            await self._look.answer()

    def lost(self, error: TryLater) -> None:
        """Take note of what a request found."""
        if isinstance(error, NoConnection):
            self._open = False

    async def _ask(self) -> None:
        try:
            async with self._http.stream("HEAD", self._url):
                self._open = True  # whatever it answers
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise TryLater(f"{broken(self._provider, error).detail} (asked before sending)") from None
