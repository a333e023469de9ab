"""Whether those who have left a segment may be taken away from a destination now: if they are many, it may be an error.

Promise: pure. Who may not be passed on any more is not asked about: they go, however many they are.
"""

from datetime import datetime, timedelta

from store.audiences import Leaving

#: In which those who leave are counted together.
WINDOW = timedelta(hours=1)
#: So many may leave within it, however small the audience.
FEW = 10


def window(stand: Leaving, now: datetime) -> tuple[datetime, int, int]:
    """The window that it is now: since when, how many were there, how many have gone in it."""
    if stand.window_at is None or now - stand.window_at >= WINDOW:
        return now, stand.known, 0
    return stand.window_at, max(stand.window_known, stand.known), stand.window_gone


def may_go(stand: Leaving, now: datetime, most_gone: float) -> bool:
    """Whether all who have left may go."""
    _, known, gone = window(stand, now)
    return gone + stand.leaving <= max(most_gone * known, FEW)
