"""`journeys starts message`: one message to everybody in a segment or on a list."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.cli.asked import fail, needs_approval, settings, whoever
from workers.cli.campaigns.commands import At, DryRun, InTheirZone, PerSecond, instant, show_one, told_of
from workers.cli.segments.asked import Asked, Json

if TYPE_CHECKING:
    from api.campaigns.models import NewCampaign

_RULES = """What else holds of it, as JSON: '{"holdout": 0.1, "quiet_hours": null, "params": {"code": "X"}}'."""


def message(
    name: Annotated[str, typer.Argument(help="What the campaign is called: small letters, digits and hyphens.")],
    channel: Annotated[str, typer.Option(help="push, web_push, in_app, whatsapp, email, sms or wallet.")],
    template: Annotated[str, typer.Option(help="The template, as in the catalogue.")],
    segment: Annotated[str | None, typer.Option(help="Who is in this segment as it begins.")] = None,
    list_name: Annotated[str | None, typer.Option("--list", help="Who is on this list as it begins.")] = None,
    rules: Annotated[str, typer.Option(help=_RULES)] = "{}",
    at: At = None,
    in_their_zone: InTheirZone = False,
    per_second: PerSecond = None,
    cron: Annotated[str | None, typer.Option(help="Again and again: minute, hour, day, month, weekday.")] = None,
    zone: Annotated[str, typer.Option(help="By the clocks of which zone, with --cron.")] = "UTC",
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Send one message to everybody in a segment or on a list, past the gate: consent, caps, quiet hours, holdout."""
    if (segment is None) is (list_name is None):
        fail("say --segment or --list")
    said: dict[str, Any] = {
        "name": name,
        "to": {"segment": segment} if segment else {"list": list_name},
        "message": {"channel": channel, "template": template} | _object(rules),
        "at": instant(at, in_their_zone=in_their_zone),
        "in_their_zone": in_their_zone,
        "per_second": per_second,
        "repeat": {"cron": cron, "zone": zone} if cron else None,
    }

    async def work(asked: Asked) -> dict[str, Any]:
        from api.campaigns.making import attempt, make, of_message

        body = _body(said)
        await _insist_on_known(asked, body)
        new = of_message(body, asked.now, whoever(), needs_approval=needs_approval())
        if dry_run:
            of, found = (settings().clock, asked.database, new, body.message), asked.catalogue
            trial = await attempt(*of, catalogue=found.segments, predictions=found.predictions)
            return trial.model_dump(mode="json")
        return await told_of(asked, await make(asked.database, new))

    show_one(work, as_json=as_json)


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        fail(f"--rules is no JSON: {error}")
    return found if isinstance(found, dict) else fail('--rules is a JSON object, such as {"holdout": 0.1}')


def _body(said: dict[str, Any]) -> "NewCampaign":
    from pydantic import ValidationError

    from api.campaigns.models import NewCampaign

    try:
        return NewCampaign.model_validate(said)
    except ValidationError as error:
        fail("; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors(include_input=False)))


async def _insist_on_known(asked: Asked, body: "NewCampaign") -> None:
    """Make sure that there is such a segment or list, and such a template."""
    from api.campaigns.making import insist_on_params
    from api.problems import Problem
    from store.lists import lists
    from workers.definitions import load_definitions, templates_in

    if body.to.segment is not None:
        await asked.one(body.to.segment)
    elif body.to.list not in {each.name for each in await lists(asked.database)}:
        fail(f"no list {body.to.list!r}; `journeys lists list` shows those that there are")
    _, templates = load_definitions(asked.catalogue.module, doubts=False)
    if (body.message.channel, body.message.template) not in templates.found:
        known = sorted(name for channel, name in templates.found if channel == body.message.channel)
        fail(f"no {body.message.channel.value} template {body.message.template!r}; there are: {', '.join(known) or 'none'}")
    try:
        insist_on_params(templates_in(asked.catalogue, templates, {}), body.message)
    except Problem as error:
        fail(error.detail)
