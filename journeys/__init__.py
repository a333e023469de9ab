"""The one door for authors: what a journey is, how it waits, and, from `segments`, the words for who enters.

Promise: nothing is imported before a word is asked for, so that the program and the pytest plugin may begin in this package,
beside folders of anybody's that are called like our rooms.
"""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from journeys.arms import Experiment, Plan
    from journeys.audiences.audience import Audience, BucketDestination, HttpDestination, MetaAudience
    from journeys.authoring import (
        JourneyDefinition,
        Properties,
        Traits,
        after,
        entered,
        journey,
        left,
        once,
        per_day,
        per_hour,
        per_key,
        per_minute,
        ramp,
        restart,
        whenever,
        within,
    )
    from journeys.contexts.context import Context
    from journeys.contexts.weather import Weather, open_meteo
    from journeys.contracts import Cap, Channel, Outcome, Purpose, QuietHours, Reason, Receipt
    from journeys.deciding.options import Option
    from journeys.entering import Id
    from journeys.errors import CatalogueError, InvalidParams, JourneyError
    from journeys.gate.budget import Budget, Prices
    from journeys.handle import Around, Decided, Fetched, Journey
    from journeys.onsite.places import Place, Show
    from journeys.policies import Conversion, GlobalHoldout, Topic, Window
    from journeys.products.again import Replenishment, next_purchase
    from journeys.products.changes import BackInStock, PriceDrops
    from journeys.products.together import BoughtTogether, SeenTogether
    from journeys.services import Service
    from journeys.sources.derived import DerivedTrait
    from journeys.sources.hook import Each, Earlier, Minor, Number, Signed, Takes, WebhookSource, shopify, stripe
    from journeys.sources.persona import Persona
    from journeys.sources.source import Source
    from segments import (
        DefinitionError,
        Effect,
        Predicate,
        Segment,
        SegmentError,
        age,
        any_item,
        bucket,
        check_goal,
        city,
        consented,
        country,
        customers,
        day,
        days,
        did,
        epoch,
        first,
        held,
        hours,
        inside,
        last,
        last_location,
        listed,
        member_of,
        messaged,
        minutes,
        near,
        number,
        points,
        position_in,
        position_of,
        postcode,
        prop,
        purchases,
        reachable,
        region,
        score,
        top,
        trait,
        unsubscribed,
        weeks,
    )
    from segments.predictions import (
        BestChannel,
        BestHour,
        Clusters,
        DaysSince,
        LifetimeValue,
        Prediction,
        TraitValue,
        Trial,
        Uplift,
        daily,
        engagement,
        feature,
        rfm,
        weekly,
    )

else:

    def __getattr__(name: str) -> object:
        """A word of the door, from the module that has it; import statements, so that Temporal's sandbox sees them."""
        if name in __all__:
            import segments  # noqa: PLC0415 - see the promise
            from journeys import arms, authoring, contracts, entering, errors, handle, policies, services  # noqa: PLC0415 - as above
            from journeys.audiences import audience  # noqa: PLC0415 - as above
            from journeys.contexts import context, weather  # noqa: PLC0415 - as above
            from journeys.deciding import options  # noqa: PLC0415 - as above
            from journeys.gate import budget  # noqa: PLC0415 - as above
            from journeys.onsite import places  # noqa: PLC0415 - as above
            from journeys.products import again, changes, together  # noqa: PLC0415 - as above
            from journeys.sources import derived, hook, persona, source  # noqa: PLC0415 - as above
            from segments import predictions  # noqa: PLC0415 - as above

            homes = (arms, authoring, contracts, entering, errors, handle, policies, services, budget, places, source, hook)
            homes += (options, audience, context, weather, derived, persona, segments, predictions, together, again, changes)
            return next(vars(home)[name] for home in homes if name in vars(home))
        raise AttributeError(f"module 'journeys' has no attribute '{name}'", name=name, obj=sys.modules[__name__])

    def __dir__() -> list[str]:
        return __all__


__all__ = [
    "Around",
    "Audience",
    "BackInStock",
    "BestChannel",
    "BestHour",
    "BoughtTogether",
    "BucketDestination",
    "Budget",
    "Cap",
    "CatalogueError",
    "Channel",
    "Clusters",
    "Context",
    "Conversion",
    "DaysSince",
    "Decided",
    "DefinitionError",
    "DerivedTrait",
    "Each",
    "Earlier",
    "Effect",
    "Experiment",
    "Fetched",
    "GlobalHoldout",
    "HttpDestination",
    "Id",
    "InvalidParams",
    "Journey",
    "JourneyDefinition",
    "JourneyError",
    "LifetimeValue",
    "MetaAudience",
    "Minor",
    "Number",
    "Option",
    "Outcome",
    "Persona",
    "Place",
    "Plan",
    "Predicate",
    "Prediction",
    "PriceDrops",
    "Prices",
    "Properties",
    "Purpose",
    "QuietHours",
    "Reason",
    "Receipt",
    "Replenishment",
    "SeenTogether",
    "Segment",
    "SegmentError",
    "Service",
    "Show",
    "Signed",
    "Source",
    "Takes",
    "Topic",
    "TraitValue",
    "Traits",
    "Trial",
    "Uplift",
    "Weather",
    "WebhookSource",
    "Window",
    "after",
    "age",
    "any_item",
    "bucket",
    "check_goal",
    "city",
    "consented",
    "country",
    "customers",
    "daily",
    "day",
    "days",
    "did",
    "engagement",
    "entered",
    "epoch",
    "feature",
    "first",
    "held",
    "hours",
    "inside",
    "journey",
    "last",
    "last_location",
    "left",
    "listed",
    "member_of",
    "messaged",
    "minutes",
    "near",
    "next_purchase",
    "number",
    "once",
    "open_meteo",
    "per_day",
    "per_hour",
    "per_key",
    "per_minute",
    "points",
    "position_in",
    "position_of",
    "postcode",
    "prop",
    "purchases",
    "ramp",
    "reachable",
    "region",
    "restart",
    "rfm",
    "score",
    "shopify",
    "stripe",
    "top",
    "trait",
    "unsubscribed",
    "weekly",
    "weeks",
    "whenever",
    "within",
]
