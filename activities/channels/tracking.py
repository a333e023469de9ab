"""Links that are led over ours, the picture that tells of an opening, and what web analytics is told (UTM).

Promise: a link leads to the address that the letter was written with and to no other, because the address stands in it under
our signature. Nothing is measured unless the settings say so, and of whoever has not agreed only where they say `always`; a
no is kept to everywhere. Places in the letter, other schemes and the way out stay as they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol
from urllib.parse import quote, urlsplit, urlunsplit

import orjson
from pydantic import SecretStr

from activities.channels.message import Campaign, Content
from activities.channels.sealed import seal, unseal

_LINK, _OPENING = "link/1", "opening/1"
#: The link that no reader sees: who follows it reads like a machine.
HIDDEN = 0
_LONGEST = 2_000  # characters of an address that is led over ours: with its token it still fits what mail readers open


class Track(StrEnum):
    """Of whom openings or clicks are measured."""

    NEVER = "never"
    CONSENTED = "consented"  # of whoever agreed, as a trait of theirs says
    ALWAYS = "always"  # of everybody who has not said no


class _Settings(Protocol):
    @property
    def track_clicks(self) -> Track: ...
    @property
    def track_opens(self) -> Track: ...
    @property
    def tracking_trait(self) -> str: ...
    @property
    def tracking_url(self) -> str: ...
    @property
    def public_url(self) -> str: ...
    @property
    def utm_sites(self) -> tuple[str, ...]: ...
    @property
    def utm_source(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Tracking:
    """What is measured, of whom, and on which domain."""

    clicks: Track = Track.NEVER
    opens: Track = Track.NEVER
    trait: str = "trackingConsent"
    url: str = ""
    utm_sites: tuple[str, ...] = ()
    utm_source: str = "journeys"

    @classmethod
    def of(cls, settings: _Settings) -> "Tracking":
        """What the settings say."""
        return cls(
            settings.track_clicks,
            settings.track_opens,
            settings.tracking_trait,
            (settings.tracking_url or settings.public_url).rstrip("/"),
            settings.utm_sites,
            settings.utm_source,
        )

    def marked(
        self, content: Content, secret: str, channel: str, key: str, campaign: Campaign, traits: Mapping[str, Any]
    ) -> Content:
        """A content as it goes out to a customer with these traits."""
        agreed = traits.get(self.trait)
        clicks, opens = (_measured(each, agreed) for each in (self.clicks, self.opens))
        if not (clicks or opens or self.utm_sites):
            return content
        return content.marked(_Marks(self, secret, channel, key, campaign, clicks=clicks, opens=opens))


NOT_TRACKED = Tracking()


def _measured(track: Track, agreed: object) -> bool:
    return (track is Track.ALWAYS and agreed is not False) or (track is Track.CONSENTED and agreed is True)


@dataclass(frozen=True, slots=True)
class _Marks:
    """How one message's links are written."""

    tracking: Tracking
    secret: str = field(repr=False)
    channel: str
    key: str
    campaign: Campaign
    clicks: bool
    opens: bool

    def plain(self, address: str) -> str:
        """An address of ours with its campaign's name in it."""
        parts = urlsplit(address)
        ours = any(parts.hostname == site or (parts.hostname or "").endswith(f".{site}") for site in self.tracking.utm_sites)
        if not ours or "utm_" in parts.query or parts.scheme not in ("http", "https"):
            return address
        told = {"source": self.tracking.utm_source, "medium": self.channel}
        told |= {"campaign": self.campaign.journey, "content": self.campaign.template}
        query = "&".join(filter(None, [parts.query, *(f"utm_{name}={quote(value, safe='')}" for name, value in told.items())]))
        return urlunsplit(parts._replace(query=query))

    def link(self, address: str, number: int) -> str:
        """An address as a link, the letter's so manieth, from 1 on."""
        address = self.plain(address)
        if not self.clicks or len(address) > _LONGEST or urlsplit(address).scheme not in ("http", "https"):
            return address
        return self._led(number, address)

    def unseen(self) -> str:
        """What stands at the end of a letter for nobody to see."""
        hidden = f'<a href="{self._led(HIDDEN, "")}" style="display:none" aria-hidden="true" tabindex="-1"></a>'
        picture = f'<img src="{self._picture()}" width="1" height="1" alt="" style="display:block;border:0">'
        return (hidden if self.clicks else "") + (picture if self.opens else "")

    def _led(self, number: int, address: str) -> str:
        return f"{self.tracking.url}/c/{seal(self.secret, _LINK, orjson.dumps([self.channel, self.key, number, address]))}"

    def _picture(self) -> str:
        return f"{self.tracking.url}/o/{seal(self.secret, _OPENING, orjson.dumps([self.channel, self.key]))}.gif"


@dataclass(frozen=True, slots=True)
class Followed:
    """What a link or a picture of ours says: in which message it stands, and for a link which it is and where it leads."""

    channel: str
    key: str
    number: int = HIDDEN
    address: str = field(default="", repr=False)


def read_link(secret: str | SecretStr, token: str, former: Sequence[str] = ()) -> Followed:
    """What a link says.

    Raises:
        InvalidToken: it is none of ours.
    """
    return Followed(*orjson.loads(unseal(secret, _LINK, token, former)))


def read_opening(secret: str | SecretStr, token: str, former: Sequence[str] = ()) -> Followed:
    """What a picture says.

    Raises:
        InvalidToken: it is none of ours.
    """
    return Followed(*orjson.loads(unseal(secret, _OPENING, token, former)))
