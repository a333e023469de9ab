"""What a journey is and how it waits. Authors import from here; everything else is machinery."""

from journeys.authoring import JourneyDefinition, Properties, Traits, after, journey, once, per_key
from journeys.contracts import Cap, Channel, Outcome, Purpose, QuietHours, Reason, Receipt
from journeys.errors import CatalogueError, InvalidParams, JourneyError
from journeys.handle import Journey

__all__ = [
    "Cap",
    "CatalogueError",
    "Channel",
    "InvalidParams",
    "Journey",
    "JourneyDefinition",
    "JourneyError",
    "Outcome",
    "Properties",
    "Purpose",
    "QuietHours",
    "Reason",
    "Receipt",
    "Traits",
    "after",
    "journey",
    "once",
    "per_key",
]
