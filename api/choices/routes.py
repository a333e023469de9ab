"""Choices: how each stands, what its options bring, and an operator's switch: learn, freeze, back to the author's own."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from api.auth import Reader, may, schemes
from api.choices.views import ChoiceDetail, ChoicePage, ChoiceView, States, detail, newest
from api.problems import Problem, responses
from api.state import Config, Db
from store.keys import Caller, Right
from store.runs import choices
from store.runs.choices import ChoiceRow

router = APIRouter(prefix="/v1/choices", tags=["reports"], dependencies=schemes())

Name = Annotated[str, Path(max_length=100, description="as `j.choose` or `j.decide` names it", examples=["subject"])]


class ChoiceState(BaseModel):
    """An operator's switch."""

    state: States = Field(description="learns, frozen (shares stay), or fixed (everybody gets the author's own choice at once)")


@router.get("", responses=responses(401, 403, 503))
async def list_choices(_: Reader, database: Db) -> ChoicePage:
    """What journeys let customers decide: each choice, as it was declared last, and whether it learns."""
    return ChoicePage(choices=[ChoiceView.of(row) for row in await newest(database)])


@router.get("/{name}", responses=responses(401, 403, 404, 503))
async def get_choice(name: Name, _: Reader, config: Config, database: Db) -> ChoiceDetail:
    """A choice: shares over time, what each option brought on the floor with its bounds, and what was lost by learning."""
    return await detail(database, await known(database, name), config.clock.now())


@router.put("/{name}/state", responses=responses(401, 403, 404, 422, 503))
async def set_choice_state(
    name: Name, wanted: ChoiceState, _: Annotated[Caller, may(Right.OPERATE, "switch choice")], config: Config, database: Db
) -> ChoiceView:
    """Let a choice learn, keep its shares as they are, or give everybody the author's own choice from now on."""
    await known(database, name)
    await choices.switch(database, name, wanted.state, config.clock.now())
    return ChoiceView.of(await known(database, name))


async def known(database: Db, name: str) -> ChoiceRow:
    """A choice as it was declared last.

    Raises:
        Problem: 404, there is none of that name.
    """
    if found := await newest(database, name):
        return found[0]
    known = ", ".join(each.name for each in await newest(database)) or "none yet"
    raise Problem(404, f"no choice {name!r}; there are: {known}"[:1_000], code="unknown-choice")
