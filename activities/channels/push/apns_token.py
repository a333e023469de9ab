"""What we show to APNs: a JSON Web Token under the key of a developer's team, the same for forty minutes in all our processes.

Promise: APNs takes a token for an hour, and no new one within twenty minutes of the last; so time is cut into stretches of
forty, and whoever signs in a stretch signs its beginning. Nothing is asked over the network.
Source: Apple's "Establishing a token-based connection to APNs". Times here are real time, not business time.
"""

import time
from collections.abc import Callable

import jwt

from activities.channels.errors import TryLater

_STRETCH = 40 * 60  # seconds


class ApnsToken:
    """The current token of one key."""

    def __init__(self, key: str, key_id: str, team_id: str, now: Callable[[], float] = time.time) -> None:
        self._key = key
        self._key_id = key_id
        self._team_id = team_id
        self._now = now
        self._value = ""
        self._since = -1

    def current(self) -> str:
        """A token that is taken for at least twenty minutes.

        Raises:
            TryLater: nothing can be signed with the key.
        """
        since = int(self._now()) // _STRETCH * _STRETCH
        if since != self._since:
            self._value, self._since = self._signed(since), since
        return self._value

    def _signed(self, since: int) -> str:
        try:
            return jwt.encode({"iss": self._team_id, "iat": since}, self._key, "ES256", {"kid": self._key_id})
        except (ValueError, TypeError, jwt.PyJWTError) as error:
            raise TryLater(f"bad key ({type(error).__name__}); check JOURNEYS_APNS_KEY") from None
