"""A message as the channels see it: rendered content, one address and the key that makes a retry recognisable.

Promise: neutral and frozen; each provider turns it into its own payload, and an unknown or missing field is an error
here.
"""

import hashlib
import html
import re
from datetime import timedelta
from itertools import count
from typing import Annotated, Literal, Protocol, Self
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SerializeAsAny

_LINK = re.compile(r'(<a\b[^>]*?\shref=")([^"]*)(")', re.IGNORECASE)
_ADDRESS = re.compile(r"https?://[^\s<>\"']+")
_END = re.compile(r"</body>", re.IGNORECASE)

#: A provider's id of a message has at most so many characters.
ID_LENGTH = 256


class Frozen(BaseModel):
    """Does not change, and knows its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Address(Frozen):
    """One endpoint of a customer. The value is never shown in a representation, and so never in a log."""

    endpoint_id: UUID | None
    value: str = Field(min_length=1, repr=False)
    platform: str | None = None


class Marks(Protocol):
    """How what is measured is written into a message."""

    def plain(self, address: str) -> str:
        """An address that stands there to be read."""

    def link(self, address: str, number: int) -> str:
        """An address that is followed, the message's so manieth, from 1 on."""

    def unseen(self) -> str:
        """HTML for nobody to see."""


class Content(Frozen):
    """What a message shows; each channel has its own."""

    def marked(self, marks: Marks) -> Self:  # noqa: ARG002 - most have nothing to mark
        """With its links marked; a content without links on the web stays as it is."""
        return self


class PushContent(Content):
    """A notification on the customer's phone."""

    title: str = Field(repr=False)
    body: str = Field(repr=False)
    image: str | None = Field(default=None, repr=False, description="address of a picture shown with it")
    link: str | None = Field(default=None, repr=False, description="deep link that the app opens")
    click_action: str | None = Field(default=None, description="Android intent of the app; empty: the launcher")
    data: dict[str, str] = Field(default_factory=dict, repr=False)
    priority: Literal["high", "normal"] = Field(default="high", description="normal: when the phone is awake anyway")
    sound: str | None = Field(default=None, description="a sound file of the app, or `default`; empty: none")
    badge: int | None = Field(default=None, ge=0, description="the number on the app's icon; 0 takes it away")
    category: str | None = Field(default=None, description="Apple's category (its buttons), Android's channel")
    collapse: str | None = Field(default=None, repr=False, description="it replaces the last one of this name")
    mutable: bool = Field(default=False, description="the app may change it before it is shown (Apple)")


class Button(Frozen):
    """A button on a message, and where it leads."""

    title: str = Field(repr=False)
    link: str = Field(repr=False)


class WebPushContent(Content):
    """A notification in the customer's browser."""

    title: str = Field(repr=False)
    body: str = Field(repr=False)
    link: str | None = Field(default=None, repr=False, description="page that a click opens")
    image: str | None = Field(default=None, repr=False, description="address of a picture shown with it")
    icon: str | None = Field(default=None, repr=False, description="address of the small picture beside the title")
    badge: str | None = Field(default=None, repr=False, description="address of the sign in the status bar")
    buttons: tuple[Button, ...] = ()
    data: dict[str, str] = Field(default_factory=dict, repr=False)
    stays: bool = Field(default=False, description="it stays until the customer clicks or closes it")
    priority: Literal["high", "normal"] = Field(default="normal", description="high: it may wake a sleeping device")
    collapse: str | None = Field(default=None, repr=False, description="it replaces the last one of this name")


#: Where an app shows such a message.
Placement = Literal["inbox", "banner", "modal", "inline"]


class InAppContent(Content):
    """What is shown inside the app or on the page: in the inbox, or in a place of the page (`journeys.onsite`)."""

    title: str = Field(repr=False)
    body: str = Field(repr=False)
    image: str | None = Field(default=None, repr=False, description="address of a picture shown with it")
    alt: str | None = Field(default=None, repr=False, description="what the picture shows; none: it is mere decoration")
    actions: tuple[Button, ...] = Field(default=(), description="links that it offers, the first one foremost")
    placement: Placement = "inbox"
    language: str | None = Field(default=None, description="in which it is written, where it is known (BCP 47)")
    lives: timedelta = Field(default=timedelta(days=7), description="how long it is shown")


class SmsContent(Content):
    """A text, counted in the parts that carriers bill."""

    text: str = Field(min_length=1, repr=False)
    parts: int = Field(ge=1)


class EmailContent(Content):
    """A letter in both its forms."""

    subject: str = Field(repr=False)
    html: str = Field(repr=False)
    text: str = Field(repr=False)
    unsubscribe_url: str | None = Field(default=None, repr=False, description="one-click address (RFC 8058)")
    from_name: str | None = Field(default=None, description="display name in place of the sender's own")
    track: bool = Field(default=True, description="false: this letter is never measured")

    def marked(self, marks: Marks) -> Self:
        """The links of its HTML are led over ours, the addresses of its text stay to be read; not the way out, nor images."""
        if not self.track:
            return self
        numbers = count(1)

        def led(found: re.Match[str]) -> str:
            address = html.unescape(found[2])
            marked = address if self._is_a_way_out(address) else marks.link(address, next(numbers))
            return f"{found[1]}{html.escape(marked)}{found[3]}"

        def shown(found: re.Match[str]) -> str:
            return found[0] if self._is_a_way_out(found[0]) else marks.plain(found[0])

        written = _LINK.sub(led, self.html)
        body = _END.search(written)
        end = body.start() if body else len(written)
        written = written[:end] + marks.unseen() + written[end:]
        return self.model_copy(update={"html": written, "text": _ADDRESS.sub(shown, self.text)})

    def _is_a_way_out(self, address: str) -> bool:
        return self.unsubscribe_url is not None and address.startswith(self.unsubscribe_url)


class Campaign(Frozen):
    """Of which journey and template a message is, and for what: names of the catalogue, for whoever sums up."""

    journey: str
    template: str
    purpose: str


class Outgoing(Frozen):
    """One message to one address."""

    key: str = Field(description="idempotency key: run / step / occurrence")
    address: Address
    content: SerializeAsAny[Content]
    useful_for: timedelta | None = Field(default=None, description="real time until nobody wants it any more")
    campaign: Campaign | None = None
    traceparent: str | None = Field(default=None, description="W3C trace context to continue when no span is current")


def tag_of(key: str, collapse: str | None) -> str:
    """Under which name a notification stands on a device: all attempts at a message have one, or all that replace each other.

    A digest, because it travels in the clear; short enough for every provider (32 hexadecimal digits).
    """
    return hashlib.sha256((collapse or key).encode()).hexdigest()[:32]


def _storable(given: object) -> object:
    if not isinstance(given, str):
        return given
    return given.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")[:ID_LENGTH] or None


class Accepted(Frozen):
    """The provider took the message, and calls it by this id.

    Whatever the id is, that it took the message is on the ledger: characters that Postgres cannot hold are replaced, as they
    are in the provider's notifications, and what is longer than any id of theirs is cut.
    """

    provider_message_id: Annotated[str | None, BeforeValidator(_storable)] = None
    provider: str | None = Field(default=None, description="which of several it was")
    kept: SerializeAsAny[Content] | None = Field(default=None, description="what we show ourselves from the settlement on")
