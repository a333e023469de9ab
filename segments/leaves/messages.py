"""What customers did with our own messages: the events that the providers' webhooks write, under their own words.

Promise: pure; every verb gives an ordinary `did(…)`, so counts, windows and combinations are those of any event.
"""

from dataclasses import dataclass

from segments.language.documents import Compare
from segments.language.events import (
    MESSAGE_CLICKED,
    MESSAGE_COMPLAINED,
    MESSAGE_DELIVERED,
    MESSAGE_FAILED,
    MESSAGE_READ,
    MESSAGE_REPLIED,
    MESSAGE_SENT,
    UNSUBSCRIBED,
)
from segments.language.values import check_name
from segments.leaves.did import Did
from segments.leaves.reach import WRITTEN_ON, check_channel, check_purpose


@dataclass(frozen=True)
class Messages:
    """Which messages are meant; a verb says what became of them."""

    conditions: tuple[Compare, ...] = ()

    def sent(self) -> Did:
        """Sent, as the ledger says: a provider has accepted it, or the inbox or the wallet shows it; on every channel."""
        return self._events(MESSAGE_SENT)

    def delivered(self) -> Did:
        """Arrived on the customer's device."""
        return self._events(MESSAGE_DELIVERED)

    def opened(self) -> Did:
        """Opened or read."""
        return self._events(MESSAGE_READ)

    def clicked(self) -> Did:
        """A link in it was followed."""
        return self._events(MESSAGE_CLICKED)

    def replied(self) -> Did:
        """Answered by the customer."""
        return self._events(MESSAGE_REPLIED)

    def failed(self) -> Did:
        """Refused or undeliverable after it was handed over."""
        return self._events(MESSAGE_FAILED)

    def complained(self) -> Did:
        """Called unwanted (spam) at the customer's mailbox."""
        return self._events(MESSAGE_COMPLAINED)

    def _events(self, named: str) -> Did:
        return Did(named).where(*self.conditions) if self.conditions else Did(named)


def messaged(
    *, channel: str | None = None, template: str | None = None, journey: str | None = None, purpose: str | None = None
) -> Messages:
    """Our messages, all or only those of a channel, template, journey (campaign) or purpose (category)."""
    if channel is not None:
        check_channel("messaged", channel, WRITTEN_ON)
    if purpose is not None:
        check_purpose("messaged", purpose)
    for what, name in (("template", template), ("journey", journey)):
        if name is not None:
            check_name("messaged", what, name)
    asked = {"channel": channel, "template": template, "journey": journey, "purpose": purpose}
    return Messages(tuple(Compare("property", (name,), "==", value) for name, value in asked.items() if value is not None))


def unsubscribed(channel: str | None = None) -> Did:
    """Withdrew consent: by link, by STOP, or told by the provider."""
    if channel is None:
        return Did(UNSUBSCRIBED)
    check_channel("unsubscribed", channel, WRITTEN_ON)
    return Did(UNSUBSCRIBED).where(Compare("property", ("channel",), "==", channel))
