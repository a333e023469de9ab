"""Audiences of the catalogue's: how each stands, comparing one at once, letting it wait, letting those go who left (PRO-15)."""

from collections.abc import Awaitable
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from api.auth import Reader, may, schemes
from api.problems import Problem, responses
from api.state import Config, Db
from store import Database, audiences
from store.audiences import AudienceRow
from store.keys import Caller, Right

router = APIRouter(prefix="/v1/audiences", tags=["operations"], dependencies=schemes())

Name = Annotated[str, Path(max_length=64, description="the audience's name in the catalogue", examples=["lookers"])]


class AudienceView(BaseModel):
    """An audience, and how it stands."""

    name: str
    segment: str
    destination: Literal["http", "bucket", "meta"]
    state: Literal["told", "waiting", "late", "paused", "held", "failing"] = Field(
        description="waiting: not compared yet; late: not compared for twice as long as it states; held: too many would leave"
        " at once, and somebody is asked; failing: its destination cannot be told"
    )
    there: int = Field(description="customers of whom the destination knows, now")
    adding: int = Field(description="customers whom it is still to be told of")
    leaving: int = Field(description="customers who left the segment and are still there, because it is held or paused")
    removing: int = Field(description="entries that it is still to forget")
    due: int = Field(description="customers who are to be looked at; up to 10,000")
    compared_at: datetime | None = Field(description="the last full comparison that came to its end")
    comparing: bool = Field(description="one is under way, or asked for")
    members: int = Field(description="of the segment, at that comparison (`compared_at`); not those of now")
    passed: int = Field(description="of these, who could be passed on then")
    left_out: dict[str, int] = Field(description="of these, who may not, by why")
    differed: int = Field(description="customers whom the destination had to be told otherwise at that comparison")
    refused: int = Field(description="entries that the destination could not read, since the comparison before")
    took_at: datetime | None = Field(description="when the destination last took something")
    failing_since: datetime | None
    failure: str | None
    held_at: datetime | None
    paused_at: datetime | None

    @classmethod
    def of(cls, row: AudienceRow, now: datetime) -> "AudienceView":
        """As it is shown."""
        found = row.result
        return cls(
            name=row.name,
            segment=row.segment,
            destination=row.kind,
            state=row.standing(now),
            there=row.there,
            adding=row.adding,
            leaving=row.leaving,
            removing=row.removing,
            due=row.due,
            compared_at=row.compared_at,
            comparing=row.comparing or row.asked > row.compared,
            members=found.get("members", 0),
            passed=found.get("passed", 0),
            left_out=found.get("left_out", {}),
            differed=found.get("differed", 0),
            refused=row.refused,
            took_at=row.took_at,
            failing_since=row.failing_since,
            failure=row.failure,
            held_at=row.held_at,
            paused_at=row.paused_at,
        )


class AudiencePage(BaseModel):
    """All of them."""

    audiences: list[AudienceView]


class AudienceState(BaseModel):
    """Whether who comes and who leaves is told."""

    model_config = ConfigDict(extra="forbid")

    state: Literal["active", "paused"]


@router.get("", responses=responses(401, 403, 503))
async def list_audiences(_: Reader, config: Config, database: Db) -> AudiencePage:
    """The audiences of the catalogue: how many each destination knows, what it is still to be told, and what keeps it."""
    now = config.clock.now()
    return AudiencePage(audiences=[AudienceView.of(each, now) for each in await audiences.found(database)])


@router.get("/{name}", responses=responses(401, 403, 404, 422, 503))
async def get_audience(name: Name, _: Reader, config: Config, database: Db) -> AudienceView:
    """One audience."""
    return await view(database, name, config.clock.now())


@router.post("/{name}/compare", status_code=202, responses=responses(401, 403, 404, 422, 503))
async def compare_audience(
    name: Name, _: Annotated[Caller, may(Right.OPERATE, "compare audience")], config: Config, database: Db
) -> AudienceView:
    """Have all of it compared at once with who is in the segment, and told to the destination again; besides the schedule."""
    await insist(name, audiences.compare(database, name))
    return await view(database, name, config.clock.now())


@router.put("/{name}/state", responses=responses(401, 403, 404, 422, 503))
async def switch_audience(
    name: Name,
    body: AudienceState,
    _: Annotated[Caller, may(Right.OPERATE, "switch audience")],
    config: Config,
    database: Db,
) -> AudienceView:
    """Let who comes and who leaves wait, or go on. Who may not be passed on any more is removed there all the same."""
    now = config.clock.now()
    await insist(name, audiences.switch(database, name, now if body.state == "paused" else None))
    return await view(database, name, now)


@router.post("/{name}/let-go", status_code=202, responses=responses(401, 403, 404, 422, 503))
async def let_go(
    name: Name, _: Annotated[Caller, may(Right.OPERATE, "let-go audience")], config: Config, database: Db
) -> AudienceView:
    """Have those removed who left by now, however many they are: the answer where it is held."""
    now = config.clock.now()
    await insist(name, audiences.let_go(database, name, now))
    return await view(database, name, now)


@router.delete("/{name}", status_code=204, responses=responses(401, 403, 404, 422, 503))
async def forget_audience(name: Name, _: Annotated[Caller, may(Right.OPERATE, "forget audience")], database: Db) -> None:
    """Forget an audience whose destination is no more, with all that it was told; nobody is removed there.

    One that is in the catalogue comes back when a worker starts. Erasures that wait for it go on, and count what is left.
    """
    await insist(name, audiences.forget(database, name))


async def view(database: Database, name: str, now: datetime) -> AudienceView:
    """One audience, as it is shown.

    Raises:
        Problem: 404, there is none of the name.
    """
    found = await audiences.found(database, name)
    if not found:
        raise _unknown(name)
    return AudienceView.of(found[0], now)


async def insist(name: str, done: Awaitable[bool]) -> None:
    """Do something with an audience.

    Raises:
        Problem: 404, there is none of the name.
    """
    if not await done:
        raise _unknown(name)


def _unknown(name: str) -> Problem:
    return Problem(404, f"no audience {name!r}; `GET /v1/audiences` lists them", code="unknown-audience")
