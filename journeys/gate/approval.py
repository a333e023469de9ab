"""Whether a provider still takes what is made of an approved template: its words for that, and what each means.

Promise: pure; a word that is not known here forbids nothing, because the provider has the last one.
Source: Meta, "message_template_status_update" (its events) and "Template categorization".
"""

from dataclasses import dataclass
from enum import StrEnum

from journeys.contracts import Purpose

#: It may be sent again: asked anew after a while.
_WAITING = frozenset({"PENDING", "IN_APPEAL", "PAUSED", "LIMIT_EXCEEDED"})
#: It will not be, unless somebody changes it.
_OFF = frozenset({"REJECTED", "DISABLED", "ARCHIVED", "DELETED", "PENDING_DELETION"})
#: What a message is for, by its template's category.
_FITS = {"MARKETING": Purpose.MARKETING, "UTILITY": Purpose.TRANSACTIONAL, "AUTHENTICATION": Purpose.TRANSACTIONAL}


class Approval(StrEnum):
    """What a status means for a message."""

    GIVEN = "given"
    WAITS = "waits"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Approved:
    """A template as its provider has it, in the provider's words."""

    status: str = "APPROVED"
    category: str | None = None

    @property
    def approval(self) -> Approval:
        """What its status means."""
        if self.status in _WAITING:
            return Approval.WAITS
        return Approval.OFF if self.status in _OFF else Approval.GIVEN

    @property
    def told(self) -> dict[str, str]:
        """What the ledger keeps of it."""
        return {"status": self.status} | ({"category": self.category} if self.category else {})

    def fits(self, purpose: Purpose) -> bool:
        """Whether its category is one for such messages: marketing goes as marketing, and nothing else does."""
        return _FITS.get((self.category or "").upper(), purpose) is purpose
