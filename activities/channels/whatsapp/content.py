"""What a WhatsApp message shows: an approved template with its gaps filled.

Promise: one class for each part of Meta's message object, frozen; what it becomes on the wire is in `payload`.
"""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from activities.channels.message import Content, Frozen

#: The name of a button or a row of a list: what the journey branches on, and what Meta sends back when it is chosen.
CHOICE = r"[a-z0-9][a-z0-9_.-]{0,99}"


class Media(Frozen):
    """A picture, a film or a document: by its link, or uploaded first and sent by the id that Meta gives it."""

    kind: Literal["image", "video", "document"]
    link: str = Field(repr=False)
    filename: str | None = Field(default=None, repr=False, description="what a document is called on the phone")
    caption: str | None = Field(default=None, repr=False, description="the text below it, where it is the message")
    upload: bool = False


#: The ids of media that were uploaded, by their links.
Uploaded = Mapping[str, str]


def medium(media: Media, uploaded: Uploaded) -> dict[str, Any]:
    """A medium as Meta has it: where it is, and what stands with it."""
    where = {"id": uploaded[media.link]} if media.link in uploaded else {"link": media.link}
    told = {"filename": media.filename, "caption": media.caption}
    return where | {name: text for name, text in told.items() if text}


class Place(Frozen):
    """A place on the map, in degrees (WGS 84)."""

    latitude: float = Field(ge=-90, le=90, repr=False)
    longitude: float = Field(ge=-180, le=180, repr=False)
    name: str | None = Field(default=None, repr=False)
    address: str | None = Field(default=None, repr=False)

    @property
    def wire(self) -> dict[str, str]:
        """As Meta has it: degrees are texts."""
        told = {"latitude": str(self.latitude), "longitude": str(self.longitude), "name": self.name, "address": self.address}
        return {name: text for name, text in told.items() if text}


class Gaps(Frozen):
    """What fills the gaps of a text: `{{1}}`, `{{2}}`, … or, where there are names, `{{first_name}}`."""

    texts: tuple[str, ...] = Field(default=(), repr=False)
    names: tuple[str, ...] = ()


class ButtonGap(Frozen):
    """What a template's button carries; `place` counts all its buttons from 0."""

    place: int
    kind: Literal["quick_reply", "url", "copy_code", "catalog", "flow"]
    value: str = Field(repr=False, description="payload, end of the address, code, product shown first, or the flow's token")


class Card(Frozen):
    """One card of a carousel: its picture, film or product, its gaps, its buttons."""

    media: Media | None = None
    product: str | None = Field(default=None, repr=False, description="the product's id in the catalogue")
    catalog: str | None = None
    body: Gaps = Gaps()
    buttons: tuple[ButtonGap, ...] = ()


class WhatsAppContent(Content):
    """An approved template with what fills its gaps."""

    template: str = Field(description="the name approved in WhatsApp Manager")
    language: str = Field(description="its language code, such as en or es_ES")
    header: Media | Place | Gaps | None = None
    body: Gaps = Gaps()
    buttons: tuple[ButtonGap, ...] = ()
    cards: tuple[Card, ...] = ()

    @property
    def media(self) -> list[Media]:
        """What it shows."""
        return [each for each in (self.header, *(card.media for card in self.cards)) if isinstance(each, Media)]
