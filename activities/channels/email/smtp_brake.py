"""Stops the channel when a relay refuses one recipient after the other for a reason of ours, and says so.

Promise: a relay that lost our account, our credit or its mind costs a handful of letters; the others wait, and one at a
time asks whether it has come to its senses.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from activities.channels.email.smtp_replies import Unwelcome
from activities.channels.errors import ChannelError, TryLater
from activities.metrics import CHANNEL_STOPPED

log = structlog.get_logger(__name__)

#: So many different recipients in a row are no accident.
IN_A_ROW = 10
PAUSE = timedelta(minutes=5)


@dataclass
class Brake:
    """What one process has heard from its relay since it last took a recipient, or knew one not to exist."""

    clock: Callable[[], float] = time.monotonic
    _unwelcome: set[str] = field(default_factory=set, init=False, repr=False)
    _until: float = field(default=0.0, init=False)

    def check(self) -> None:
        """Let a letter through.

        Raises:
            TryLater: the channel is stopped; after the pause the first one to ask is let through.
        """
        if len(self._unwelcome) < IN_A_ROW:
            return
        left = self._until - self.clock()
        if left > 0:
            raise TryLater(_STOPPED, timedelta(seconds=left))
        self._until = self.clock() + PAUSE.total_seconds()

    def taken(self) -> None:
        """The relay took a recipient."""
        self._unwelcome.clear()

    def refused(self, recipient: str, error: ChannelError) -> ChannelError:
        """What to raise for a recipient that the relay did not take: the error itself, or, in a row of them, a later try."""
        if isinstance(error, TryLater):
            return error
        if not isinstance(error, Unwelcome):
            self._unwelcome.clear()  # it was about this recipient, so the relay does look at them
            return error
        self._unwelcome.add(recipient)
        if len(self._unwelcome) < IN_A_ROW:
            return error
        return self._stopped(error)

    def _stopped(self, error: ChannelError) -> TryLater:
        self._until = self.clock() + PAUSE.total_seconds()
        CHANNEL_STOPPED.labels("email").inc()
        log.error("the relay refuses every recipient; email waits", reply=error.detail, pause_seconds=PAUSE.total_seconds())
        return TryLater(f"{error.detail}: {_STOPPED}", PAUSE)


_STOPPED = f"the relay refused {IN_A_ROW} recipients in a row; look at its policy and account, and at JOURNEYS_SMTP_URL"
