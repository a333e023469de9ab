"""The stage: an embedded stack of the demo's own, on an empty directory, with business time that runs faster.

Promise: nothing of a real deployment is touched, whatever `JOURNEYS_*` says: servers, providers and catalogue are the demo's.
"""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from journeys.clock import Clock
from workers.demo.generator import OPENING
from workers.embedded.hold import Hold
from workers.embedded.stack import EmbeddedStack, Say
from workers.settings import Settings

#: The Monday on which the recorded week begins; any Monday would do.
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
#: Real time that the stack has to start before the shop opens; a slower machine opens later.
_STARTING = timedelta(seconds=9)
#: What the demo takes from the settings it is given; everything else is its own.
_TAKEN = frozenset({"api_host", "api_port", "temporal_ui_port", "database_pool", "log_format", "log_level", "otlp_endpoint"})


def fast_clock(speed: float) -> Clock:
    """Business time that reaches the shop's opening on Monday as soon as the stack should be up."""
    opens_at = MONDAY + timedelta(seconds=OPENING)
    return Clock(real_origin=datetime.now(UTC) + _STARTING, business_origin=opens_at, speed=speed)


def midnight(clock: Clock) -> datetime:
    """The instant from which the recording counts: Monday 00:00, moved by whole hours when the stack was not up in time."""
    late = clock.now() - clock.business_origin
    hour = timedelta(hours=1)
    return MONDAY if late <= timedelta(0) else MONDAY + -(-late // hour) * hour


def set_up(settings: Settings, clock: Clock, say: Say) -> EmbeddedStack:
    """An embedded stack on an empty `demo` folder of the data directory, not started yet.

    Raises:
        AlreadyRunning: another demo uses the folder.
    """
    directory = (settings.data_dir / "demo").resolve()
    _empty(directory)
    taken = {name: getattr(settings, name) for name in settings.model_fields_set & _TAKEN}
    # model_construct: unlike the constructor it does not read the environment and .env again.
    own = Settings.model_construct({*taken, "data_dir", "catalogue"}, **taken, data_dir=directory, catalogue="definitions")
    # In memory: a demo begins afresh each time, and at this speed a busy disk would fall behind by hours.
    return EmbeddedStack(own, env=_told(clock), say=say, durable=False)


def _told(clock: Clock) -> dict[str, str]:
    """The clock as the settings of the stack's programs."""
    return {
        "JOURNEYS_CLOCK_REAL_ORIGIN": clock.real_origin.isoformat(),
        "JOURNEYS_CLOCK_BUSINESS_ORIGIN": clock.business_origin.isoformat(),
        "JOURNEYS_CLOCK_SPEED": str(clock.speed),
    }


def _empty(directory: Path) -> None:
    """Forget the demo before this one, but never under the feet of one that runs."""
    hold = Hold(directory)
    try:
        for entry in directory.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            elif entry.name != "stack.lock":
                entry.unlink()
    finally:
        hold.release()
