"""What comes back from a provider, in words that are the same for all: what became of a message, and what a customer wrote.

Promise: neutral and frozen. A provider's file checks the signature and translates; whoever takes the news knows no provider.
(`Status` is the ledger's own: a message was sent, delivered, read, clicked, failed or complained of; its address is dead,
or wants out.)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from store.deliveries.feedback import Status

__all__ = ["Notice", "Reply", "Status", "Unreadable"]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a customer wrote to us, or tapped: words that may ask us to stop. `item` is as it came, kept of a stranger."""

    id: str
    address: str = field(repr=False)
    at: datetime
    text: str = field(repr=False)
    kind: str
    item: str = field(repr=False)
    quoted: str | None = None
    clamped: bool = False
    choice: str | None = None  # the name of the button or row that was tapped, as we gave it
    form: Mapping[str, Any] | None = field(default=None, repr=False)  # what was filled in, by the names of its fields
    means: Literal["stop", "start"] | None = None  # where the provider takes it for one, whatever its words


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An item that could not be understood, with the reason."""

    item: str = field(repr=False)
    reason: str


Notice = Status | Reply | Unreadable
