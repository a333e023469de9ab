"""Business time: what the customers' clocks say, as a pure function of real time.

In production the two are the same. The demo replays days in minutes by letting business time run faster; every part that
asks for the time (ingest, watch, deliver, the workflow) gets it from here, so windows, waits and timestamps stay consistent.
"""

from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(BaseModel):
    """Business time = `business_origin` + (real time - `real_origin`) * `speed`."""

    model_config = ConfigDict(frozen=True)

    real_origin: datetime = _EPOCH
    business_origin: datetime = _EPOCH
    speed: float = Field(default=1.0, gt=0)

    def business(self, real: datetime) -> datetime:
        """The business time at a real instant."""
        return self.business_origin + (real - self.real_origin) * self.speed

    def real(self, business: datetime) -> datetime:
        """The real instant of a business time."""
        return self.real_origin + (business - self.business_origin) / self.speed

    def duration(self, span: timedelta) -> timedelta:
        """How long a business span lasts in real time."""
        return span / self.speed

    def now(self) -> datetime:
        """The business time now. Never call it from workflow code."""
        return self.business(datetime.now(UTC))
