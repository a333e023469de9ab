"""The journeys: what each is, what it takes, how its runs stand, what needs somebody, and an operator's switch."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from activities.measuring.planning import COMPANY, Planned, planned
from api.auth import JourneyReader, Of, Reader, insist_on, may, schemes
from api.config import ApiConfig
from api.problems import Problem, responses
from api.runs.lines import lines
from api.runs.models import CustomerName, JourneyName, Model
from api.runs.why_not import Asking, WhyNot, is_known
from api.state import Config, Db
from journeys import JourneyDefinition
from journeys.arms import HOLDOUT
from journeys.campaigns.message import PREFIX
from journeys.contracts import Purpose
from journeys.endings import said
from segments.ask.overview import AllSegments, all_segments
from store import Database
from store.deliveries.budgets import Used, used
from store.keys import Caller, Right
from store.measuring.sums import Differing, differing
from store.measuring.today import Today, by_journey, of_campaigns
from store.runs import switches
from store.runs.switches import EVERYTHING, LIVE
from store.runs.switches import Switch as Thrown
from store.runs.views import JourneyStanding, standing_of_journey, standing_of_journeys
from store.runs.views import customer_id as customer

router = APIRouter(prefix="/v1", tags=["journeys"], dependencies=schemes())

#: How the warning begins that all journeys have while everything is stopped at once.
OF_EVERYTHING = "everything is "
_SUMS_LATELY = timedelta(days=7)  # for how long sums that were others are a warning
_LATELY = timedelta(days=1)  # for how long runs that met their ceiling are a warning
_NOTHING: Mapping[str, Any] = MappingProxyType(
    {
        "about": "",
        "entry_segment": None,
        "goal": None,
        "ends": {},
        "kpi": None,
        "conversion": None,
        "reentry": None,
        "params": {},
    }
)


State = Literal["live", "paused", "killed"]


class Switch(Model):
    """The operator's switch of a journey, or of everything at once."""

    state: State = Field(
        description="paused: messages wait, and are asked again when it is live, so many a second; killed: every open run ends"
    )


class Affected(BaseModel):
    """A switch that was thrown, and whom it concerned at that instant."""

    journey: str | None = Field(description="null: everything at once")
    state: State
    at: datetime
    by: str
    open_runs: int
    waiting_messages: int = Field(description="they wait for a pause to end; once it has, so many a second leave")
    in_flight: int = Field(description="messages that were being handed to a provider: no other goes out while this holds")


class ByCampaigns(NamedTuple):
    """How many are in campaigns, have entered and were sent one today (UTC): named as a journey names them."""

    open_runs: int
    new_today: int
    sent_today: int


class Everything(BaseModel):
    """The switch of everything at once."""

    state: State
    at: datetime | None
    by: str | None


class BudgetView(BaseModel):
    """What a journey may spend, and what is left of it now; money in the currency of the catalogue's prices."""

    of: Literal["messages", "money"]
    limit: float
    used: float = Field(description="by what was claimed and may have arrived")
    left: float
    per: Literal["day", "week", "month"] | None
    until: datetime | None = Field(description="when the next period begins")


class ExperimentView(BaseModel):
    """An experiment of a journey, its holdout, or the company's, and what it needs; said before it begins."""

    name: str
    arms: dict[str, float] = Field(description="each with its share")
    control: str
    plan: str | None = Field(description="when it is over, what it is to find", examples=["over after 28 days"])
    people_needed: int | None = Field(description="in all arms, to find its effect in 80 of 100; null: that cannot be said yet")
    members: int = Field(description="in the entry segment now")
    a_day: float = Field(
        description="who came into it a day lately, without whom a holdout keeps out; of the company's: who was exposed"
    )
    days: int | None = Field(description="until so many have come; null: never at this pace, or nobody knows how many")
    says: str = Field(description="all this in sentences")


class JourneyView(BaseModel):
    """A journey: of the catalogue, or one that has left it while customers were in it."""

    name: str
    in_catalogue: bool = Field(description="false: renamed or removed, but somebody is still in it")
    about: str
    entry_segment: str | None
    warnings: list[str] = Field(description="what needs somebody: why it stands still, why its runs fail or were cut short")
    goal: str | None
    ends: dict[str, str] = Field(
        description="what ends a run before its steps do, by name", examples=[{"bought": 'did "Order Completed"'}]
    )
    kpi: str | None = Field(description="what it is measured by, where that is not its goal")
    conversion: dict[str, Any] | None = Field(
        description="by which rule its conversions count, from when on, for how long; spans in seconds. null: by none",
        examples=[{"by": {"did": "Order Completed"}, "within": 604800.0, "since": "exposure", "kpi": "conversion"}],
    )
    reentry: str | None = Field(examples=["once", "again 7 d after the last run ended", "once per cart_id"])
    state: State = Field(description="the stricter one of its own switch and that of everything")
    switched_at: datetime | None
    switched_by: str | None
    open_runs: int
    failing_runs: int = Field(
        description="those that cannot go on until code, or a step that raises, is mended: `GET /v1/runs?status=failing`"
    )
    waiting_runs: int = Field(description="customers who wait to be let in; see `GET /v1/runs?status=in-line`")
    waiting_for: str | None = Field(
        description="why the first of them is not in yet", examples=["500 of 500 are in it", "100 have entered, of 100 in 1 h"]
    )
    params: dict[str, Any] = Field(description="JSON Schema of the parameters")
    priority: int = Field(default=0, description="of two journeys that are due at once for one customer the higher writes")
    budget: BudgetView | None = None
    new_today: int = Field(default=0, description="entries today (UTC), also of whom a holdout keeps out")
    converted_today: int | None = Field(
        default=0,
        description="customers whose run reached its goal today; of one without a goal, as its holdout counts them by its rule."
        " null: it has neither, so nothing counts them",
    )
    sent_today: int = Field(default=0, description="messages of it that a provider took today")
    experiments: list[ExperimentView] = Field(
        default_factory=list,
        description="its holdout, the experiments that it asks about; of marketing, the company's holdout",
    )


@router.get("/journeys", responses=responses(401, 403, 503))
async def list_journeys(
    caller: Annotated[Caller, may(Right.READ, of=Of.ITSELF)],
    config: Config,
    database: Db,
    journey: Annotated[str | None, Query(max_length=64, description="this one alone")] = None,
) -> list[JourneyView]:
    """The journeys of the catalogue with what they take, and those that have left it with customers in them."""
    return await seen(config, database, caller, only=journey)


async def seen(
    config: ApiConfig,
    database: Database,
    caller: Caller,
    *,
    name: str | None = None,
    only: str | None = None,
    with_plans: bool = True,
) -> list[JourneyView]:
    """The journeys that a caller may deal with (`only` this one of them), or the one of a name, as they stand now.

    Without plans: not what its experiments need, for which segments are counted.
    """
    thrown = await switches.switches(database)
    around = await all_segments(database, config.segments)
    standing = await _standing(config, database, name or only)
    listed = [each for each in _listed(config, standing, caller) if only in (None, each)]
    names = listed if name is None else [name]
    waiting = await lines(config, database, {each: stands for each, stands in standing.items() if each in names})
    used = await _used(config, database, names)
    wrong = await differing(database, config.clock.now() - _SUMS_LATELY)
    plans = await planned_in(config, database, around, names) if with_plans else {}
    goalless = {each for each in names if each in config.catalogue and config.catalogue[each].spec.goal is None}
    today = await by_journey(database, config.clock.now(), f"{HOLDOUT}/", names, goalless)
    return [
        _journey(
            config,
            each,
            switches.holding(thrown, each),
            around,
            standing.get(each, JourneyStanding()),
            waiting.get(each),
            used.get(each),
            wrong.get(each),
            _plans(config, each, plans),
            today.get(each, Today()),
        )
        for each in names
    ]


async def by_campaigns(config: ApiConfig, database: Database, caller: Caller) -> ByCampaigns:
    """What the campaigns of a message that a caller may deal with do, all together: they are listed by themselves."""
    now = config.clock.now()
    ours = {name: inside for name, inside in (await of_campaigns(database, now)).items() if caller.has(name)}
    today = (await by_journey(database, now, f"{HOLDOUT}/", sorted(ours))).values()
    return ByCampaigns(sum(ours.values()), sum(each.new for each in today), sum(each.sent for each in today))


def _listed(config: ApiConfig, standing: Mapping[str, JourneyStanding], caller: Caller) -> list[str]:
    ours = (each for each in standing.items() if not each[0].startswith(PREFIX))  # campaigns are listed by themselves
    somebody = (name for name, stands in ours if stands.open_runs or stands.waiting_runs)
    return sorted(name for name in {*config.catalogue, *somebody} if caller.has(name))


@router.put("/journeys/{journey}/state", responses=responses(401, 403, 404, 422, 503))
async def switch_journey(
    journey: JourneyName,
    body: Switch,
    caller: Annotated[Caller, may(Right.OPERATE, "switch journey", of=Of.NAMED)],
    config: Config,
    database: Db,
) -> Affected:
    """Pause a journey, kill it, or let it live; also one that has left the catalogue.

    Paused: nobody is started by API; whoever enters its segment comes in; messages wait at the gate, and are asked again
    when it is live, so many a second. Killed: nobody comes in, and whoever is in is over, for good. Once this is answered,
    nothing goes out that it forbids but what was at a provider.
    """
    await known(config, database, journey)
    return await throw(config, database, journey, body.state, caller.name)


@router.get("/state", responses=responses(401, 403, 503))
async def state_of_everything(_: Reader, database: Db) -> Everything:
    """Whether everything is paused or killed at once, since when, and by whom."""
    return await everything(database)


async def everything(database: Database) -> Everything:
    """The switch of everything at once."""
    thrown = (await switches.switches(database)).get(EVERYTHING)
    return Everything.model_validate(thrown or {"state": "live", "at": None, "by": None}, from_attributes=True)


@router.put("/state", responses=responses(401, 403, 422, 503))
async def switch_everything(
    body: Switch, caller: Annotated[Caller, may(Right.OPERATE, "switch journey")], config: Config, database: Db
) -> Affected:
    """Pause all journeys at once, kill them, or let them live; what each one's own switch says stays said.

    For all journeys it means what `PUT /v1/journeys/{journey}/state` means for one.
    """
    return await throw(config, database, EVERYTHING, body.state, caller.name)


async def throw(config: ApiConfig, database: Database, journey: str, state: State, by: str) -> Affected:
    """Throw the switch of a journey, or of `EVERYTHING`; returns whom that concerns."""
    at = config.clock.now()
    concerned = await switches.throw(database, journey, state, at, by)
    named = None if journey == EVERYTHING else journey
    return Affected(journey=named, state=state, at=at, by=by, **asdict(concerned))


@router.get("/journeys/{journey}/why-not", responses=responses(401, 403, 404, 422, 503))
async def why_not(
    journey: JourneyName,
    caller: JourneyReader,
    config: Config,
    database: Db,
    user_id: Annotated[CustomerName | None, Query(description="the `userId` of a customer")] = None,
    customer_id: Annotated[UUID | None, Query()] = None,
    show: Annotated[bool, Query(description="also what each condition saw, which may be personal data")] = False,
) -> WhyNot:
    """Why a customer did not enter a journey, or was not sent one of its messages."""
    await known(config, database, journey)
    if (user_id is None) is (customer_id is None):
        raise Problem(422, "name the customer by exactly one of user_id and customer_id", code="invalid-customer")
    if user_id is not None or show:
        insist_on(caller, Right.PERSONAL)
    kind, value = ("user_id", user_id) if user_id is not None else ("id", str(customer_id))
    async with database.pool.acquire() as connection:
        profile = await customer(connection, kind, str(value))
    if profile is None:
        raise Problem(404, "no such customer", code="unknown-customer")
    return await why(config, database, journey, profile, show=show)


async def why(config: ApiConfig, database: Database, journey: str, customer: UUID, *, show: bool) -> WhyNot:
    """Why a customer did not enter a journey, or was not sent one of its messages; `show`: with what conditions saw."""
    asking = Asking(
        *(database, journey, config.catalogue, config.segments, config.clock.now()), config.personal_traits, config.predictions
    )
    return await asking.about(customer, show=show)


async def known(config: ApiConfig, database: Database, name: str) -> None:
    """Make sure that there is such a journey or campaign, or that there was and somebody was in it.

    Raises:
        Problem: 404, nobody has heard of it.
    """
    if not await is_known(database, name, config.catalogue):
        definition_of(config, name)


def definition_of(config: ApiConfig, name: str) -> JourneyDefinition:
    """A journey of the catalogue.

    Raises:
        Problem: 404, there is none.
    """
    definition: JourneyDefinition | None = config.catalogue.get(name)
    if definition is None:
        known = ", ".join(sorted(config.catalogue)) or "none"
        raise Problem(404, f"no journey '{name}'; the catalogue has: {known}", code="unknown-journey")
    return definition


async def _standing(config: ApiConfig, database: Database, name: str | None) -> dict[str, JourneyStanding]:
    lately = config.clock.now() - _LATELY
    if name is None:
        return await standing_of_journeys(database, lately)
    return {name: await standing_of_journey(database, name, lately)}


async def _used(config: ApiConfig, database: Database, names: Collection[str]) -> dict[str, Used]:
    """What those of the journeys that have a budget have used of it in this period."""
    specs = [config.catalogue[name].spec for name in names if name in config.catalogue]
    now = config.clock.now()
    periods = {spec.name: spec.budget.period(now, spec.timezone)[0] for spec in specs if spec.budget is not None}
    if not periods:
        return {}
    async with database.pool.acquire() as connection:
        return await used(connection, periods)


def _budget(definition: JourneyDefinition, used: Used, now: datetime) -> BudgetView | None:
    spec, budget = definition.spec, definition.spec.budget
    if budget is None:
        return None
    spent = budget.of(used.messages, used.money)
    return BudgetView(
        of="messages" if budget.messages is not None else "money",
        limit=budget.limit / budget.unit,
        used=spent / budget.unit,
        left=max(budget.limit - spent, 0) / budget.unit,
        per=budget.per,
        until=budget.period(now, spec.timezone)[1],
    )


def _journey(
    config: ApiConfig,
    name: str,
    switch: Thrown | None,
    around: AllSegments,
    stands: JourneyStanding,
    waiting: str | None,
    used: Used | None,
    wrong: Differing | None,
    plans: Sequence[Planned],
    today: Today,
) -> JourneyView:
    definition: JourneyDefinition | None = config.catalogue.get(name)
    return JourneyView.model_validate(
        {
            "name": name,
            "in_catalogue": definition is not None,
            "state": switch.state if switch else LIVE,
            "switched_at": switch and switch.at,
            "switched_by": switch and switch.by,
            "open_runs": stands.open_runs,
            "failing_runs": stands.failing_runs,
            "waiting_runs": stands.waiting_runs,
            "waiting_for": waiting,
            "new_today": today.new,
            "converted_today": today.converted if _counts_conversions(definition) else None,
            "sent_today": today.sent,
            "warnings": [
                *_switched(switch),
                *_concerns(definition, around),
                *_troubles(name, stands, gone=definition is None and not name.startswith(PREFIX)),
                *_miscounted(wrong),
                *(each.warning for each in plans if each.too_small and not each.of_company),  # that is a concern of none
            ],
            "experiments": [_experiment(each) for each in plans],
        }
        | (_declared(definition) if definition else dict(_NOTHING))
        | ({"budget": _budget(definition, used or Used(), config.clock.now())} if definition else {})
    )


async def planned_in(
    config: ApiConfig, database: Database, around: AllSegments, names: Collection[str] | None = None
) -> dict[str, list[Planned]]:
    """What the journeys of the catalogue, or some of them, have planned, with what it needs."""
    specs = [definition.spec for name, definition in config.catalogue.items() if names is None or name in names]
    segments = {name: each.segment for name, each in around.known.items()}
    return await planned(database, specs, config.experiments, segments, config.clock.now(), config.holdout, config.predictions)


def _plans(config: ApiConfig, name: str, plans: Mapping[str, Sequence[Planned]]) -> list[Planned]:
    """A journey's own, and the company's holdout, which is of all marketing."""
    definition = config.catalogue.get(name)
    marketing = definition is not None and definition.spec.purpose is Purpose.MARKETING
    return [*plans.get(name, ()), *(plans.get(COMPANY, ()) if marketing else ())]


def _experiment(planned: Planned) -> dict[str, Any]:
    declared = planned.experiment
    return {
        "name": declared.name,
        "arms": dict(declared.arms),
        "control": declared.control,
        "plan": str(declared.plan) if declared.plan else None,
        "people_needed": planned.people_needed,
        "members": planned.members,
        "a_day": planned.a_day,
        "days": planned.days,
        "says": planned.said,
    }


def _counts_conversions(definition: JourneyDefinition | None) -> bool:
    """Whether something tells who converts: its goal, or a holdout by its rule; of one that is gone, what its runs reached."""
    spec = definition.spec if definition else None
    return spec is None or spec.goal is not None or (spec.measured is not None and spec.held_out is not None)


def _declared(definition: JourneyDefinition) -> dict[str, Any]:
    spec = definition.spec
    return {
        "about": spec.about,
        "entry_segment": spec.entered_by,
        "goal": str(spec.goal) if spec.goal is not None else None,
        "ends": said(spec),
        "kpi": str(spec.kpi) if spec.kpi is not None else None,
        "conversion": rule.to_json() if (rule := spec.measured) else None,
        "reentry": str(spec.reentry),
        "priority": spec.priority,
        "params": definition.params.model_json_schema() if definition.params else {},
    }


def _switched(switch: Thrown | None) -> Iterator[str]:
    if switch and switch.why and switch.state != LIVE:
        yield f"{switch.told}; once that is mended: {switch.resumed_by}, or PUT /v1/journeys/{switch.journey}/state with live"
    if switch and switch.journey == EVERYTHING and switch.state != LIVE:
        yield f"{OF_EVERYTHING}{switch.told}: {switch.resumed_by}, or PUT /v1/state with live"


def _miscounted(wrong: Differing | None) -> Iterator[str]:
    if wrong is not None:
        yield (
            f"{wrong.sums} of its sums were not what ledger and events say, of {wrong.day} the last; they were set right at"
            f" {wrong.at:%Y-%m-%d %H:%M} UTC: journeys sums differences"
        )


def _concerns(definition: JourneyDefinition | None, around: AllSegments) -> list[str]:
    if definition is None or definition.spec.entered_by is None:
        return []
    return [concern.sentence for concern in around.concerns({definition.name: definition.spec.entered_by})]


def _troubles(name: str, stands: JourneyStanding, *, gone: bool) -> Iterator[str]:
    if gone:
        yield (
            f"{name} has left the catalogue with {stands.open_runs} runs open: bring it back,"
            f" or end them (PUT /v1/journeys/{name}/state with killed)"
        )
    if stands.failing_runs:
        yield (
            f"{stands.failing_runs} of {stands.open_runs} open runs fail ({stands.failure}):"
            " deploy code that they can go on with, mend what raises, or end them"
        )
    if stands.undecided:
        yield (
            f"{stands.undecided} entries within a day could not be decided (the watch's log names each error's place):"
            " the next version that is deployed is asked again"
        )
    if stands.at_their_ceiling:
        yield (
            f"{stands.at_their_ceiling} runs were ended within a day at their ceiling of messages:"
            " look for a loop without a wait, or raise most="
        )
