"""`journeys tasks`: what journeys ask people of the company to do; given to somebody else, escalated, done."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal
from uuid import UUID

import typer

from workers.cli.asked import fail, settings, with_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from rich.console import RenderableType

    from store import Database
    from store.runs.tasks import Task

tasks = typer.Typer(no_args_is_help=True, help="What journeys ask people of the company to do: listed, given to others, done.")
Id = Annotated[UUID, typer.Argument(help="The task, as `list` shows it.")]
Json = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]


@tasks.command("list")
def list_(
    assignee: Annotated[str | None, typer.Option(help="Only those that are with them.")] = None,
    journey: Annotated[str | None, typer.Option(help="Only those of this journey.")] = None,
    state: Annotated[str, typer.Option(help="open, done, withdrawn, or all.")] = "open",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, oldest first.")] = 100,
    as_json: Json = False,
) -> None:
    """Show what is asked of whom, oldest first, and until when."""
    from store.runs.tasks import list_tasks

    if state not in ("open", "done", "withdrawn", "all"):
        fail("--state is one of: open, done, withdrawn, all")
    now, of = settings().clock.now(), None if state == "all" else state
    found = with_database(lambda database: list_tasks(database, now, assignee=assignee, state=of, journey=journey, limit=limit))
    _show(found, as_json=as_json)


@tasks.command()
def show(id_: Id, as_json: Json = False) -> None:
    """One task, also one that is over."""
    now = settings().clock.now()
    _show([with_database(lambda database: _existing(database, id_, now))], as_json=as_json)


@tasks.command()
def assign(
    id_: Id,
    assignee: Annotated[str | None, typer.Option("--to", help="Who shall do it; left out: whoever its author said.")] = None,
    as_json: Json = False,
) -> None:
    """Give an open task to somebody else; it stays with them, also when it is due."""
    _give(id_, lambda _: assignee, as_json=as_json)


@tasks.command()
def escalate(id_: Id, as_json: Json = False) -> None:
    """Give an open task now to whom it would go when it is due."""
    _give(id_, lambda task: task.escalates_to or fail("this task goes on to nobody; `assign` it"), as_json=as_json)


@tasks.command()
def done(
    id_: Id,
    outcome: Annotated[
        str | None, typer.Option(help="One of its choices; where it has none, a note that stays with it.")
    ] = None,
    value: Annotated[list[str] | None, typer.Option(help="A number or flag that it declares, repeated: price=9.5")] = None,
    as_json: Json = False,
) -> None:
    """Say that a task is done, and how it went; its journey goes on."""
    from api.runs.tasks import asked_by, tell_done

    values, now = dict(_value(each) for each in value or ()), settings().clock.now()

    async def work(database: "Database") -> "Task":
        task = await _existing(database, id_, now)
        if unlike := asked_by(task).unlike(outcome, values):
            fail(unlike[1])
        if not await tell_done(database, task, outcome, values, now):
            fail(f"the task is {(await _existing(database, id_, now)).state}: nobody waits for it any more")
        return await _existing(database, id_, now)

    _show([with_database(work)], as_json=as_json)


def _give(id_: UUID, to: "Callable[[Task], str | None]", *, as_json: bool) -> None:
    from store.runs import tasks as rows

    now = settings().clock.now()

    async def work(database: "Database") -> "Task":
        task = await _existing(database, id_, now)
        if not await rows.assign(database, id_, to(task), now):
            fail(f"the task is {task.state}: nobody waits for it any more")
        return await _existing(database, id_, now)

    _show([with_database(work)], as_json=as_json)


async def _existing(database: "Database", id_: UUID, now: datetime) -> "Task":
    from store.runs.tasks import task_by_id

    return await task_by_id(database, id_, now) or fail(f"no task {id_}; `journeys tasks list --state all` shows them")


def _value(text: str) -> tuple[str, bool | int | float]:
    name, _, said = text.partition("=")
    flags: dict[str, Literal[True, False]] = {"true": True, "false": False}
    if said.lower() in flags:
        return name, flags[said.lower()]
    try:
        return name, int(said) if said.lstrip("+-").isdecimal() else float(said)
    except ValueError:
        fail(f"{text!r} is no value; write a number or a flag: --value price=9.5 --value glad=true")


def _show(found: "Sequence[Task]", *, as_json: bool) -> None:
    from workers.cli import tables

    def drawn(rows: "Sequence[Task]") -> "Iterable[RenderableType]":
        cells = [
            (
                *(
                    str(each.id),
                    each.title,
                    each.assignee,
                    each.state + (", late" if each.late and each.state == "open" else ""),
                ),
                *(
                    f"{each.due_at.astimezone(UTC):%Y-%m-%d %H:%M}" if each.due_at else "",
                    each.journey,
                    ", ".join(each.choices),
                ),
            )
            for each in rows
        ]
        heads = ("task", "what", "with", "state", "due (UTC)", "journey", "outcomes")
        return (
            [tables.Rows(heads, cells, sentences=frozenset({"what", "outcomes"}))]
            if cells
            else ["nobody is asked for anything"]
        )

    tables.show(list(found), drawn, as_json=as_json)
