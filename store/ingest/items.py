"""What comes in, read and checked: one call of the Segment spec, and what it changes about its customer."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from store.customers.consent import By
from store.customers.endpoints import Address


class Provenance(NamedTuple):
    """Where a trait comes from, if not simply from the item's source; with a confidence (0 to 1) it is inferred."""

    source: str | None = None
    confidence: float | None = None


class Choice(NamedTuple):
    """What was chosen for marketing at an address, or without one: granted, refused or withdrawn, by whom, on which text."""

    channel: str
    address: str | None
    state: str
    by: By = By.SYNC
    text_version: str | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What an item changes about its customer, besides having happened."""

    traits: dict[str, Any] = field(default_factory=dict)
    addresses: tuple[Address, ...] = ()
    choices: tuple[Choice, ...] = ()
    origins: dict[str, Provenance] = field(default_factory=dict)


class Item(NamedTuple):
    """One call of the Segment spec, read and checked; properties and context are JSON texts."""

    message_id: str
    user_id: str | None
    anonymous_id: str | None
    ts: datetime
    type: str
    kind: str
    properties: str
    context: str
    clamped: bool
    source: str
    received_at: datetime
    traceparent: str | None = None
    previous_id: str | None = None
    changes: Changes | None = None
    #: By a server's key; by a client's (an app, a web page) with a signed user id; by a client's without.
    trust: Literal["server", "signed", "claimed"] = "server"

    @property
    def plain(self) -> bool:
        """Whether this is an event and nothing else."""
        return self.changes is None and self.previous_id is None
