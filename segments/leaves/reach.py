"""How a customer can be reached, as a predicate: consent for a purpose, and a valid address on a channel.

Promise: pure; the same answers as the gate's (docs/consent.md), each over the addresses that a newer one has not replaced.
(Suppression is not asked here: it is by keyed hash of the address, and the gate alone has the key.)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from segments.errors import DefinitionError
from segments.facts import Facts
from segments.language.events import CONSENT_CHANGED, ENDPOINT_CHANGED
from segments.language.leaf import Leaf
from segments.language.predicate import Read
from segments.language.query import Query, Sql
from segments.language.reading import only

#: On which there are addresses, with consents of their own.
CHANNELS = ("push", "whatsapp", "email", "sms", "web_push")
#: On which messages go out, and come back as events that name the channel.
WRITTEN_ON = (*CHANNELS, "in_app", "wallet")
PURPOSES = ("marketing", "transactional")


@dataclass(frozen=True, eq=False)
class Consented(Leaf, keys=("consented",)):
    """There is an address on a channel to which the customer may be written for a purpose, dead or alive."""

    channel: str
    purpose: str = "marketing"

    def __post_init__(self) -> None:
        check_channel("consented", self.channel)
        check_purpose("consented", self.purpose)

    @property
    def marks(self) -> frozenset[str]:
        """What may change it."""
        return frozenset({CONSENT_CHANGED})

    @property
    def dated_by(self) -> str:
        """Since when there is such an address, or no such address any more."""
        return f"consent:{self.channel}/{self.purpose}"

    def holds(self, facts: Facts, at: datetime) -> bool:  # noqa: ARG002 - one signature for all leaves
        """Whether consent is granted now."""
        return facts.person.consents.get((self.channel, self.purpose)) == "granted"

    def sql(self, q: Query) -> Sql:
        """What the log says of each address is kept beside it (docs/consent.md)."""
        return q.has("endpoint", channel=self.channel, replaced_at=None, **{self.purpose: "granted"})

    def saw(self, facts: Facts, at: datetime) -> Any:  # noqa: ARG002 - one signature for all leaves
        """What was chosen, and since when."""
        state = facts.person.consents.get((self.channel, self.purpose), "unknown")
        return {"state": state} | self.since(facts)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], read: Read) -> Self:  # noqa: ARG003 - one signature for all leaves
        """The channel and the purpose."""
        only(plain, "consented", "purpose")
        return cls(plain["consented"], plain.get("purpose", "marketing"))

    def to_json(self) -> dict[str, Any]:
        """`{"consented": channel, "purpose": …}`."""
        return {"consented": self.channel, "purpose": self.purpose}

    def __str__(self) -> str:
        return f"has consented to {self.purpose} by {self.channel}"

    def denied(self) -> str:
        """The opposite, in words."""
        return f"has not consented to {self.purpose} by {self.channel}"


@dataclass(frozen=True, eq=False)
class Reachable(Leaf, keys=("reachable",)):
    """There is at least one address on a channel that is neither dead nor replaced by a newer one."""

    channel: str

    def __post_init__(self) -> None:
        check_channel("reachable", self.channel)

    @property
    def marks(self) -> frozenset[str]:
        """What may change it."""
        return frozenset({ENDPOINT_CHANGED})

    @property
    def dated_by(self) -> str:
        """The time of the first valid address, or of the end of the last one."""
        return f"endpoint:{self.channel}"

    def holds(self, facts: Facts, at: datetime) -> bool:  # noqa: ARG002 - one signature for all leaves
        """Whether there is an address now."""
        return self.channel in facts.person.channels

    def sql(self, q: Query) -> Sql:
        """One of the addresses."""
        return q.has("endpoint", channel=self.channel, replaced_at=None, invalid_at=None)

    def saw(self, facts: Facts, at: datetime) -> Any:  # noqa: ARG002 - one signature for all leaves
        """The channels with a valid address."""
        return {"reachable_by": sorted(facts.person.channels)} | self.since(facts)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], read: Read) -> Self:  # noqa: ARG003 - one signature for all leaves
        """The channel."""
        only(plain, "reachable")
        return cls(plain["reachable"])

    def to_json(self) -> dict[str, Any]:
        """`{"reachable": channel}`."""
        return {"reachable": self.channel}

    def __str__(self) -> str:
        return f"is reachable by {self.channel}"

    def denied(self) -> str:
        """The opposite, in words."""
        return f"is not reachable by {self.channel}"


def consented(channel: str, purpose: str = "marketing") -> Consented:
    """Consent for a purpose on a channel stands granted."""
    return Consented(channel, purpose)


def reachable(channel: str) -> Reachable:
    """A push token, number or address that is neither known to be dead nor replaced by a newer one."""
    return Reachable(channel)


def check_channel(place: str, channel: object, known: tuple[str, ...] = CHANNELS) -> None:
    """Refuse a channel on which there is nothing to ask for."""
    if channel not in known:
        raise DefinitionError(place, f"unknown channel {channel!r}; use one of {', '.join(known)}")


def check_purpose(place: str, purpose: object) -> None:
    """Refuse a purpose that no consent is asked for."""
    if purpose not in PURPOSES:
        raise DefinitionError(place, f"unknown purpose {purpose!r}; use one of {', '.join(PURPOSES)}")
