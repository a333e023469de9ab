"""A journey: its map with who is where, what became of its messages and runs, its rules and versions, and its switch."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any

from fastapi import Request
from markupsafe import Markup
from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response

from activities.channels.kinds import silent_providers
from api.auth import Of
from api.choices.views import newest
from api.config import ApiConfig
from api.console import maps
from api.console.frame import PLACE, form, language_of, number, page, pages, told, word
from api.console.frame import seen as to_page
from api.console.session import sees
from api.problems import Problem
from api.runs.journeys import State, known, seen, throw
from api.runs.models import JourneyName, RunView, views
from api.state import Config, Db
from journeys.walk.graph import Graph
from store import Database, report, versions
from store.keys import Caller, Right
from store.reports.funnel import funnel
from store.reports.report import Asked, Cell
from store.runs import lists

router = pages("journeys")

#: Of so many that came last it is told where they are and how it ended: a page counts nothing without an end.
LATEST = 5_000
_SHOWN = 10  # runs
_STATE = TypeAdapter[State](State)
#: What is said in the box of a message; and of one that stands at several places, in its first box and in the others.
_ALONE, _JOINT = "{sent} sent · {people} are here", "{sent} sent · {people} here, at {places} places"
_ELSEWHERE = "counted at its first place"
#: What stands between several answers of an edge, and between two times of a node.
_JOINED = re.compile(r"( or | and | to )")
#: What is said once a switch is thrown.
DONE: Mapping[State, str] = {
    "live": "Live again: what waited is asked again, so many a second.",
    "paused": "Paused: messages wait from now on.",
    "killed": "Stopped: whoever was in is over, and nobody comes in.",
}

Looking = Annotated[Caller, sees(Right.READ, of=Of.NAMED)]


@dataclass(frozen=True, slots=True)
class Numbers:
    """What the sums and the last entries say of a journey; nothing of one in which nobody ever was."""

    steps: list[dict[str, Cell]] = field(default_factory=list)
    reasons: list[dict[str, Cell]] = field(default_factory=list)
    before: int = 0
    converted_before: int = 0


@router.get("/{journey}")
async def show(journey: JourneyName, request: Request, caller: Looking, config: Config, database: Db) -> Response:
    """One journey."""
    await known(config, database, journey)
    (view,) = await seen(config, database, caller, name=journey)
    numbers = await _numbers(config, database, journey)
    graph = await maps.graph(config.catalogue[journey]) if journey in config.catalogue else None
    return page(
        request,
        "journey",
        journey=view,
        map=_map(request, graph, numbers) if graph else None,
        ends="; ".join(word(language_of(request), each) for each in graph.ends.split("; ")) if graph else "",
        joint=graph is not None and any(len(nodes) > 1 for nodes in maps.places(graph).values()),
        numbers=numbers,
        endings=await report.endings(database, journey, LATEST),
        refusals=await report.refusals(database, journey, LATEST),
        versions=await versions.people_in(database, journey, LATEST),
        runs=await _runs(config, database, journey),
        failing=await _runs(config, database, journey, "failing") if view.failing_runs else [],
        choices=[each for each in await newest(database) if each.journey == journey],
        latest=LATEST,
        now=config.clock.now(),
    )


@router.post("/{journey}/state")
async def switch(
    journey: JourneyName,
    request: Request,
    caller: Annotated[Caller, sees(Right.OPERATE, "switch journey", of=Of.NAMED)],
    config: Config,
    database: Db,
) -> Response:
    """Pause it, let it live, or stop all who are in it."""
    await known(config, database, journey)
    state = wanted(await form(request))
    await throw(config, database, journey, state, caller.name)
    return to_page(f"{PLACE}/journeys/{journey}", DONE[state])


def wanted(said: Mapping[str, str]) -> State:
    """How a switch is to stand, as a form says.

    Raises:
        Problem: 422, it says nothing of that.
    """
    try:
        return _STATE.validate_python(said.get("to"))
    except ValidationError:
        raise Problem(422, "say how it is to stand: live, paused or killed", code="invalid-request") from None


async def _numbers(config: ApiConfig, database: Database, journey: str) -> Numbers:
    asked = Asked.of(config.clock.now(), journey=journey)
    found = await funnel(database, asked, silent=silent_providers(), people=LATEST)
    first, *steps = found.table("steps").dicts()
    return Numbers(steps, found.table("reasons").dicts(), _whole(first["people_now"]), _whole(first["converted"]))


def _whole(cell: Cell) -> int:
    return cell if isinstance(cell, int) else 0


def _map(request: Request, graph: Graph, numbers: Numbers) -> Markup:
    """The map of a journey, with what the numbers say of its messages; of one at several places once, for all of them."""
    language = language_of(request)

    def said(text: str, **values: Any) -> str:
        return told(language, text, **{name: number(language, value) for name, value in values.items()})

    stands, notes = maps.places(graph), dict[str, str]()
    for row in numbers.steps:
        first, *others = stands.get(str(row["step"]), [""])
        counted = {"sent": row["sent"], "people": row["people_now"]}
        notes[first] = said(_JOINT, **counted, places=1 + len(others)) if others else said(_ALONE, **counted)
        notes |= dict.fromkeys(others, said(_ELSEWHERE))
    before = said("{people} before the first message", people=numbers.before) if numbers.before else ""
    return maps.drawn(graph, notes, before, partial(word, language), partial(_each, language))


def _each(language: str, text: str) -> str:
    """Several answers of an edge, or times of a node, each as a word of ours where it is one."""
    parts = _JOINED.split(text)
    return "".join(told(language, part) if _JOINED.fullmatch(part) else word(language, part) for part in parts)


async def _runs(config: ApiConfig, database: Database, journey: str, status: lists.Status | None = None) -> list[RunView]:
    found = await lists.list_runs(database, lists.Wanted(journey=journey, status=status), limit=_SHOWN)
    return await views(config, database, found)
