"""The weather where a customer is, as a weather provider reports it with an event per customer; an old report does not count.

    await j.push("winter-coat", only=cold_weather())   # with cold_weather() kept under a name at the top of the module

Promise: somebody of whom no report is young enough is in neither state, so nobody gets a coat on a guess.
"""

from decimal import Decimal

from segments import Segment, did, last, prop

#: What the provider sends: `{"temperature": 3.5}`, in whatever unit the cut is in.
REPORTED = "Weather Reported"


def cold_weather(
    *,
    below: int | Decimal = 10,
    hours: float = 6,
    by: str = "temperature",
    event: str = REPORTED,
    name: str = "cold-weather",
) -> Segment:
    """The last report is below the cut, and at most so many hours old."""
    cold = last(event).where(prop(by) < below)
    return Segment(name, cold & did(event).within(hours=hours), f"Below {below}, by a report of the last {hours} hours.")


def warm_weather(
    *,
    above: int | Decimal = 20,
    hours: float = 6,
    by: str = "temperature",
    event: str = REPORTED,
    name: str = "warm-weather",
) -> Segment:
    """The last report is above the cut, and at most so many hours old."""
    warm = last(event).where(prop(by) > above)
    return Segment(name, warm & did(event).within(hours=hours), f"Above {above}, by a report of the last {hours} hours.")
