"""The journeys of the catalogue: what each is, what it takes, what it waits for, and an operator's switch."""

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.auth import Operator, schemes
from api.config import ApiConfig
from api.problems import Problem, responses
from api.run_models import JourneyName, Model
from api.state import Config, Db
from journeys import JourneyDefinition
from segments.overview import Landscape, landscape
from store.run_views import controls, set_control

router = APIRouter(prefix="/v1", tags=["journeys"], dependencies=schemes())


class Switch(Model):
    """The operator's switch of a journey."""

    state: Literal["live", "paused", "killed"] = Field(
        description="paused: messages wait; killed: every run ends at its next message"
    )


class JourneyView(BaseModel):
    """A journey of the catalogue."""

    name: str
    about: str
    entry_segment: str | None
    warnings: list[str] = Field(description="why it stands still, such as an entry segment that nobody has defined yet")
    goal: str | None
    reentry: str = Field(examples=["once", "again 7 d after the last run ended", "once per cart_id"])
    state: Literal["live", "paused", "killed"]
    params: dict[str, Any] = Field(description="JSON Schema of the parameters")


@router.get("/journeys", responses=responses(401, 403, 503))
async def list_journeys(_: Operator, config: Config, database: Db) -> list[JourneyView]:
    """The journeys of the catalogue, with what they take."""
    switches = await controls(database)
    around = await landscape(database, config.segments)
    return [_journey(d, switches.get(name, "live"), around) for name, d in sorted(config.catalogue.items())]


@router.put("/journeys/{journey}/state", responses=responses(401, 403, 404, 422, 503))
async def switch_journey(journey: JourneyName, body: Switch, caller: Operator, config: Config, database: Db) -> JourneyView:
    """Pause a journey, kill it, or let it live. It acts at the next message of every run."""
    definition = definition_of(config, journey)
    await set_control(database, journey, body.state, config.clock.now(), caller.name)
    return _journey(definition, body.state, await landscape(database, config.segments))


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


def _journey(definition: JourneyDefinition, state: str, around: Landscape) -> JourneyView:
    spec = definition.spec
    entries = {} if spec.entered_by is None else {spec.name: spec.entered_by}
    return JourneyView.model_validate(
        {
            "name": spec.name,
            "about": spec.about,
            "entry_segment": spec.entered_by,
            "warnings": [concern.sentence for concern in around.concerns(entries)],
            "goal": str(spec.goal) if spec.goal is not None else None,
            "reentry": str(spec.reentry),
            "state": state,
            "params": definition.params.model_json_schema() if definition.params else {},
        }
    )
