"""The catalogue as it was written and deployed: every way through a journey, and what a version does that another does not.

Promise: nothing that a caller sends is executed, and of what stands in Postgres only what somebody signed who may deploy.
"""

import asyncio
from datetime import datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.auth import JourneyReader, Reader, schemes
from api.problems import Problem, responses
from api.runs.journeys import definition_of
from api.runs.models import JourneyName
from api.state import Config, Db
from journeys.errors import JourneyError
from journeys.walk.graph import graph_of, mermaid
from store.versions import in_use

router = APIRouter(prefix="/v1", tags=["journeys"], dependencies=schemes())

_Version = partial(Query, min_length=4, max_length=64, pattern=r"^[0-9A-Za-z]+$")


class NodeView(BaseModel):
    """Something that a journey does."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    kind: str = Field(description="message, wait, first (a wait for something), question, …; begin and end")
    what: str
    when: str = Field(description="since entry", examples=["24 hours"])


class EdgeView(BaseModel):
    """What follows, and on which answer."""

    model_config = ConfigDict(from_attributes=True)

    source: str
    target: str
    answer: str = Field(description="empty: on any")
    back: bool = Field(description="it leads back, as a loop does")


class GraphView(BaseModel):
    """Every way through a journey."""

    name: str
    nodes: list[NodeView]
    edges: list[EdgeView]
    complete: bool = Field(description="false: there are more ways than were walked")
    ends: str = Field(description="what ends it wherever it stands")
    mermaid: str = Field(description="the same, for what draws it")


class VersionView(BaseModel):
    """A version of the catalogue."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    journeys: list[str]
    deployed_at: datetime
    deployed_by: str
    people: int = Field(description="customers who are in it")
    runs: int
    failing: int
    dropped_at: datetime | None = Field(description="when its code went; nobody was in it any more")


class DifferenceView(BaseModel):
    """One thing that is another for people."""

    model_config = ConfigDict(from_attributes=True)

    journey: str
    rule: str
    message: str
    before: str
    after: str
    remedy: str


class ChangesView(BaseModel):
    """What one version does to people that another one does not."""

    before: str
    after: str
    changes: list[DifferenceView]


@router.get("/journeys/{journey}/graph", responses=responses(401, 403, 404, 422, 503))
async def draw_journey(journey: JourneyName, _: JourneyReader, config: Config) -> GraphView:
    """What a journey of the catalogue does on every path: messages, waits and questions with their times, and what decides."""
    drawn = await asyncio.to_thread(graph_of, definition_of(config, journey))
    return GraphView(
        name=drawn.name,
        nodes=[NodeView.model_validate(each) for each in drawn.nodes],
        edges=[EdgeView.model_validate(each) for each in drawn.edges],
        complete=drawn.complete,
        ends=drawn.ends,
        mermaid=mermaid(drawn),
    )


@router.get("/versions", responses=responses(401, 403, 503))
async def list_versions(_: Reader, database: Db) -> list[VersionView]:
    """The versions of the catalogue, newest first, each with who is in it."""
    return [VersionView.model_validate(each) for each in await in_use(database)]


@router.get("/versions/changes", responses=responses(401, 403, 404, 422, 503))
async def compare_versions(
    _: Reader,
    config: Config,
    database: Db,
    before: Annotated[str, _Version(description="how its id begins")],
    after: Annotated[str | None, _Version(description="the same; without it the newest")] = None,
) -> ChangesView:
    """What a deployed version does to people compared with another: messages that come, go or move, conditions, goals, caps."""
    if config.compared is None:
        raise Problem(404, "this API serves no catalogue whose versions it could compare", code="unknown-version")
    try:
        old, new, found = await config.compared(database, before, after)
    except JourneyError as error:
        raise Problem(404, str(error), code="unknown-version") from None
    return ChangesView(before=old, after=new, changes=[DifferenceView.model_validate(each) for each in found])
