"""Human tasks: what journeys ask people of the company to do, to whom they are given, and the answer that is waited for."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, model_validator

from api.auth import Of, insist_on_journey, may, schemes
from api.config import ApiConfig
from api.cursors import cursor, cursor_after
from api.problems import Fault, Problem, responses
from api.runs.models import Model, Text
from api.state import Config, Db
from journeys.heard import OfPeople
from store import Database
from store.keys import Caller, Right
from store.runs import tasks as rows
from store.runs.tasks import Task

router = APIRouter(prefix="/v1/tasks", tags=["journeys"], dependencies=schemes())


class TaskView(BaseModel):
    """What somebody is asked to do."""

    id: UUID
    title: str
    assignee: str = Field(description="who has it now: whom somebody gave it to, else, once it is due, whom it escalates to")
    escalates_to: str | None = Field(description="to whom it goes when it is due and not done")
    state: Literal["open", "done", "withdrawn"] = Field(description="withdrawn: its journey does not wait for it any more")
    late: bool
    choices: list[str] = Field(description="the outcomes that may be told; none: any, or none at all")
    values: list[str] = Field(description="the numbers and flags that may be told")
    outcome: str | None
    run_id: UUID
    journey: str
    customer_id: UUID
    begun_at: datetime
    due_at: datetime | None
    done_at: datetime | None


class TaskPage(BaseModel):
    """Some tasks, oldest first."""

    tasks: list[TaskView]
    next: str | None = Field(description="`after` of the next page; none when this is the last")


class TaskDone(Model):
    """How it went."""

    outcome: Text | None = Field(
        default=None,
        description="one of the task's choices; where it has none, a note that stays with the task",
        examples=["reached"],
    )
    values: dict[Text, bool | int | float] = Field(
        default_factory=dict, max_length=20, description="the numbers and flags that the task declares"
    )


class Assignment(Model):
    """Who is to do it."""

    assignee: Text | None = Field(default=None, description="null: whoever its author said", examples=["olga"])
    escalate: bool = Field(default=False, description="whoever it would go on to when it is due, now")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.escalate is ("assignee" in self.model_fields_set):
            raise ValueError("name either an assignee, or escalate")
        return self


@router.get("", responses=responses(400, 401, 403, 422, 503))
async def list_tasks(
    caller: Annotated[Caller, may(Right.READ, personal=True, of=Of.NAMED)],
    config: Config,
    database: Db,
    journey: Annotated[str | None, Query(max_length=64, description="of this journey alone")] = None,
    assignee: Annotated[str | None, Query(max_length=200, description="who has it now")] = None,
    state: Annotated[Literal["open", "done", "withdrawn"] | None, Query()] = "open",
    after: Annotated[str | None, Query(max_length=200, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> TaskPage:
    """What people are asked to do, oldest first."""
    place, now = cursor(after, UUID), config.clock.now()
    found = await pending(database, now, caller, journey=journey, assignee=assignee, state=state, after=place, limit=limit)
    return TaskPage(tasks=found, next=cursor_after(found[-1].begun_at, found[-1].id) if len(found) == limit else None)


@router.get("/{task_id}", responses=responses(401, 403, 404, 422, 503))
async def get_task(
    task_id: UUID, caller: Annotated[Caller, may(Right.READ, personal=True, of=Of.ITSELF)], config: Config, database: Db
) -> TaskView:
    """One task."""
    return _view(await _existing(database, task_id, config.clock.now(), caller))


@router.post("/{task_id}/done", responses=responses(401, 403, 404, 409, 422, 503))
async def complete_task(
    task_id: UUID,
    body: TaskDone,
    caller: Annotated[Caller, may(Right.OPERATE, "complete task", of=Of.ITSELF)],
    config: Config,
    database: Db,
) -> TaskView:
    """Say that a task is done, and how it went; its journey goes on within a tick of the watch."""
    return await complete(config, database, task_id, body, caller)


@router.put("/{task_id}/assignee", responses=responses(401, 403, 404, 409, 422, 503))
async def assign_task(
    task_id: UUID,
    body: Assignment,
    caller: Annotated[Caller, may(Right.OPERATE, "assign task", of=Of.ITSELF)],
    config: Config,
    database: Db,
) -> TaskView:
    """Give an open task to somebody else, also at once to whom it would go when it is due; it stays with them then."""
    return await assign(config, database, task_id, body, caller)


async def pending(
    database: Database,
    now: datetime,
    caller: Caller,
    *,
    journey: str | None = None,
    assignee: str | None = None,
    state: str | None = "open",
    after: tuple[datetime, UUID] | None = None,
    limit: int,
) -> list[TaskView]:
    """What people are asked to do, oldest first, of a journey or of all that the caller may deal with.

    Raises:
        Problem: 403, the caller's key is held to other journeys.
    """
    if journey is not None:
        insist_on_journey(caller, journey)
    among: list[str | None] = [journey] if journey is not None else [*sorted(caller.journeys)] or [None]
    found: list[Task] = []
    for each in among:
        found += await rows.list_tasks(database, now, assignee=assignee, state=state, journey=each, after=after, limit=limit)
    return [_view(task) for task in sorted(found, key=lambda task: (task.begun_at, task.id))[:limit]]


async def complete(config: ApiConfig, database: Database, task_id: UUID, body: TaskDone, caller: Caller) -> TaskView:
    """A task is done, and so it went.

    Raises:
        Problem: 404, there is none; 403, it is of another journey; 409, nobody waits for it; 422, it declares no such answer.
    """
    now = config.clock.now()
    task = await _existing(database, task_id, now, caller)
    if unlike := asked_by(task).unlike(body.outcome, body.values):
        where, what = unlike
        raise Problem(422, what, code="task-unlike", errors=[Fault(pointer=where, detail=what)])
    if not await tell_done(database, task, body.outcome, body.values, now):
        raise await _over(database, task_id, now, caller)
    return _view(await _existing(database, task_id, now, caller))


def asked_by(task: Task) -> OfPeople:
    """What its author asks for."""
    return OfPeople(title=task.title, to=task.assignee, choices=tuple(task.choices), values=tuple(task.values))


async def tell_done(
    database: Database, task: Task, outcome: str | None, values: Mapping[str, bool | int | float], now: datetime
) -> bool:
    """Whether a task was open, and is done now; what is said of it is like what `asked_by` declares."""
    note = None if task.choices else outcome
    fields = {"outcome", *values} if outcome is not None else {*values}
    return await rows.complete(database, task.id, asked_by(task).told(outcome, values), note, now, fields)


async def assign(config: ApiConfig, database: Database, task_id: UUID, body: Assignment, caller: Caller) -> TaskView:
    """An open task goes to somebody else.

    Raises:
        Problem: 404, there is none; 403, it is of another journey; 409, nobody waits for it, or it goes on to nobody.
    """
    now = config.clock.now()
    task = await _existing(database, task_id, now, caller)
    if body.escalate and task.escalates_to is None:
        raise Problem(409, "this task goes on to nobody; name an assignee", code="no-escalation")
    if not await rows.assign(database, task_id, task.escalates_to if body.escalate else body.assignee, now):
        raise await _over(database, task_id, now, caller)
    return _view(await _existing(database, task_id, now, caller))


async def _over(database: Database, task_id: UUID, now: datetime, caller: Caller) -> Problem:
    state = (await _existing(database, task_id, now, caller)).state
    return Problem(409, f"the task is {state}: nobody waits for it any more", code="task-over")


async def _existing(database: Database, id_: UUID, at: datetime, caller: Caller) -> Task:
    task = await rows.task_by_id(database, id_, at)
    if task is None:
        raise Problem(404, f"no task {id_}", code="unknown-task")
    insist_on_journey(caller, task.journey)
    return task


def _view(task: Task) -> TaskView:
    outcome = task.answer.get("outcome", task.note)
    return TaskView(
        id=task.id,
        title=task.title,
        assignee=task.assignee,
        escalates_to=task.escalates_to,
        state=task.state,
        late=bool(task.late) and task.state == "open",
        choices=task.choices,
        values=task.values,
        outcome=None if outcome is None else str(outcome),
        run_id=task.run_id,
        journey=task.journey,
        customer_id=task.customer_id,
        begun_at=task.begun_at,
        due_at=task.due_at,
        done_at=task.done_at,
    )
