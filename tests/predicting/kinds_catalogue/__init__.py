"""A shop that foretells what customers will bring (ML-03): the best are thanked; and one that sorts them (ML-06)."""

from typing import Literal

from pydantic import BaseModel

from journeys import (
    Clusters,
    DaysSince,
    Journey,
    LifetimeValue,
    Segment,
    days,
    did,
    feature,
    journey,
)

ordered = did("Order Completed")
clv = LifetimeValue("clv", orders=ordered, amount="total", horizon=days(60))
best = Segment("best", clv.crosses(200, back_at=150))
styles = Clusters(
    "styles",
    of=ordered,
    features=[
        feature("days_since_order", DaysSince(ordered)),
        feature("orders_30d", ordered.within(days=30).count()),
        feature("orders_90d", ordered.within(days=90).count()),
    ],
    into=2,
    names={"often, recent": "regulars", "long ago, seldom": "dozing"},
)
regulars = Segment("regulars", styles.is_("regulars"))
dozing = Segment("dozing", styles.is_("dozing"))


class Worth(BaseModel):
    """What the crossing event says."""

    score: float


class Move(BaseModel):
    """What the event of a move says."""

    kind: Literal["regulars", "dozing"]


@journey(entry=best, goal=did("Plan Renewed"))
async def thanks(j: Journey[Worth]) -> None:
    """Thank them, as soon as so much is expected of them."""
    await j.push("thank-you")


@journey(entry=dozing, goal=did("Plan Renewed"))
async def waking(j: Journey[Move]) -> None:
    """The push goes by what they were when they came in; WhatsApp follows what they are by then."""
    await j.wait(days=3)
    if j.entry.kind == "dozing":
        await j.push("wake-up")
    if await j.is_in(dozing):
        await j.whatsapp("still-there")
