"""A campaign as people read it: what it is, and how many of its customers stand how."""

from collections import Counter
from datetime import datetime

from api.campaigns.models import CampaignView, Repeat
from journeys.campaigns.message import message_of
from store.campaigns import CampaignRow, Hindrance

#: It is time, and nobody is started yet: who is in its segment is not known.
WAITING_FOR_ITS_SEGMENT = "waiting for its segment"


def view_of(
    row: CampaignRow, counts: Counter[tuple[str, str | None, str | None]], now: datetime, hindrance: Hindrance | None = None
) -> CampaignView:
    """A campaign with its counts by state, outcome and reason, and why it does not go on."""
    state = row.state(now)
    done = {(outcome, reason): n for (state, outcome, reason), n in counts.items() if state == "done"}
    told = {name: getattr(row, name) for name in CampaignView.model_fields if name in row.__dataclass_fields__}
    view = CampaignView.model_validate(
        told
        | {
            "state": WAITING_FOR_ITS_SEGMENT if state == "running" and hindrance and hindrance.held else state,
            "message": row.message and message_of(row.message),
            "in_their_zone": row.wall_at is not None,
            "refused": hindrance and hindrance.told,
            "repeat": None,
            "waiting": sum(n for (state, _, _), n in counts.items() if state == "waiting"),
            "under_way": sum(n for (state, _, _), n in counts.items() if state == "open"),
            "done": sum(done.values()),
            "outcomes": {f"{outcome}: {reason}" if reason else str(outcome): n for (outcome, reason), n in done.items()},
            "asked_again": {reason: n for (state, _, reason), n in counts.items() if state == "open" and reason},
        }
    )
    if row.cron:  # as it was taken, whatever is asked of a new one by now
        view.repeat = Repeat.model_construct(cron=row.cron, zone=row.zone or "UTC")
    return view
