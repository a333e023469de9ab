"""docs/consent.md once more, in plain Python: the second opinion on what `consent_of` answers in Postgres."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

NOES = ("refused", "withdrawn")
#: Of several addresses the first of these counts.
ALLOWING_MOST = ("granted", "unknown", "pending", "expired", "refused", "withdrawn")
_NEARNESS = {"import": 1, "sync": 2, "customer": 3}


class Said(NamedTuple):
    """A row of the log; `n` is its place in it."""

    n: int
    who: Any
    channel: str
    address: str | None
    purpose: str
    state: str
    by: str
    at: datetime
    received_at: datetime

    @property
    def second(self) -> datetime:
        """When it counts as said."""
        return min(self.at, self.received_at).replace(microsecond=0)

    @property
    def weight(self) -> int:
        """A withdrawal is the customer's own, whoever brings it."""
        return _NEARNESS["customer" if self.state == "withdrawn" else self.by]


def state_of(log: Iterable[Said], who: Any, channel: str, address: str, purpose: str = "marketing") -> str:
    """Whether this customer may be written to at this address, word by word as they were received."""
    standing: list[Said] = []
    yes = False
    for word in sorted(_about(list(log), who, channel, address, purpose), key=lambda word: (word.received_at, word.n)):
        own = word.who == who and who is not None
        if word.state != "granted":
            if own or word.state in NOES:
                standing.append(word)
            continue
        standing = [no for no in standing if not _takes_back(word, no, who)]
        yes = yes or (own and word.address is not None)
    left = [no.state for no in standing]
    return max(left, key=ALLOWING_MOST.index) if left else "granted" if yes else "unknown"


def best(states: Iterable[str]) -> str:
    """What a channel answers, of the answers of its addresses."""
    return min(states, key=ALLOWING_MOST.index, default="unknown")


def _about(log: list[Said], who: Any, channel: str, address: str, purpose: str) -> list[Said]:
    words = [word for word in log if (word.channel, word.purpose) == (channel, purpose)]
    spoken_of = any(word.address == address and word.who == who for word in words)
    inherits = channel == "push" and not spoken_of
    return [w for w in words if w.address == address or (w.who == who and who is not None and (w.address is None or inherits))]


def _takes_back(yes: Said, no: Said, who: Any) -> bool:
    if yes.second <= no.second or yes.weight < no.weight:
        return False
    if no.address is None:
        return bool(yes.who == who)
    return yes.address is not None and yes.who in (who, no.who)
