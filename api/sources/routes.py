"""Sources of the catalogue's: how each stands, how old what is known of it may be, and reading one at once (PRO-07, PRO-10)."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from api.auth import Reader, may, schemes
from api.problems import Problem, responses
from api.state import Config, Db
from journeys.spans import describe
from store import sources
from store.keys import Caller, Right
from store.sources import SourceRow

router = APIRouter(prefix="/v1/sources", tags=["operations"], dependencies=schemes())

Name = Annotated[str, Path(max_length=64, description="the source's name in the catalogue", examples=["loyalty"])]


class SourceView(BaseModel):
    """A source, and how that stands."""

    name: str
    becomes: Literal["traits", "events", "list"]
    latency: str = Field(
        description="how old what is known of it may be, as its declaration states", examples=["batch, every 1:00:00"]
    )
    state: Literal["read", "waiting", "late", "failing"] = Field(
        description="late: not read for twice as long as it states; what rests on it is old; waiting: not read yet"
    )
    read_at: datetime | None = Field(description="the last reading that came to its end")
    newest_at: datetime | None = Field(description="the newest instant that its rows tell")
    failed_at: datetime | None
    failure: str | None
    rows: int = Field(description="of the last reading")
    changed: int
    gone: int = Field(description="customers who were not in it any more")
    bad: int
    erased: int = Field(description="rows of people who were erased, and are passed over; delete them there, too")
    known: int = Field(description="customers who are known from it")
    problems: list[dict[str, Any]] = Field(description="the first bad rows by their number, never what stands in them")

    @classmethod
    def of(cls, row: SourceRow, now: datetime) -> "SourceView":
        """As it is shown."""
        return cls(
            name=row.name,
            becomes=row.becomes,
            latency=stated(row.every),
            state=row.standing(now),
            read_at=row.read_at,
            newest_at=row.newest_at,
            failed_at=row.failed_at,
            failure=row.failure,
            rows=row.rows,
            changed=row.changed,
            gone=row.gone,
            bad=row.bad,
            erased=row.erased,
            known=row.known,
            problems=row.problems,
        )


class SourcePage(BaseModel):
    """All of them."""

    sources: list[SourceView]


def stated(every: timedelta) -> str:
    """How old what is known of a source may be."""
    return f"batch, every {describe(every)}"


@router.get("", responses=responses(401, 403, 503))
async def list_sources(_: Reader, config: Config, database: Db) -> SourcePage:
    """The sources of the catalogue, and how each stands. What is sent to the API needs none: it is there within a second."""
    now = config.clock.now()
    return SourcePage(sources=[SourceView.of(each, now) for each in await sources.found(database)])


@router.post("/{name}/read", status_code=202, responses=responses(401, 403, 404, 503))
async def read_source(
    name: Name, _: Annotated[Caller, may(Right.OPERATE, "read source")], config: Config, database: Db
) -> SourceView:
    """Have a source read now, beside its schedule; how it went stands in the list."""
    now = config.clock.now()
    if not await sources.ask(database, name, now):
        known = ", ".join(each.name for each in await sources.found(database)) or "none"
        raise Problem(404, f"no source {name!r}; there are: {known}"[:1_000], code="unknown-source")
    return SourceView.of((await sources.found(database, name))[0], now)
