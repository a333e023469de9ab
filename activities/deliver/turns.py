"""Whose turn it is to have a message, where a channel has several providers, and what those said who did not take it.

Promise: only who certainly did not take it is passed over. What one of them might take later is waited for, and not refused.
"""

from dataclasses import dataclass
from datetime import timedelta

from activities.channels.base import Line, Provider
from activities.channels.errors import ChannelError, TryLater, Unable
from activities.deliver.claim import Later


@dataclass(frozen=True, slots=True)
class Passed:
    """Why providers were passed over, and after how long those might take the message that ever will."""

    why: tuple[str, ...] = ()
    pauses: tuple[timedelta | None, ...] = ()

    def by(self, error: ChannelError) -> "Passed":
        """One more."""
        pauses = self.pauses if isinstance(error, Unable) else (*self.pauses, _pause(error))
        return Passed((*self.why, error.detail), pauses)

    @property
    def later(self) -> Later:
        """When to try again: as soon as the first of them asks to be; where one names no time, when Temporal thinks best."""
        named = [pause for pause in self.pauses if pause is not None]
        return Later("; ".join(self.why), min(named) if named and len(named) == len(self.pauses) else None)


@dataclass(frozen=True, slots=True)
class Turn:
    """A provider that is ready for the message, and those who were before it."""

    provider: Provider
    line: Line
    before: Passed
    last: bool
    paced: str = ""  # the sender whose pace has been waited for

    @property
    def others(self) -> bool:
        """Whether another provider may take it: one that comes after, or one that is asked again later."""
        return not self.last or bool(self.before.pauses)


def _pause(error: ChannelError) -> timedelta | None:
    return error.retry_after if isinstance(error, TryLater) else None
