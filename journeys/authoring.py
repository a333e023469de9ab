"""Declaring a journey: the decorator, the re-entry rules, and what a declaration must satisfy to load."""

import inspect
import re
import types
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from difflib import get_close_matches
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from journeys.contracts import After, Cap, JourneySpec, Once, PerKey, Plain, Purpose, QuietHours, Reentry
from journeys.errors import CatalogueError, InvalidParams
from journeys.handle import Journey
from segments import DefinitionError, Predicate, Segment, check_goal
from segments.language import check_segment_name

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Steps = Callable[[Journey], Awaitable[None]]
_NAME = re.compile(r"^[a-z][a-z0-9_]{0,63}$")
_CLOCK_TIME = re.compile(r"^([01]\d|2[0-3]):[0-5]\d$")
_OCCURRENCES = 32_000  # the ledger counts a message's occurrences in 16 bits
_BRANCHABLE = (bool, int, float, Decimal, UUID, datetime, date, timedelta)


def once() -> Once:
    """A customer enters at most once, ever."""
    return Once()


def after(*, days: float = 0, hours: float = 0, minutes: float = 0) -> After:
    """A customer may enter again this long after the last run ended."""
    return After(timedelta(days=days, hours=hours, minutes=minutes))


def per_key(prop: str) -> PerKey:
    """A customer enters once for each value of this property of the entering event."""
    return PerKey(prop)


@dataclass(frozen=True)
class JourneyDefinition:
    """A journey: what it declares, and its steps."""

    spec: JourneySpec
    steps: Steps
    params: type[BaseModel] | None = None

    @property
    def name(self) -> str:
        """The journey's name: the function's, and the workflow type in Temporal."""
        return self.spec.name

    async def __call__(self, j: Journey) -> None:
        """Run the steps, so that a journey can be a helper of another."""
        await self.steps(j)

    def accept(self, params: dict[str, Any]) -> dict[str, Any]:
        """Validate a run's parameters and return them as JSON values.

        Raises:
            InvalidParams: they are not those the journey declares.
        """
        if self.params is None:
            if params:
                raise InvalidParams([("/params", f"journey {self.name} takes no parameters")])
            return {}
        try:
            # What a model says of unknown fields stands; one that says nothing has them refused, not dropped.
            unknown = self.params.model_config.get("extra", "forbid")
            return self.params.model_validate(params, extra=unknown).model_dump(mode="json")
        except ValidationError as error:
            raise InvalidParams([self._fault(fault) for fault in error.errors(include_url=False)]) from error

    def _fault(self, fault: "ErrorDetails") -> tuple[str, str]:
        where = [str(part).replace("~", "~0").replace("/", "~1") for part in ("params", *fault["loc"])]
        if fault["type"] != "extra_forbidden":
            return "/" + "/".join(where), fault["msg"]
        fields = list(self.params.model_fields) if self.params and len(fault["loc"]) == 1 else []
        like = get_close_matches(str(fault["loc"][-1]), fields, 1, 0.5)
        advice = f"did you mean '{like[0]}'?" if like else f"it takes {', '.join(fields)}" if fields else "leave it out"
        return "/" + "/".join(where), f"no such parameter; {advice}"

    def branchable(self, accepted: dict[str, Any]) -> dict[str, Plain]:
        """The accepted parameters that may enter a history: numbers, flags, ids and choices, never free text."""
        fields = self.params.model_fields if self.params else {}
        return {name: accepted[name] for name, field in fields.items() if _is_branchable(field.annotation)}


def journey(
    *,
    entry: Segment | str | None = None,
    goal: Predicate | None = None,
    reentry: Reentry | None = None,
    params: type[BaseModel] | None = None,
    purpose: Purpose = Purpose.MARKETING,
    ends_on_leave: bool = False,
    max_lateness: timedelta = timedelta(hours=4),
    useless_after: timedelta = timedelta(hours=12),
    holdout: float = 0.0,
    quiet_hours: QuietHours | None = None,
    caps: tuple[Cap, ...] = (),
    timezone: str = "UTC",
    most: int | None = None,
) -> Callable[[Steps], JourneyDefinition]:
    """Declare a journey.

    Args:
        entry: The segment whose members enter; a text names one of the catalogue or one that is defined through the API
            (`PUT /v1/segments/{name}`), for which the journey waits if need be. None: it is started by API only.
        goal: The conversion that ends a run at once.
        reentry: `once()` (the default), `after(...)` or `per_key(...)`.
        params: A pydantic model of the parameters a start by API takes.
        purpose: What consent its messages need.
        ends_on_leave: Whether leaving the entry segment ends the run.
        max_lateness: An entry older than this when it is noticed does not start a run.
        useless_after: How long after it was due a message may still be sent.
        holdout: The fraction of runs whose messages are withheld, to measure lift.
        quiet_hours: When no message is sent, in the customer's zone.
        caps: Frequency caps over all journeys, checked before each marketing message.
        timezone: The zone of customers who have none of their own (IANA name).
        most: How many messages a run may ask for, sent or not, before it is ended; None: `JOURNEYS_MOST_PER_RUN`.

    Raises:
        CatalogueError: the declaration cannot work; the message names the journey.
    """

    def declare(steps: Steps) -> JourneyDefinition:
        name = getattr(steps, "__name__", repr(steps))
        spec = JourneySpec(
            name=name,
            entry=entry,
            goal=goal,
            reentry=reentry or Once(),
            purpose=purpose,
            ends_on_leave=ends_on_leave,
            max_lateness=max_lateness,
            useless_after=useless_after,
            holdout=holdout,
            quiet_hours=quiet_hours,
            caps=caps,
            timezone=timezone,
            most=most,
            about=inspect.cleandoc(steps.__doc__ or ""),
        )
        _check(spec, steps)
        return JourneyDefinition(spec, steps, params)

    return declare


def _check(spec: JourneySpec, steps: Steps) -> None:
    for wrong, advice in (
        (not _NAME.match(spec.name), "a journey's name is lower_case_with_underscores, at most 64 characters"),
        (not inspect.iscoroutinefunction(steps), "a journey is an async function: async def"),
        (not 0 <= spec.holdout < 1, "holdout is a fraction from 0 up to, not including, 1"),
        (spec.useless_after <= timedelta(0), "useless_after must be positive"),
        (isinstance(spec.reentry, After) and spec.reentry.cooldown < timedelta(0), "after(...) must not be negative"),
        (isinstance(spec.reentry, PerKey) and spec.entry is None, "per_key needs an entry segment"),
        (spec.ends_on_leave and spec.entry is None, "ends_on_leave needs an entry segment"),
        (
            any(cap.messages < 1 or cap.within <= timedelta(0) for cap in spec.caps),
            "a cap needs messages >= 1 in a span > 0",
        ),
        (spec.most is not None and not 0 < spec.most <= _OCCURRENCES, f"most is a number of messages, 1 to {_OCCURRENCES:,}"),
        (spec.quiet_hours is not None and not _valid(spec.quiet_hours), "quiet hours are two different times, HH:MM"),
        (not _zone_exists(spec.timezone), f"'{spec.timezone}' is no IANA time zone"),
    ):
        if wrong:
            raise CatalogueError(f"journey {spec.name}: {advice}")
    _check_entry(spec)
    _check_goal(spec)


def _check_entry(spec: JourneySpec) -> None:
    if isinstance(spec.entry, str):
        try:
            check_segment_name(spec.entry)
        except DefinitionError as error:
            raise CatalogueError(f"journey {spec.name}: entry={spec.entry!r}: {error.problem}") from error
    elif spec.entry is not None and not isinstance(spec.entry, Segment):
        raise CatalogueError(f"journey {spec.name}: entry is a Segment or the name of one, not {spec.entry!r}")


def _check_goal(spec: JourneySpec) -> None:
    try:
        if spec.goal is not None:
            check_goal(spec.goal)
    except DefinitionError as error:
        raise CatalogueError(f"journey {spec.name}: {error}") from error


def _valid(quiet: QuietHours) -> bool:
    return all(_CLOCK_TIME.match(t) for t in (quiet.start, quiet.end)) and quiet.start != quiet.end


def _zone_exists(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _is_branchable(annotation: Any) -> bool:
    origin = get_origin(annotation)
    if origin is Literal:
        return True
    if origin in (types.UnionType, Union):
        return all(part is type(None) or _is_branchable(part) for part in get_args(annotation))
    return isinstance(annotation, type) and (issubclass(annotation, _BRANCHABLE) or issubclass(annotation, Enum))
