"""Tasks: what journeys ask people of the company to do, listed by whom and of what, given to others, escalated and done."""

from collections.abc import Mapping
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query, Request
from starlette.responses import Response

from api.auth import Of
from api.console.frame import PLACE, form, page, pages, read, seen
from api.console.session import sees
from api.cursors import cursor, cursor_after
from api.problems import Problem
from api.runs.tasks import Assignment, TaskDone, assign, complete, pending
from api.state import Config, Db
from store.keys import Caller, Right

router = pages("tasks")

_SHOWN = 50
_VALUE = "value."
_FLAGS = {"yes": True, "true": True, "no": False, "false": False}
_HERE = f"{PLACE}/tasks"


@router.get("")
async def overview(
    request: Request,
    caller: Annotated[Caller, sees(Right.READ, personal=True, of=Of.ITSELF)],
    config: Config,
    database: Db,
    journey: Annotated[str, Query(max_length=64)] = "",
    assignee: Annotated[str, Query(max_length=200)] = "",
    state: Literal["open", "done", "withdrawn"] = "open",
    after: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """What people are asked to do, oldest first: what is open, unless another state is asked for."""
    now = config.clock.now()
    chosen = {"journey": journey.strip() or None, "assignee": assignee.strip() or None, "state": state}
    found = await pending(database, now, caller, **chosen, after=cursor(after, UUID), limit=_SHOWN)
    return page(
        request,
        "tasks",
        tasks=found,
        next=cursor_after(found[-1].begun_at, found[-1].id) if len(found) == _SHOWN else None,
        chosen=chosen,
        journeys=[name for name in sorted(config.catalogue) if caller.has(name)],
        now=now,
    )


@router.post("/{task_id}/done")
async def done(
    task_id: UUID,
    request: Request,
    caller: Annotated[Caller, sees(Right.OPERATE, "complete task", of=Of.ITSELF)],
    config: Config,
    database: Db,
) -> Response:
    """A task is done, and how it went."""
    said = await form(request)
    body = read(TaskDone, {"outcome": said.get("outcome") or None, "values": _values(said)})
    await complete(config, database, task_id, body, caller)
    return seen(_HERE, "The task is done; its journey goes on.")


@router.post("/{task_id}/assignee")
async def give(
    task_id: UUID,
    request: Request,
    caller: Annotated[Caller, sees(Right.OPERATE, "assign task", of=Of.ITSELF)],
    config: Config,
    database: Db,
) -> Response:
    """Give a task to somebody, or to whom it would go when it is due."""
    said = await form(request)
    body = read(Assignment, {"escalate": True} if "escalate" in said else {"assignee": said.get("assignee", "")})
    await assign(config, database, task_id, body, caller)
    return seen(_HERE, "Somebody else has the task now.")


def _values(said: Mapping[str, str]) -> dict[str, bool | int | float]:
    """The numbers and flags that a form tells; what is left empty is not told."""
    told = {name.removeprefix(_VALUE): text for name, text in said.items() if name.startswith(_VALUE) and text}
    try:
        return {name: _FLAGS[text.lower()] if text.lower() in _FLAGS else _number(text) for name, text in told.items()}
    except ValueError:
        raise Problem(422, "a value of a task is a number, or yes or no", code="task-unlike") from None


def _number(text: str) -> int | float:
    return int(text) if text.lstrip("+-").isdecimal() else float(text)
