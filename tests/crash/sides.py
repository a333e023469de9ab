"""The side that each provider takes in doubt, and what breaks a promise: the table that crash and slow runs are held to.

Promise of a side, of the copies that arrived under a message's key and the state that the ledger has it in:

* exactly once: one where it is sent, else none; of one whose run ended in doubt at most one
* at most once: the same, and one at most where the ledger says that it does not know; handed over once
* at least once: one or more where it is sent, never more than were handed over, and those are bounded (`COPIES`); in doubt
  is only what was handed over as often as may be

Sources: SEMANTICS 1; docs/channels.md, of which the test below reads the same.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from activities.deliver.doubt import COPIES


class Side(StrEnum):
    """What is promised where nobody knows."""

    EXACTLY_ONCE = "exactly once"
    AT_MOST_ONCE = "at most once"
    AT_LEAST_ONCE = "at least once"


@dataclass(frozen=True)
class Sides:
    """A provider's, for marketing and for transactional messages; `why` as docs/channels.md has it."""

    marketing: Side
    transactional: Side

    def of(self, purpose: str) -> Side:
        return self.marketing if purpose == "marketing" else self.transactional


_DOUBTFUL = Sides(Side.AT_MOST_ONCE, Side.AT_LEAST_ONCE)
_CERTAIN = Sides(Side.EXACTLY_ONCE, Side.EXACTLY_ONCE)

#: By the ledger's name of the provider. Services are not on the ledger: whoever is called twice hears the same id.
SIDES = {
    "fcm": _DOUBTFUL,
    "apns": _DOUBTFUL,
    "fcm+apns": _DOUBTFUL,  # before it is known which of them carries it
    "web-push": _DOUBTFUL,
    "whatsapp": _DOUBTFUL,
    "smtp": _DOUBTFUL,
    "ses": _DOUBTFUL,
    "resend": _CERTAIN,
    "twilio": _DOUBTFUL,
    "aws-sms": _DOUBTFUL,
    "inbox": _CERTAIN,
    "wallet": _CERTAIN,
}
SERVICES = Side.AT_LEAST_ONCE


@dataclass(frozen=True)
class Row:
    """One message in the ledger."""

    run_id: object
    key: str
    journey: str
    channel: str
    provider: str
    purpose: str
    state: str
    reason: str | None
    attempts: int
    copies: int
    run_over: bool

    @property
    def marketing(self) -> bool:
        return self.purpose == "marketing"

    @property
    def side(self) -> Side:
        return SIDES[self.provider].of(self.purpose)


def breaches(ledger: Iterable[Row], arrived: Counter[str]) -> list[str]:
    """Every broken promise."""
    return [f"{row.side} broken: {arrived[row.key]} arrived of {row}" for row in ledger if not _kept(row, arrived[row.key])]


def _kept(row: Row, arrived: int) -> bool:
    match row.side, row.state:
        case Side.AT_LEAST_ONCE, "sent":
            return 1 <= arrived <= row.copies <= COPIES
        case Side.AT_LEAST_ONCE, "unconfirmed":
            return arrived <= row.copies == COPIES
        case Side.AT_MOST_ONCE, "unconfirmed":
            return arrived <= row.copies == 1
        case Side.EXACTLY_ONCE, "unconfirmed":
            return row.run_over and arrived <= 1
    once = row.side is Side.EXACTLY_ONCE or (row.side is Side.AT_MOST_ONCE and row.copies <= 1)
    return once and arrived == (row.state == "sent")
