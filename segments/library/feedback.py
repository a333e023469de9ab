"""What customers say: NPS classes, trouble, and high value that is at risk."""

from typing import NamedTuple

from segments import Segment, did, last, member_of, prop
from segments.language.events import CONFIRMED

_MOST = 10


class Nps(NamedTuple):
    """Who would recommend us, by the last answer."""

    promoters: Segment
    neutrals: Segment
    detractors: Segment


def nps(
    event: str = "NPS Answered", *, by: str = "score", neutral_from: int = 7, promoter_from: int = 9, name: str = "nps"
) -> Nps:
    """The last answer from 0 to 10: detractors 0 to 6, neutrals 7 and 8, promoters 9 and 10."""
    answer = prop(by)
    promoter = last(event).where(answer >= promoter_from, answer <= _MOST)
    content = last(event).where(answer >= neutral_from, answer <= _MOST)
    detractor = last(event).where(answer >= 0, answer < neutral_from)
    return Nps(  # two answers at the very same instant: the better one counts
        Segment(f"{name}-promoters", promoter, "Would recommend us."),
        Segment(f"{name}-neutrals", content & ~promoter, "Neither here nor there."),
        Segment(f"{name}-detractors", detractor & ~content, "Would not recommend us."),
    )


def confirmed_subscription(*, days: int = 30, name: str = "confirmed-subscription") -> Segment:
    """Confirmed a double opt-in lately."""
    return Segment(name, did(CONFIRMED).within(days=days), "Confirmed a double opt-in.")


def vip_at_risk(vip: Segment, *, contact: str = "Support Ticket Opened", days: int = 30, name: str = "vip-at-risk") -> Segment:
    """Of high value, and asked for help lately."""
    return Segment(name, member_of(vip) & did(contact).within(days=days), "High value, and in trouble.")


def technical_friction(
    *,
    ticket: str = "Support Ticket Opened",
    kind: str = "technical",
    days: int = 30,
    visit: str = "Application Opened",
    fewer_than: int = 3,
    name: str = "technical-friction",
) -> Segment:
    """Reported a technical problem lately, and came less often than so many times since (in the same days)."""
    trouble = did(ticket).where(prop("type") == kind).within(days=days)
    return Segment(name, trouble & did(visit).at_most(fewer_than - 1).within(days=days), "A problem, and hardly any visits.")
