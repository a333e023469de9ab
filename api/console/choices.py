"""Choices: all at a glance, and each with its shares over time, what its options bring, and the operator's switch.

Promise: what stands here is what `GET /v1/choices` and the report `experiments` say; nothing is concluded that they do not.
"""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Request
from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response

from api.choices.routes import Name, known
from api.choices.views import ChoiceDetail, ChoiceView, HourView, States, against_own, detail, newest
from api.console import pictures
from api.console.experiments import told
from api.console.frame import PLACE, form, page, pages, seen
from api.console.session import sees
from api.problems import Problem
from api.reports.known import report
from api.state import Config, Db
from store.errors import NoReport
from store.keys import Caller, Right
from store.reports.report import Asked
from store.runs import choices

router = pages("choices")

Looking = Annotated[Caller, sees(Right.READ)]
_STATE = TypeAdapter[States](States)
_LINES = 6  # that a picture tells apart
#: What is said once a switch is thrown.
DONE: dict[States, str] = {
    "learns": "It learns again: shares are worked out from the next hour on.",
    "frozen": "Frozen: shares stay as they are.",
    "fixed": "Fixed: everybody gets the author's own choice from now on.",
}


@router.get("")
async def overview(request: Request, _: Looking, config: Config, database: Db) -> Response:
    """Every choice."""
    found = [ChoiceView.of(row) for row in await newest(database)]
    return page(request, "choices", choices=found, now=config.clock.now())


@router.get("/{name}")
async def show(name: Name, request: Request, _: Looking, config: Config, database: Db) -> Response:
    """One of them."""
    now = config.clock.now()
    found = await detail(database, await known(database, name), now)
    drawn = _drawn(found)
    return page(
        request,
        "choice",
        choice=found,
        drawn=drawn,
        picture=pictures.stairs([(each.at, [each.shares[name] for name in drawn]) for each in found.shares], now),
        days=_days(found.shares),
        **await _against_own(found, database, now),
        frame=pictures,
        now=now,
    )


@router.post("/{name}/state")
async def switch(
    name: Name, request: Request, _: Annotated[Caller, sees(Right.OPERATE, "switch choice")], config: Config, database: Db
) -> Response:
    """Let it learn, keep its shares as they are, or give everybody the author's own choice."""
    await known(database, name)
    try:
        state = _STATE.validate_python((await form(request)).get("to"))
    except ValidationError:
        raise Problem(422, "say how it is to stand: learns, frozen or fixed", code="invalid-request") from None
    await choices.switch(database, name, state, config.clock.now())
    return seen(f"{PLACE}/choices/{name}", DONE[state])


def _drawn(found: ChoiceDetail) -> list[str]:
    """The options of which a picture has lines: the author's own, and those with the largest shares now."""
    if not found.shares:
        return []
    last = found.shares[-1].shares
    own, *others = (each.option for each in found.results)
    return [own, *sorted(others, key=lambda name: -last[name])[: _LINES - 1]]


def _days(hours: list[HourView]) -> list[HourView]:
    """The shares with which each day (UTC) ended."""
    return list({each.at.date(): each for each in hours}.values())


async def _against_own(found: ChoiceDetail, database: Db, now: datetime) -> dict[str, Any]:
    """What the report says of everybody whom it was decided for, against the control."""
    name = against_own(found)
    if name is None:
        return {"fixed": None, "findings": [], "arms": []}
    try:
        made = await report(database, "experiments", Asked.of(now, experiment=name))
    except NoReport:  # nobody was ever counted
        return {"fixed": name, "findings": [], "arms": []}
    return {"fixed": name, "findings": made.findings, "arms": told(made.table())}
