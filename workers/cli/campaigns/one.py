"""`journeys starts one`: a journey started for one customer, as `POST /v1/journeys/{journey}/runs` starts it."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from workers.cli.asked import InJson, fail, say, settings
from workers.cli.campaigns.commands import Journey, definition_in
from workers.cli.segments.asked import Asked, ask

if TYPE_CHECKING:
    from uuid import UUID


def one(
    journey: Journey,
    customer: Annotated[str, typer.Argument(metavar="USER", help="The customer's userId, or what --by says.")],
    param: Annotated[list[str] | None, typer.Option(help="A parameter, repeated: route=push, score=7, glad=true.")] = None,
    entry: Annotated[list[str] | None, typer.Option(help="A property of the entering event, repeated: name=boots.")] = None,
    key: Annotated[str | None, typer.Option(help="Of journeys that enter per key: which cart, order, …")] = None,
    once: Annotated[str | None, typer.Option(help="A name for this start: said again, it starts nothing more.")] = None,
    by: Annotated[Literal["user_id", "anonymous_id", "id"], typer.Option(help="What USER is.")] = "user_id",
    as_json: InJson = False,
) -> None:
    """Start a journey for one customer; its re-entry rule is kept, and it begins within a moment."""
    body = {"customer": {by: customer}, "params": _values(param), "entry": _values(entry), "key": key}
    run = ask(lambda asked: _started(asked, journey, body, once))
    say({"run": run, "journey": journey}, f"{journey}: run {run} is started", as_json=as_json)


def _values(given: list[str] | None) -> dict[str, Any]:
    return dict(_value(each) for each in given or ())


def _value(text: str) -> tuple[str, Any]:
    """A value as JSON has it, else as text."""
    import orjson

    name, equals, said = text.partition("=")
    if not name or not equals:
        fail(f"{text!r} is no value; write route=push")
    try:
        return name, orjson.loads(said)
    except orjson.JSONDecodeError:
        return name, said


async def _started(asked: Asked, journey: str, given: dict[str, Any], once: str | None) -> "UUID":
    from pydantic import ValidationError

    from api import ApiConfig
    from api.problems import Problem
    from api.runs.models import StartRun
    from api.runs.starts import accepted, open_run, refused
    from journeys.entry import NewRun, Refused

    customer = next(iter(given["customer"].values()))
    if journey not in asked.catalogue.journeys and customer in asked.catalogue.journeys:
        fail(f"{customer!r} is a journey, which comes first: `journeys starts one {customer} {journey}`")
    definition, here = definition_in(asked, journey), ApiConfig(dsn="", clock=settings().clock)
    try:
        body = StartRun.model_validate(given)
        params = accepted(definition, body)
        async with asked.database.transaction() as connection:
            started = await open_run(connection, here, definition, body, params, once)
    except ValidationError as error:
        fail("; ".join(f"{'/'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()))
    except Problem as problem:
        fail(problem.detail)
    if isinstance(started, Refused):
        fail(refused(journey, started).detail)
    return started.id if isinstance(started, NewRun) else started
