"""Where a run stands in a version of its journey, and which message comes next for it, when: from its answers alone.

Promise: pure. Ahead of where it stands, each wait passes in vain, each message is sent, and the rest is answered the first way, as
`journeys.walk.explore` does; what really comes may be decided otherwise.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from journeys.authoring import JourneyDefinition
from journeys.contracts import DeliverRequest, Receipt, RunStart
from journeys.handle import Journey
from journeys.heard import Expect, Happened
from journeys.questions import Question
from journeys.versions.again import WAITED, Again, listened, sent, unlike
from journeys.walk.driving import drive
from journeys.walk.explore import Enough, Walk
from segments.language.leaf import Predicate  # noqa: F401
