"""What a journey is and how it waits. Authors import from here; everything else is machinery."""

from journeys.authoring import JourneyDefinition, after, journey, once, per_key
from journeys.contracts import Cap, Channel, Outcome, Purpose, QuietHours, Reason, Receipt
from journeys.errors import CatalogueError, ImpureJourney, InvalidParams, JourneyError
from journeys.handle import Journey

__all__ = [
    "Cap",
    "CatalogueError",
    "Channel",
    "ImpureJourney",
    "InvalidParams",
    "Journey",
    "JourneyDefinition",
    "JourneyError",
    "Outcome",
    "Purpose",
    "QuietHours",
    "Reason",
    "Receipt",
    "after",
    "journey",
    "once",
    "per_key",
]
