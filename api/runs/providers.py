"""Providers, for operators: who carries messages and what that cost today, who is not used for now, and the limits of each."""

from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from activities.channels.kinds import provider_names
from api.auth import Reader, may, schemes
from api.problems import Problem, responses
from api.runs.models import Model
from api.state import Config, Db
from store.deliveries import providers
from store.deliveries.providers import FASTEST, LONGEST, MOST, SLOWEST, Limit
from store.keys import Caller, Right

router = APIRouter(prefix="/v1", tags=["providers"], dependencies=schemes())

_MILLIONTHS = 1_000_000
_DAY = timedelta(days=1)

Who = Annotated[
    str,
    Path(max_length=240, description="a provider, or provider and sender: `twilio`, `twilio/+34600000001`, `ses/shop.example`"),
]


class LimitBody(Model):
    """What holds for a provider, or for one of its senders; what is left out does not."""

    per_second: float | None = Field(default=None, ge=SLOWEST, le=FASTEST, description="messages a second, over all workers")
    per_day: int | None = Field(default=None, ge=0, le=MOST, description="messages of a day (UTC); marketing waits then")
    warm_up: list[Annotated[int, Field(ge=0, le=MOST)]] = Field(
        default=[], max_length=LONGEST, description="ceilings of the first day, the second, …; after the last there is none"
    )
    warm_up_from: date | None = Field(default=None, description="the first day, no marketing goes before it; left out: today")


class Limits(LimitBody):
    """Limits, and what has been used of them today."""

    who: str
    today: int | None = Field(default=None, description="the ceiling of today, if there is one")
    used_today: int
    marketing_today: int
    at: datetime
    by: str


class CarriedView(BaseModel):
    """What a provider accepted in the last 24 hours."""

    provider: str
    channel: str
    accepted: int
    cost: float = Field(description="by the prices that the catalogue declares")
    currency: str | None


class StoppedView(BaseModel):
    """A provider that workers do not use for now: too much failed there, or it refused everybody."""

    provider: str
    since: datetime
    workers: int
    reason: str


class Providers(BaseModel):
    """All that is known of those who carry messages."""

    carried: list[CarriedView]
    stopped: list[StoppedView]
    limits: list[Limits]


@router.get("/providers", responses=responses(401, 403, 503))
async def list_providers(_: Reader, config: Config, database: Db) -> Providers:
    """Who carries messages, what it cost, who is not used for now, and the limits."""
    now = config.clock.now()
    carried = await providers.carried(database, now - _DAY)
    stopped = await providers.stopped(database)
    return Providers(
        carried=[CarriedView.model_validate(asdict(each) | {"cost": each.cost / _MILLIONTHS}) for each in carried],
        stopped=[StoppedView.model_validate(each, from_attributes=True) for each in stopped],
        limits=await _limits(database, now),
    )


@router.put("/providers/{who:path}/limits", responses=responses(401, 403, 422, 503))
async def limit_provider(
    who: Who, body: LimitBody, caller: Annotated[Caller, may(Right.OPERATE, "limit provider")], config: Config, database: Db
) -> Limits:
    """Set the limits of a provider or of one of its senders, in place of those that it had; it takes seconds."""
    now = config.clock.now()
    starts = body.warm_up_from or (now.astimezone(UTC).date() if body.warm_up else None)
    limit = Limit(who, body.per_second, body.per_day, tuple(body.warm_up), starts)
    for wrong in limit.wrong():
        raise Problem(422, wrong, code="invalid-provider")
    if strange := await providers.stranger(database, who, provider_names()):
        raise Problem(422, strange, code="invalid-provider")
    await providers.set_limit(database, limit, now, caller.name)
    (found,) = [each for each in await _limits(database, now) if each.who == who]
    return found


@router.delete("/providers/{who:path}/limits", status_code=204, responses=responses(401, 403, 404, 503))
async def unlimit_provider(who: Who, _: Annotated[Caller, may(Right.OPERATE, "unlimit provider")], database: Db) -> None:
    """Take the limits of a provider or of one of its senders away."""
    if not await providers.drop_limit(database, who):
        raise Problem(404, f"no limits are set for {who}", code="unknown-provider")


async def _limits(database: Db, now: datetime) -> list[Limits]:
    day = now.astimezone(UTC).date()
    used = await providers.used(database, day)
    return [_view(each, used.get(each.limit.who, (0, 0)), day) for each in await providers.limits(database)]


def _view(given: providers.Set, used: tuple[int, int], day: date) -> Limits:
    limit = given.limit
    return Limits(
        who=limit.who,
        per_second=limit.per_second,
        per_day=limit.per_day,
        warm_up=list(limit.warm_up),
        warm_up_from=limit.warm_up_from,
        today=limit.ceiling(day),
        used_today=sum(used),
        marketing_today=used[0],
        at=given.at,
        by=given.by,
    )
