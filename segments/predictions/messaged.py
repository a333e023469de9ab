"""Marketing messages that a customer was sent, and those that they did something with: by channel, or by the hour of their day.

Promise: pure, and counted on the ledger as it was known at an instant (`segments.sql.messaged`). What a machine did in a
customer's name is nothing that they did.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from segments.errors import DefinitionError
from segments.facts import Facts
from segments.language.events import MESSAGE_CLICKED, MESSAGE_READ, MESSAGE_REPLIED
from segments.leaves.did import Did
from segments.time.hours import Home

#: What counts as an answer to a message, by the word that asks for it: that, and whatever is more.
ANSWERS: Final[Mapping[str, tuple[str, ...]]] = {
    "opened": (MESSAGE_READ, MESSAGE_CLICKED, MESSAGE_REPLIED),
    "clicked": (MESSAGE_CLICKED, MESSAGE_REPLIED),
    "answered": (MESSAGE_REPLIED,),
}
HOURS: Final = tuple(f"{hour:02}" for hour in range(24))


@dataclass(frozen=True, eq=False)
class Messages:
    """Which messages are counted, and what is an answer to one.

    Attributes:
        by: A word of `ANSWERS`, or an event that follows the message.
        within: How old a message can be.
        soon: How soon after the message the answer has to come.
        home: By whose hours they are told apart; None: by channel.
    """

    by: str | Did
    within: timedelta
    soon: timedelta
    home: Home | None = None

    def __post_init__(self) -> None:
        if isinstance(self.by, str) and self.by not in ANSWERS:
            words = ", ".join(ANSWERS)
            raise DefinitionError(self.place, f"goes by one of {words}, or by an event, did(…), not by {self.by!r}")
        if not isinstance(self.by, str | Did):
            raise DefinitionError(self.place, f"goes by a word or by an event, did(…), not by {self.by!r}")
        if isinstance(self.by, Did) and self.by.to_json() != self.by.plain.to_json():
            raise DefinitionError(self.place, "goes by an event with where(…) only; soon= says how soon it follows")

    @property
    def place(self) -> str:
        """How an error names it."""
        return "by"

    @property
    def known(self) -> tuple[str, float, float, str]:
        """What is counted in one pass."""
        by = self.by if isinstance(self.by, str) else repr(self.by.to_json())
        return (
            by,
            self.within.total_seconds(),
            self.soon.total_seconds(),
            "" if self.home is None else repr(self.home.to_json()),
        )

    def lately(self, span: timedelta) -> "Messages":
        """The same of a shorter while."""
        return replace(self, within=span)

    @property
    def answer(self) -> str:
        """What an answer is, in words."""
        return self.by if isinstance(self.by, str) else f"followed by {self.by.what}"


@dataclass(frozen=True, eq=False)
class Messaged:
    """How many of them were sent, or answered, on a channel or in an hour (`"08"`)."""

    of: Messages
    option: str
    answered: bool

    @property
    def reads(self) -> frozenset[str]:
        """The properties that its event looks at."""
        by = self.of.by
        return frozenset() if isinstance(by, str) else frozenset(name for each in by.expects() for name in each.path)

    def amount(self, facts: Facts, at: datetime) -> float | None:  # noqa: ARG002 - one signature for all terms
        """Refused: messages stand on the ledger, and not among what is known of a customer in memory."""
        raise DefinitionError("messages", "are counted on the ledger only")

    def to_json(self) -> dict[str, Any]:
        """Nobody declares one by itself."""
        return {"messages": self.option, "answered": self.answered}

    def __str__(self) -> str:
        where = f"at {self.option}:00" if self.of.home is not None else f"by {self.option}"
        return f"messages {where}" + (f" that were {self.of.answer}" if self.answered else "")
