"""A made-up customer and a timetable of what they do, played through a journey as it is deployed: nobody is written to.

Promise: a caller sends data and no code; of what stands in Postgres only what somebody signed who may deploy is executed.
"""

from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.auth import JourneyReader, schemes
from api.problems import Problem, responses
from api.runs.journeys import definition_of
from api.runs.models import JourneyName
from api.state import Config, Db
from journeys.errors import CatalogueError, InvalidParams, JourneyError
from journeys.simulate import SimulationError
from journeys.simulate.trial import Played, TrialRun

router = APIRouter(prefix="/v1", tags=["journeys"], dependencies=schemes())
_Version = partial(Query, min_length=4, max_length=64, pattern=r"^[0-9A-Za-z]+$")


class _View(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class SendingView(_View):
    """A message of the made-up customer."""

    journey: str
    step: str = Field(examples=["push:cart-reminder"])
    due_at: datetime = Field(description="when the journey asked for it")
    at: datetime = Field(description="since when it stands so: of one that was sent, when")
    state: str = Field(examples=["sent", "skipped", "withheld", "deferred"])
    reason: str | None = Field(description="why not, where it was not sent", examples=["goal reached", "no consent"])
    put_off: list[str] = Field(description="what it had to wait for, or what left it no instant", examples=[["quiet hours"]])


class BeingView(_View):
    """The customer in a journey."""

    journey: str
    entered_at: datetime
    ended_at: datetime | None
    outcome: str | None = Field(description="how it ended; null: it is not over by then")
    ended_by: str | None = Field(description="the goal or exit, by its name, where a journey has several")
    waits_for: str | None
    waits_until: datetime | None


class NotInView(_View):
    """Why they were not let in."""

    journey: str
    at: datetime
    reason: str


class PlayedView(_View):
    """What came of it, in the order of time: also of the other journeys that they entered, which share caps with this one."""

    version: str | None = Field(default=None, description="of the catalogue that was played")
    journey: str
    began: datetime
    until: datetime
    messages: list[SendingView]
    runs: list[BeingView]
    refused: list[NotInView]
    lacking: str = Field(description="why they never came near this journey; empty where they did")
    unheard: list[str] = Field(description="what was about a message that had not gone out by then, and was left out")
    complete: bool = Field(description="false: there were more messages than are told")


@router.post("/journeys/{journey}/simulate", responses=responses(401, 403, 404, 422, 503))
async def simulate_journey(
    journey: JourneyName,
    body: TrialRun,
    caller: JourneyReader,
    config: Config,
    database: Db,
    version: Annotated[
        str | None, _Version(description="of the catalogue, how its id begins; without it what this API serves")
    ] = None,
) -> PlayedView:
    """Which messages a made-up customer would get from a journey as it is deployed, when, and why not the others.

    `does` is the timetable of what they do. The gate, rules of entry, caps, quiet hours and chance are the real ones; providers
    accept everything, services answer their sample, templates are not rendered. Nothing is sent, and nothing is kept.
    """
    if config.tried is None:
        raise Problem(404, "this API serves no catalogue that it could play", code="unknown-version")
    if version is None:
        definition_of(config, journey)
    try:
        which, played = await config.tried(database, journey, body, config.clock.now(), version)
    except (SimulationError, InvalidParams) as error:
        raise Problem(422, str(error), code="not-playable") from None
    except CatalogueError as error:
        raise Problem(404, str(error), code="unknown-journey") from None
    except JourneyError as error:
        raise Problem(404, str(error), code="unknown-version") from None
    return PlayedView.model_validate(_of(played, caller.journeys)).model_copy(update={"version": which})


def _of(played: Played, journeys: frozenset[str]) -> Played:
    """What of it is of the journeys to which a key is held; none: all."""
    if not journeys:
        return played
    return replace(
        played,
        runs=tuple(each for each in played.runs if each.journey in journeys),
        messages=tuple(each for each in played.messages if each.journey in journeys),
        refused=tuple(each for each in played.refused if each.journey in journeys),
    )
