"""A circuit breaker: who fails too often, or refuses everybody, is not used for a while; then one message at a time asks again.

Promise: the next one asks at most a minute later, also where the one before still waits for its answer; and rather one that
has not failed there itself, so that no single bad recipient keeps a provider from all others. What a breaker holds back is
not claimed, and goes to another provider where there is one. Each worker process has its own for each provider, and learns
from its own messages only; how it stands is told in metrics and, by `news`, to operators.
Source: Nygard, "Release It!" (2nd ed., 2018), Circuit Breaker; closed, open and half-open as there.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple

import structlog

from activities.channels.errors import Ambiguous, ChannelError, EndpointGone, Refused, TryLater, Unable
from activities.metrics import PROVIDER_STOPPED

log = structlog.get_logger(__name__)

#: Of what it did within this span (seconds) so many must be known, and this share of it failures.
WINDOW, LEAST, SHARE = 60.0, 10, 0.5
#: So many messages refused one after the other, and none accepted, are no accident.
IN_A_ROW = 20
#: For how long nobody asks it: the first time, and at most; each time twice as long as the one before.
FIRST, MOST = timedelta(seconds=5), timedelta(minutes=1)
#: So much of that whoever has not failed there goes before whoever has. Nobody would ask where only those are left.
AHEAD = timedelta(seconds=5)
#: Of so many messages it is known that they failed there.
_REMEMBERED = 10_000


class Stopped(NamedTuple):
    """It is not used for so long, and why."""

    span: timedelta
    why: str


@dataclass
class Breaker:
    """What one process knows of a provider."""

    provider: str
    clock: Callable[[], float] = time.monotonic
    stopped: Stopped | None = field(default=None, init=False)
    _known: deque[tuple[float, bool]] = field(default_factory=lambda: deque(maxlen=1_000), init=False)
    _refused: int = field(default=0, init=False)
    _until: float = field(default=0.0, init=False)
    _asks: float | None = field(default=None, init=False)  # since when a message asks that has had no answer
    _ill: dict[str, None] = field(default_factory=dict, init=False)  # the messages that failed, in their order
    _news: bool = field(default=False, init=False)

    def enter(self, key: str = "") -> float | None:
        """Let the message of a key through; by what it returns, if that is anything, it asks how the provider is.

        Raises:
            TryLater: the provider is not used for now.
        """
        if self.stopped is None:
            return None
        self.check(key)
        self._asks = self.clock()
        return self._asks

    def check(self, key: str = "") -> None:
        """Whether the message of a key would be let through.

        Raises:
            TryLater: as `enter`.
        """
        if self.stopped is None:
            return
        now = self.clock()
        left = self._until + (AHEAD.total_seconds() if key in self._ill else 0.0) - now
        if left > 0 or (self._asks is not None and now < self._asks + MOST.total_seconds()):
            raise TryLater(f"{self.provider} is not used for now: {self.stopped.why}", timedelta(seconds=max(left, 1.0)))

    @contextmanager
    def watch(self, key: str) -> Iterator[None]:
        """Let the message of a key through, and take note of what the provider did with it.

        Raises:
            TryLater: as `enter`.
        """
        asked = self.enter(key)
        try:
            with self.hearing(key):
                yield
        finally:
            self.leave(asked)

    @contextmanager
    def hearing(self, key: str) -> Iterator[None]:
        """Take note of what the provider does with the message of a key, which is through already."""
        try:
            yield
        except ChannelError as error:
            self.heard(error, key)
            raise
        self.heard(None)

    def leave(self, asked: float | None) -> None:
        """The message is through, whatever became of it; who has asked since then goes on asking."""
        if asked is not None and asked == self._asks:
            self._asks = None

    def heard(self, error: ChannelError | None, key: str = "") -> None:
        """Take note of what the provider did with the message of a key: nothing went wrong, or this."""
        if error is None or isinstance(error, EndpointGone):
            self._well()
        elif isinstance(error, TryLater | Ambiguous | Unable):
            if not (isinstance(error, TryLater) and error.theirs):
                self._remember(key)
                self._failed(error.detail)
        elif isinstance(error, Refused):
            self._refuses(error.detail)

    def news(self) -> bool:
        """Whether it has been stopped or is used again since this was last asked."""
        news, self._news = self._news, False
        return news

    def _remember(self, key: str) -> None:
        if key:
            self._ill[key] = None
        if len(self._ill) > _REMEMBERED:
            del self._ill[next(iter(self._ill))]

    def _well(self) -> None:
        self._refused = 0
        self._known.append((self.clock(), True))
        if self.stopped is not None:
            log.info("a provider is used again", provider=self.provider)
            self.stopped, self._news = None, True
            self._known.clear()
            PROVIDER_STOPPED.labels(self.provider).set(0)

    def _failed(self, detail: str) -> None:
        now = self.clock()
        self._known.append((now, False))
        lately = [well for at, well in self._known if at > now - WINDOW]
        failures = lately.count(False)
        if self.stopped is not None:
            self._stop(self.stopped.why)
        elif len(lately) >= LEAST and failures >= SHARE * len(lately):
            self._stop(f"{failures} of its last {len(lately)} messages failed, the last one with: {detail}")

    def _refuses(self, detail: str) -> None:
        self._refused += 1
        if self._refused >= IN_A_ROW:
            self._stop(f"it refused {self._refused} messages in a row, the last one with: {detail}")

    def _stop(self, why: str) -> None:
        if self.stopped is not None and self._until > self.clock():
            return  # messages that were on their way when it was stopped
        span = min(self.stopped.span * 2, MOST - AHEAD) if self.stopped else FIRST
        self.stopped, self._news, self._until = Stopped(span, why), True, self.clock() + span.total_seconds()
        PROVIDER_STOPPED.labels(self.provider).set(1)
        log.error("a provider is not used for a while", provider=self.provider, why=why, seconds=span.total_seconds())
