"""An expert follows up (JRN-16): by a call or a letter, depending on what was looked at, and waits for how it went."""

from typing import Literal

from pydantic import BaseModel

from definitions.segments import looked_closely
from journeys import Journey, after, days, did, journey


class Looked(BaseModel):
    """The entering event."""

    content: Literal["configurator", "brochure", "prices"]


@journey(entry=looked_closely, goal=did("Contract Signed"), reentry=after(days=60))
async def expert(j: Journey[Looked]) -> None:
    """Who configured something is called within two days; everybody else gets a letter, and so does who was not reached."""
    if j.entry.content == "configurator":
        call = j.task(
            "Call about the configuration",
            to="sales",
            by=days(2),
            escalate="sales-lead",
            choices=("offer", "no", "not reached"),
        )
        answer = await j.first(called=call, timeout=days(4))
        if answer.called and answer.called.outcome != "not reached":
            return
    await j.email("from-our-expert")
