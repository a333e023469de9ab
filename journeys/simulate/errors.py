"""What a simulation cannot do, in a sentence that says what to do instead."""

from journeys.errors import JourneyError


class SimulationError(JourneyError):
    """Something was asked for that only the real servers can answer."""
