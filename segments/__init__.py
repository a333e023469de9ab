"""Who enters: the language of segments. This door is pure; evaluation in Postgres is in `compiler` and `membership`."""

from segments.errors import DefinitionError, SegmentError
from segments.language import Segment, check_goal, did, prop, purchases, trait
from segments.predicate import Predicate

__all__ = [
    "DefinitionError",
    "Predicate",
    "Segment",
    "SegmentError",
    "check_goal",
    "did",
    "prop",
    "purchases",
    "trait",
]
