"""Who enters: the language of segments. This door is pure; evaluation in Postgres is in `compiler` and `membership`."""

from segments.addresses import city, country, postcode, region
from segments.engagement import messaged, unsubscribed
from segments.errors import DefinitionError, SegmentError
from segments.held import held
from segments.language import Effect, Segment, check_goal, did, purchases
from segments.listed import listed
from segments.people import bucket, customers, member_of
from segments.places import inside, last_location, near, position_in, position_of
from segments.predicate import Predicate
from segments.ranking import top
from segments.reach import consented, reachable
from segments.readings import day, epoch, number
from segments.scoring import points, score
from segments.sequences import first, last
from segments.spans import days, hours, minutes, weeks
from segments.terms import age, any_item, prop, trait

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
