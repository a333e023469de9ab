"""Starting from the console: one message to many, a journey for many, or for one customer; of many it is tried first.

Promise: each is the call of the API, with its rights and in the audit. What was tried carries an Idempotency-Key from there on,
so that it is made once however often it is sent.
"""

from collections.abc import Mapping
from io import BytesIO
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import Query, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import Response

from activities.channels.preview import TemplateKnown
from api.auth import Of, insist_on_journey
from api.campaigns.models import CampaignView, NewCampaign, Starts, Trial
from api.campaigns.routes import make_campaign, start_many, start_sheet
from api.config import ApiConfig
from api.console.fields import PARAM, Field, fields_of, params_in, plain_fields
from api.console.frame import PLACE, form, page, pages, read, seen
from api.console.session import sees
from api.console.templates import known_template
from api.problems import Problem, invalid
from api.runs.journeys import definition_of
from api.runs.models import JourneyName, StartRun
from api.runs.routes import start_run
from api.state import Config, Db
from journeys import JourneyDefinition
from segments.ask.overview import all_segments
from store import Database
from store.keys import Caller, Right
from store.lists import lists

#: Bytes of a form: some ten thousand rows.
_LARGE = 1024 * 1024
router = pages(most=_LARGE)
_MADE, _BACK = "make", "back"
#: What a form of many may say besides parameters.
_PLAIN = ("name", "message", "to", "rows", "when", "at", "per_second", "purpose", "hours")
Said = Mapping[str, str]
Starting = Annotated[Caller, sees(Right.START, "make campaign", of=Of.NAMED)]


@router.get("/campaigns/new")
async def letter(
    request: Request,
    caller: Annotated[Caller, sees(Right.OPERATE)],
    config: Config,
    database: Db,
    message: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    """One message to many: first which, then to whom and when."""
    return await _letter(request, config, database, caller, {"message": message})


@router.post("/campaigns/new")
async def send(
    request: Request, caller: Annotated[Caller, sees(Right.OPERATE, "make campaign")], config: Config, database: Db
) -> Response:
    """Try it, and tell what would come of it; make it, once that was seen."""
    said = await form(request)
    known = _template(config, said.get("message", ""))
    if said.get("step") == _BACK:
        return await _letter(request, config, database, caller, said)
    try:
        body = read(NewCampaign, _campaign(known, said))
        if said.get("step") == _MADE:
            return _begun(await make_campaign(body, Response(), caller, config, database, _key(said)))
        trial = await make_campaign(body.model_copy(update={"dry_run": True}), Response(), caller, config, database)
    except (Problem, RequestValidationError) as wrong:
        return await _letter(request, config, database, caller, said, _told(request, wrong))
    return _tried(request, config, f"{PLACE}/campaigns/new", said, trial, title=body.name, known=known)


@router.get("/campaigns/start")
async def which(request: Request, caller: Annotated[Caller, sees(Right.START, of=Of.ITSELF)], config: Config) -> Response:
    """Which journey shall be started for many."""
    found = [each for name, each in sorted(config.catalogue.items()) if caller.has(name)]
    return page(request, "start_which", journeys=[each.spec for each in found])


@router.get("/journeys/{journey}/start")
async def many(
    journey: JourneyName,
    request: Request,
    caller: Annotated[Caller, sees(Right.START, of=Of.NAMED)],
    config: Config,
    database: Db,
) -> Response:
    """A journey for many: whom, when, and its parameters."""
    return await _many(request, config, database, caller, definition_of(config, journey), {})


@router.post("/journeys/{journey}/start")
async def start(journey: JourneyName, request: Request, caller: Starting, config: Config, database: Db) -> Response:
    """Try it, and tell who would come in; start it, once that was seen."""
    said, definition = await form(request), definition_of(config, journey)
    if said.get("step") == _BACK:
        return await _many(request, config, database, caller, definition, said)
    try:
        sure = said.get("step") == _MADE
        body = read(Starts, _start(definition, said, sure=sure))
        asked = (Response(), caller, config, database, _key(said) if sure else None)
        if body.rows is None:
            made = await start_many(journey, body, *asked)
        else:
            made = await start_sheet(journey, BytesIO(said.get("rows", "").encode()), body, *asked)
        if sure:
            return _begun(made)
    except (Problem, RequestValidationError) as wrong:
        return await _many(request, config, database, caller, definition, said, _told(request, wrong))
    return _tried(request, config, f"{PLACE}/journeys/{journey}/start", said, made, title=journey, known=None)


@router.get("/customers/{customer_id}/start")
async def one(
    customer_id: UUID,
    request: Request,
    caller: Annotated[Caller, sees(Right.START, of=Of.ITSELF)],
    config: Config,
    journey: Annotated[str, Query(max_length=64)],
) -> Response:
    """A journey for one customer."""
    return _one(request, customer_id, _allowed(config, caller, journey), {"key": str(uuid4())})


@router.post("/customers/{customer_id}/start")
async def start_one(
    customer_id: UUID,
    request: Request,
    caller: Annotated[Caller, sees(Right.START, "start run", of=Of.ITSELF)],
    config: Config,
    database: Db,
) -> Response:
    """Start it; the journey's own rules say whether they come in."""
    said = await form(request)
    definition = _allowed(config, caller, said.get("journey", ""))
    try:
        entry = Field("entry", "json").read(said["entry"]) if said.get("entry") else {}
        told = {
            "customer": {"id": str(customer_id)},
            "params": params_in(_fields(definition), said),
            "key": said.get("entered_key") or None,
            "entry": entry,
        }
        body = read(StartRun, told)
        run = await start_run(definition.name, body, Response(), caller, config, database, _key(said))
    except (Problem, RequestValidationError) as wrong:
        return _one(request, customer_id, definition, said, _told(request, wrong))
    return seen(f"{PLACE}/runs/{run.id}", "Started: it begins within a moment.")


def _allowed(config: ApiConfig, caller: Caller, journey: str) -> JourneyDefinition:
    """A journey that the caller may start.

    Raises:
        Problem: 404, there is none; 403, the caller's key is held to others.
    """
    definition = definition_of(config, journey)
    insist_on_journey(caller, journey)
    return definition


def _fields(definition: JourneyDefinition) -> list[Field]:
    return fields_of(definition.params.model_json_schema()) if definition.params else []


def _template(config: ApiConfig, message: str) -> TemplateKnown:
    channel, _, template = message.partition("/")
    return known_template(config, channel, template)


def _campaign(known: TemplateKnown, said: Said) -> dict[str, Any]:
    """What the form of a campaign says, as the call takes it; what it does not ask is left to the call's defaults."""
    message = {
        "channel": known.channel,
        "template": known.template,
        "params": params_in(plain_fields(known.params), said),
        "purpose": said.get("purpose") or "marketing",
    }
    if hours := said.get("hours"):
        message["useless_after"] = f"PT{hours}H"
    return {"name": said.get("name", ""), "to": _to(said), "message": message} | _when(said)


def _start(definition: JourneyDefinition, said: Said, *, sure: bool) -> dict[str, Any]:
    """What the form of a start says, as the call takes it; rows that are pasted are read as a file."""
    to: dict[str, Any] = {"rows": []} if said.get("to", "rows") == "rows" else _to(said)
    return to | {"params": params_in(_fields(definition), said), "dry_run": not sure} | _when(said)


def _to(said: Said) -> dict[str, str]:
    kind, _, name = said.get("to", "").partition(":")
    return {kind: name} if kind in ("segment", "list") else {}


def _when(said: Said) -> dict[str, Any]:
    """When, and how fast.

    Raises:
        Problem: 422, a time is to be said, and is not.
    """
    told: dict[str, Any] = {"per_second": said["per_second"]} if said.get("per_second") else {}
    if (how := said.get("when", "now")) == "now":
        return told
    if not (at := said.get("at")):
        raise Problem(422, "say at which time, or choose at once", code="invalid-request")
    return told | ({"at": at, "in_their_zone": True} if how == "theirs" else {"at": f"{at}Z"})


def _key(said: Said) -> str:
    """The Idempotency-Key that a form carries.

    Raises:
        Problem: 422, it has none: nobody saw what would come of it.
    """
    if not (key := said.get("key", "")[:200]):
        raise Problem(422, "nothing was started: look first at what would come of it", code="not-confirmed")
    return key


def _told(request: Request, wrong: Problem | RequestValidationError) -> Problem:
    return wrong if isinstance(wrong, Problem) else invalid(request, wrong)


def _begun(made: CampaignView | Trial) -> Response:
    assert isinstance(made, CampaignView), "it was not tried"
    return seen(f"{PLACE}/campaigns/{made.id}", "It is made; here stands how far it is.")


async def _choices(config: ApiConfig, database: Database, caller: Caller, own: str | None = None) -> dict[str, Any]:
    """To whom one may write: every segment that is looked after, and every list; who is held to journeys, to those of these."""
    if caller.journeys:
        return {"segments": [own] if own else [], "lists": []}
    known = (await all_segments(database, config.segments)).known
    return {"segments": sorted(known), "lists": [each.name for each in await lists(database)]}


async def _letter(
    request: Request, config: ApiConfig, database: Database, caller: Caller, said: Said, wrong: Problem | None = None
) -> Response:
    known = _template(config, said["message"]) if said.get("message") else None
    return page(
        request,
        "start_letter",
        status=wrong.status if wrong else 200,
        templates=config.templates,
        known=known,
        fields=plain_fields(known.params) if known else [],
        filled=_plain(said),
        wrong=wrong,
        now=config.clock.now(),
        **await _choices(config, database, caller),
    )


async def _many(
    request: Request,
    config: ApiConfig,
    database: Database,
    caller: Caller,
    definition: JourneyDefinition,
    said: Said,
    wrong: Problem | None = None,
) -> Response:
    return page(
        request,
        "start_many",
        status=wrong.status if wrong else 200,
        journey=definition.spec,
        takes_entry=definition.spec.entry_model is not None,
        fields=_fields(definition),
        filled=_plain(said),
        wrong=wrong,
        now=config.clock.now(),
        **await _choices(config, database, caller, definition.spec.entered_by),
    )


def _one(request: Request, customer: UUID, definition: JourneyDefinition, said: Said, wrong: Problem | None = None) -> Response:
    return page(
        request,
        "start_one",
        status=wrong.status if wrong else 200,
        customer=customer,
        journey=definition.spec,
        takes_entry=definition.spec.entry_model is not None,
        fields=_fields(definition),
        filled=said,
        wrong=wrong,
    )


def _tried(
    request: Request,
    config: ApiConfig,
    address: str,
    said: Said,
    trial: CampaignView | Trial,
    *,
    title: str,
    known: TemplateKnown | None,
) -> Response:
    return page(
        request,
        "start_tried",
        address=address,
        title=title,
        trial=trial,
        known=known,
        kept=_plain(said),
        values={name.removeprefix(PARAM): text for name, text in said.items() if name.startswith(PARAM) and text},
        key=uuid4(),
        approved=config.approve_campaigns,
    )


def _plain(said: Said) -> dict[str, str]:
    """What a form has said, to be said again."""
    return {name: text for name, text in said.items() if text and (name in _PLAIN or name.startswith(PARAM))}
