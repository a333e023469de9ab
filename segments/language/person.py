"""Who a customer is and how they may be reached: the facts about a person that are neither traits nor events.

Promise: pure; what is not known reads as "no".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

_UNKNOWN = UUID(int=0)
_NOTHING: Mapping[Any, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Person:
    """A customer's id, user ids, the consent for each (channel, purpose), and the channels with a valid address.

    Of several addresses' consents it is the one that allows most.
    `dates` says since when a consent ("consent:whatsapp/marketing"), an address ("endpoint:push") or the names ("name")
    are what they are.
    """

    id: UUID = _UNKNOWN
    user_ids: frozenset[str] = frozenset()
    consents: Mapping[tuple[str, str], str] = field(default_factory=lambda: _NOTHING)
    channels: frozenset[str] = frozenset()
    dates: Mapping[str, datetime] = field(default_factory=lambda: _NOTHING)
    #: The id by which chance decides, where a merge kept an earlier draw.
    drawn_as: UUID | None = None


NOBODY = Person()
