"""Audiences: who is in a segment is told to another system, and taken away there again when they leave it.

Promise: declared once, by name. Where a destination is and what opens it stand in settings, never in a catalogue; whoever did
not say yes to marketing, or does not want their data sold or shared, is never passed on.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from journeys.errors import CatalogueError
from journeys.sources.source import NAME, SETTING
from segments import Segment

#: By what a destination can know somebody. Addresses are told as SHA-256 of their normal form only.
BY = ("user_id", "email", "phone")
#: Channels on which a yes to marketing can stand.
CHANNELS = ("email", "sms", "whatsapp", "push", "web_push")
_NUMBER = re.compile(r"[0-9]{5,20}")
_LEAST, _MOST = timedelta(hours=1), timedelta(days=31)
_BATCHES = range(1, 10_001)


class _Destination:
    """What all kinds of destination share."""

    kind: ClassVar[str]
    #: Whether it is told user ids as they are.
    in_clear: ClassVar[bool] = True
    by: Sequence[str]
    batch: int

    def rules(self) -> Iterator[tuple[bool, str, str]]:
        """What has to hold, what is wrong where it does not, and what to do."""
        by = not isinstance(self.by, str) and bool(self.by) and set(self.by) <= set(BY)
        yield by, f"by= says {self.by!r}", f"name some of {', '.join(BY)}: by=('user_id', 'email')"
        yield self.batch in _BATCHES, "batch= is between 1 and 10,000", "write batch=1_000"

    @property
    def settings(self) -> tuple[str, ...]:
        """The settings that it names."""
        raise NotImplementedError

    def names_settings(self) -> Iterator[tuple[bool, str, str]]:
        """That they are names."""
        for each in self.settings:
            named = isinstance(each, str) and bool(SETTING.fullmatch(each))
            yield named, "a destination names settings; a catalogue holds no credentials", 'write "LOOKERS_URL", and set that'


@dataclass(frozen=True)
class HttpDestination(_Destination):
    """A system of the company's own that takes signed POSTs (Standard Webhooks): who was added, who was removed.

    Args:
        url: The name of the setting with its address.
        secret: The name of the setting with what signs them (`whsec_…`); several, comma separated, while one is replaced.
        by: What it is told of each: `user_id`, `email`, `phone`, the last two as SHA-256.
        batch: How many one POST has at most.
    """

    kind: ClassVar[str] = "http"
    url: str
    secret: str
    by: Sequence[str] = ("user_id",)
    batch: int = 1_000

    @property
    def settings(self) -> tuple[str, ...]:
        """The settings that it names."""
        return self.url, self.secret


@dataclass(frozen=True)
class BucketDestination(_Destination):
    """Files in a bucket or folder: all who are in it, and what has changed since.

    Args:
        bucket: The name of the setting with its URL: `s3://…`, `gs://…`, `abfs://…` or `file:///…`.
        by: The columns: `user_id`, `email`, `phone`, the last two as SHA-256.
        batch: How many lines a file of changes has at most.
    """

    kind: ClassVar[str] = "bucket"
    bucket: str
    by: Sequence[str] = ("user_id",)
    batch: int = 10_000

    @property
    def settings(self) -> tuple[str, ...]:
        """The settings that it names."""
        return (self.bucket,)


@dataclass(frozen=True)
class MetaAudience(_Destination):
    """A custom audience at Meta (Facebook, Instagram), which exists there already and takes customers' own lists.

    Args:
        audience: Its number at Meta.
        token: The name of the setting with an access token that may manage ads (`ads_management`).
        by: What it is told of each: `email` and `phone`, and `user_id` (as EXTERN_ID), each as SHA-256.
        batch: How many one request has at most; Meta takes 10,000.

    Source: Meta, Marketing API, "Customer File Custom Audiences" and "Custom Audience Users".
    """

    kind: ClassVar[str] = "meta"
    in_clear: ClassVar[bool] = False
    audience: str
    token: str
    by: Sequence[str] = BY
    batch: int = 10_000

    @property
    def settings(self) -> tuple[str, ...]:
        """The settings that it names."""
        return (self.token,)

    def rules(self) -> Iterator[tuple[bool, str, str]]:
        """What has to hold, what is wrong where it does not, and what to do."""
        number = isinstance(self.audience, str) and bool(_NUMBER.fullmatch(self.audience))
        yield number, "audience= is no number of Meta's", 'write it as a text of digits: MetaAudience("23851234567890123", …)'
        yield from super().rules()


Destination = HttpDestination | BucketDestination | MetaAudience


@dataclass(frozen=True)
class Audience:
    """Who is in a segment, told to another system: added within seconds of coming in, removed within seconds of leaving.

    Only those are passed on who said yes to marketing on one of the channels of `consent`, each with the addresses for which
    they said so, and who did not say that their data may not be sold or shared. Whoever takes that back is removed there.

    Args:
        name: Lower case.
        segment: Who is in it.
        to: Where it is told.
        consent: The channels of which one yes is needed.
        every: How often all that was told is compared with who is in the segment, and said again.
        most_gone: The share that may leave within an hour; if more would, they stay until somebody lets them go.

    Example:
        lookers = Audience("lookers", segment=looked, to=MetaAudience("23851234567890123", token="META_ADS_TOKEN"))
    """

    name: str
    segment: Segment
    to: Destination
    consent: Sequence[str] = ("email", "sms", "whatsapp")
    every: timedelta = timedelta(days=7)
    most_gone: float = 0.2

    def __post_init__(self) -> None:
        for holds, fault, remedy in self._rules():
            if not holds:
                raise CatalogueError(f"Audience({self.name!r}): {fault}", remedy=remedy)

    def _rules(self) -> Iterator[tuple[bool, str, str]]:
        named = isinstance(self.name, str) and bool(NAME.fullmatch(self.name))
        yield named, "is no name for an audience", 'write it in lower case: Audience("lookers", …)'
        yield isinstance(self.segment, Segment), "segment= is no segment", "give it the Segment(…) itself"
        known = isinstance(self.to, Destination)
        yield known, "to= is no destination", "write to=HttpDestination(…), BucketDestination(…) or MetaAudience(…)"
        yield from self.to.names_settings()
        yield from self.to.rules()
        told = not isinstance(self.consent, str) and bool(self.consent) and set(self.consent) <= set(CHANNELS)
        yield told, "consent= names no channels with addresses", f"name some of {', '.join(CHANNELS)}: consent=('email',)"
        often = isinstance(self.every, timedelta) and _LEAST <= self.every <= _MOST
        yield often, "every= is between an hour and a month", "write every=days(7)"
        yield 0 <= self.most_gone <= 1, "most_gone= is a share", "write most_gone=0.2"
