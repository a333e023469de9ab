"""Human tasks: what journeys ask people of the company to do, and the answer that they wait for."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.auth import Of, PersonReader, insist_on_journey, may, schemes
from api.cursors import cursor, cursor_after
from api.problems import Fault, Problem, responses
from api.runs.models import Model, Text
from api.state import Config, Db
from journeys.heard import OfPeople
from store import Database, audit
from store.keys import Caller, Right
from store.runs import tasks as rows
from store.runs.tasks import Task

router = APIRouter(prefix="/v1/tasks", tags=["journeys"], dependencies=schemes())


class TaskView(BaseModel):
    """What somebody is asked to do."""

    id: UUID
    title: str
    assignee: str = Field(description="who has it now: once it is due, whom it escalates to")
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


@router.get("", responses=responses(400, 401, 403, 422, 503))
async def list_tasks(
    _: PersonReader,
    config: Config,
    database: Db,
    assignee: Annotated[str | None, Query(max_length=200, description="who has it now")] = None,
    state: Annotated[Literal["open", "done", "withdrawn"] | None, Query()] = "open",
    after: Annotated[str | None, Query(max_length=200, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> TaskPage:
    """What people are asked to do, oldest first."""
    place = cursor(after, UUID)
    found = await rows.list_tasks(database, config.clock.now(), assignee=assignee, state=state, after=place, limit=limit)
    more = cursor_after(found[-1].begun_at, found[-1].id) if len(found) == limit else None
    return TaskPage(tasks=[_view(task) for task in found], next=more)


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
    now = config.clock.now()
    task = await _existing(database, task_id, now, caller)
    asked = OfPeople(title=task.title, to=task.assignee, choices=tuple(task.choices), values=tuple(task.values))
    if unlike := asked.unlike(body.outcome, body.values):
        where, what = unlike
        raise Problem(422, what, code="task-unlike", errors=[Fault(pointer=where, detail=what)])
    note = None if task.choices else body.outcome
    async with database.transaction() as connection:
        if not await rows.complete(connection, task_id, asked.told(body.outcome, body.values), note, now):
            state = (await _existing(database, task_id, now, caller)).state
            raise Problem(409, f"the task is {state}: nobody waits for it any more", code="task-over")
        fields = {"outcome", *body.values} if body.outcome is not None else {*body.values}
        await audit.note(connection, "complete", "task", task_id, customer=task.customer_id, fields=fields)
    return _view(await _existing(database, task_id, now, caller))


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
