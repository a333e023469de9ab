"""Who enters: the language of segments. This door is pure; evaluation in Postgres is in `compiler` and `membership`."""

from segments.errors import DefinitionError, SegmentError
from segments.language.predicate import Predicate
from segments.language.readings import day, epoch, number
from segments.language.segment import Effect, Segment
from segments.language.spans import days, hours, minutes, weeks
from segments.leaves.addresses import city, country, postcode, region
from segments.leaves.did import did, purchases
from segments.leaves.goals import check_goal
from segments.leaves.held import held
from segments.leaves.listed import listed
from segments.leaves.messages import messaged, unsubscribed
from segments.leaves.people import bucket, customers, member_of
from segments.leaves.places import inside, last_location, near, position_in, position_of
from segments.leaves.reach import consented, reachable
from segments.leaves.score import points, score
from segments.leaves.sequences import first, last
from segments.leaves.top import top
from segments.leaves.traits import age, any_item, prop, trait

__all__ = [
    "DefinitionError",
    "Effect",
    "Predicate",
    "Segment",
    "SegmentError",
    "age",
    "any_item",
    "bucket",
    "check_goal",
    "city",
    "consented",
    "country",
    "customers",
    "day",
    "days",
    "did",
    "epoch",
    "first",
    "held",
    "hours",
    "inside",
    "last",
    "last_location",
    "listed",
    "member_of",
    "messaged",
    "minutes",
    "near",
    "number",
    "points",
    "position_in",
    "position_of",
    "postcode",
    "prop",
    "purchases",
    "reachable",
    "region",
    "score",
    "top",
    "trait",
    "unsubscribed",
    "weeks",
]
