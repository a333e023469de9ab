"""A pass as its template says it, before it becomes Apple's package or Google's object."""

import base64
import hashlib
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from activities.channels.message import Content, Frozen

Style = Literal["storeCard", "coupon", "eventTicket", "generic"]
Format = Literal["qr", "aztec", "pdf417", "code128"]
#: The places for fields, in the order in which they are read.
AREAS = ("header", "primary", "secondary", "auxiliary", "back")


class PassField(Frozen):
    """A value with its label; `change` is what the phone says when it changes, with %@ for the new value."""

    key: str
    label: str = Field(default="", repr=False)
    value: str = Field(repr=False)
    change: str | None = Field(default=None, repr=False)


class Barcode(Frozen):
    """What is scanned at the till, and the text below it."""

    format: Format
    message: str = Field(repr=False)
    text: str | None = Field(default=None, repr=False)


class Place(Frozen):
    """Where the pass comes up by itself, and what it says there (Apple)."""

    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)
    text: str | None = None


class PassContent(Content):
    """All that a pass shows. `key` tells a customer's passes of one template apart."""

    style: Style
    organization: str
    description: str
    key: str = Field(default="", repr=False)
    logo: str | None = Field(default=None, repr=False, description="words beside the logo")
    background: str | None = Field(default=None, description="#rrggbb")
    foreground: str | None = None
    label: str | None = None
    fields: dict[str, tuple[PassField, ...]] = Field(default_factory=dict, repr=False)
    barcode: Barcode | None = None
    places: tuple[Place, ...] = ()
    relevant_at: datetime | None = None
    expires_at: datetime | None = None
    voided: bool = False
    language: str | None = Field(default=None, description="in which it is written, where it is known (BCP 47)")
    images: dict[str, str] = Field(default_factory=dict, repr=False, description="PNG in base64 by name: icon, icon@2x, logo …")

    @property
    def pictures(self) -> dict[str, bytes]:
        """The images, each by the digest under which they are kept."""
        found = (base64.b64decode(each) for each in self.images.values())
        return {hashlib.sha256(each).hexdigest(): each for each in found}

    @property
    def kept(self) -> dict[str, Any]:
        """As it is kept: images by their digest."""
        digests = {name: hashlib.sha256(base64.b64decode(each)).hexdigest() for name, each in self.images.items()}
        return self.model_dump(mode="json", exclude={"key"}, exclude_defaults=True) | {"images": digests}
