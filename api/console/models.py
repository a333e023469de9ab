"""Predictions: all at a glance, and each with its card, pictures, models, customers by score and why; declared and asked for.

Promise: what stands here is what `GET /v1/models` says; customers are shown to who may see persons alone. What a card has is
drawn part by part (`model_parts.html`), and a part that it has not is left out.
"""

import json
from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import Response

from api.console import pictures
from api.console.frame import PLACE, form, page, pages, read, seen
from api.console.session import sees
from api.models.bodies import EXAMPLES, CheckedPrediction, PredictionBody, PredictionName
from api.models.declaring import approved, checked, deleted, listed, put
from api.models.looking import ask_for, customers, stands, waiting_for_approval
from api.models.routes import asked, in_detail
from api.models.views import ModelDetail
from api.problems import Fault, Problem
from api.segments.access import entries, insist_on_names
from api.state import Config, Db
from segments.ask.declared import declared
from segments.predictions.prediction import Prediction
from segments.predictions.reasons import MATTERS
from store import predictions
from store.keys import Caller, Right

_LARGE = 256 * 1024  # bytes of a form that declares
router = pages("models", most=_LARGE)

Looking = Annotated[Caller, sees(Right.READ)]
Band = Annotated[int | None, Query(ge=1, le=10, description="which tenth of the score")]
Sorted = Annotated[str | None, Query(max_length=100, description="into which kind customers are sorted")]
_SAMPLE = 10
_FEATURES = 20


@router.get("")
async def overview(request: Request, _: Looking, config: Config, database: Db) -> Response:
    """Every prediction."""
    now = config.clock.now()
    waiting = await waiting_for_approval(database)
    return page(request, "models", models=await stands(database, now), waiting=waiting, now=now)


@router.get("/build/new")
async def begin(
    request: Request,
    caller: Looking,
    config: Config,
    database: Db,
    copy: Annotated[str | None, Query(max_length=100)] = None,
    kind: Annotated[str, Query(max_length=100)] = Prediction.kind,
) -> Response:
    """A declaration to be written: an example of a kind, or one that there is, where the key could save it again."""
    said: dict[str, Any] = EXAMPLES.get(kind, EXAMPLES[Prediction.kind])
    if copy is not None:
        if (of := (await declared(database, config.predictions)).get(copy)) is not None:
            await insist_on_names(config, database, caller, of)
        said = (await in_detail(config, database, copy, caller)).declared or said
    return _form(request, json.dumps(said, indent=2, ensure_ascii=False))


@router.post("/build/new")
async def write(
    request: Request, caller: Annotated[Caller, sees(Right.OPERATE, "declare prediction")], config: Config, database: Db
) -> Response:
    """Look at what a declaration would come to, or declare it."""
    said = await form(request)
    text = said.get("declaration", "")
    try:
        body = _read(text)
        if said.get("step") != "declare":
            return _form(request, text, would=await checked(config, database, body, caller))
        done = await put(config, database, body.name or "", body, caller)
    except Problem as wrong:
        return _form(request, text, wrong=wrong)
    if done.waits_for_approval:
        return seen(f"{PLACE}/models", "Written down: it holds once somebody else approves it.")
    return seen(f"{PLACE}/models/{done.name}", "Declared.")


@router.get("/{name}")
async def show(
    name: PredictionName,
    request: Request,
    caller: Looking,
    config: Config,
    database: Db,
    band: Band = None,
    kind: Sorted = None,
) -> Response:
    """One of them; `band`, `kind`: with some customers of that tenth, or sorted into that kind."""
    found = await in_detail(config, database, name, caller)
    personal = caller.may(Right.PERSONAL)
    sample = None
    if personal and (band or kind):
        sample = await customers(database, config.predictions, name, _SAMPLE, band=band, kind=kind)
    return page(
        request,
        "model",
        model=found,
        **_drawn(found),
        versions=await listed(config, database, name, caller),
        asks=await ask_for(database, config.segments, entries(config), name),
        band=band,
        kind=kind,
        sample=sample,
        personal=personal,
        now=config.clock.now(),
    )


@router.post("/{name}/train")
async def train(
    name: PredictionName, _: Annotated[Caller, sees(Right.OPERATE, "train prediction")], config: Config, database: Db
) -> Response:
    """Have a model trained now."""
    await asked(config, database, name, predictions.ask_training)
    return seen(f"{PLACE}/models/{name}", "A model is trained as soon as the process that trains takes it up.")


@router.post("/{name}/score")
async def score(
    name: PredictionName, _: Annotated[Caller, sees(Right.OPERATE, "score prediction")], config: Config, database: Db
) -> Response:
    """Have customers scored now."""
    await asked(config, database, name, predictions.ask_scoring)
    return seen(f"{PLACE}/models/{name}", "Customers are scored as soon as the process that trains takes it up.")


@router.post("/{name}/approve")
async def approve(
    name: PredictionName, caller: Annotated[Caller, sees(Right.OPERATE, "approve prediction")], config: Config, database: Db
) -> Response:
    """Let the newest version of a declaration hold."""
    await approved(config, database, name, caller)
    return seen(f"{PLACE}/models/{name}", "Approved: it holds from now on.")


@router.post("/{name}/delete")
async def delete(
    name: PredictionName, caller: Annotated[Caller, sees(Right.OPERATE, "delete prediction")], config: Config, database: Db
) -> Response:
    """Take a prediction out of use."""
    await deleted(config, database, name, caller)
    return seen(f"{PLACE}/models", "Out of use: its scores go, and nobody trains it any more.")


def _drawn(found: ModelDetail) -> dict[str, Any]:
    """What the card of the model that scores has to show, by its parts."""
    champion = next((each for each in found.versions if each.state == "champion"), None)
    card = champion.card if champion else {}
    calibration = pictures.groups(card.get("measures", {}).get("calibration", []))
    weeks = pictures.weeks(found.outcomes)
    importance = card.get("importance", {})
    most = sorted(importance.items(), key=lambda each: -each[1])[:_FEATURES]
    matters = [(name, by) for name, by in most if by >= MATTERS]
    return {
        "card": card,
        "calibration": calibration,
        "calibrated": pictures.calibrated(calibration),
        "weeks": weeks,
        "drifting": pictures.drifting(weeks, card.get("tolerance", 0.05)),
        "little": sum(by < MATTERS for by in importance.values()),
        "matters": list(zip(matters, pictures.shares([by for _, by in matters]), strict=True)),
        "bands": list(zip(found.bands, pictures.shares(found.bands), strict=True)),
        "spread": list(zip(found.spread, pictures.shares(found.spread), strict=True)),
        "sizes": list(zip(found.sizes.items(), pictures.shares([*found.sizes.values()]), strict=True)),
        "frame": pictures,
    }


def _read(text: str) -> PredictionBody:
    """What stands in the form.

    Raises:
        Problem: 422, it is no JSON, or no declaration; with each place.
    """
    try:
        said = json.loads(text)
    except json.JSONDecodeError as error:
        told = f"line {error.lineno}, column {error.colno}: {error.msg}"
        raise Problem(422, f"this is no JSON: {told}", code="invalid-definition") from None
    except RecursionError:
        raise Problem(422, "this is nested too deeply", code="invalid-definition") from None
    if not isinstance(said, dict) or not said.get("name"):
        faults = [Fault(pointer="/name", detail="is missing")]
        raise Problem(422, 'a declaration is an object with a name: {"name": …}', code="invalid-definition", errors=faults)
    try:
        return read(PredictionBody, said)
    except RequestValidationError as error:
        faults = [
            Fault(pointer="/" + "/".join(str(step) for step in each["loc"][1:]), detail=each["msg"]) for each in error.errors()
        ]
        raise Problem(422, "the declaration cannot be used", code="invalid-definition", errors=faults) from None


def _form(request: Request, text: str, *, wrong: Problem | None = None, would: CheckedPrediction | None = None) -> Response:
    places = [(each, _at(text, each.pointer)) for each in wrong.errors] if wrong else []
    status = wrong.status if wrong else 200
    return page(
        request,
        "model_declare",
        status=status,
        text=text,
        wrong=wrong,
        places=places,
        would=would,
        examples={kind: each["name"] for kind, each in EXAMPLES.items()},
    )


def _at(text: str, pointer: str) -> str:
    """What stands at a place of the text, as far as there is something; a long one in part."""
    try:
        found = json.loads(text)
        for step in pointer.split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            found = found[int(name)] if isinstance(found, list) else found[name]
    except (ValueError, KeyError, IndexError, TypeError):
        return ""
    return json.dumps(found, ensure_ascii=False)[:500]
