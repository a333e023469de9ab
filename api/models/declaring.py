"""Predictions that product teams declare: tried, declared as JSON, approved by somebody else, taken out of use (ML-15).

Promise: a declaration that was answered with success is taken up by every process within seconds, without a restart, and
survives one; where it waits for approval, nothing changes before that.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import APIRouter, Response

from api.auth import Reader, may, schemes
from api.config import ApiConfig
from api.models.bodies import CheckedPrediction, DeclarationPage, DeclarationView, DeclaredView, PredictionBody, PredictionName
from api.problems import Fault, Problem, responses
from api.segments.access import answering, hidden, insist_on_names
from api.state import Config, Db
from segments import DefinitionError
from segments.define.foretelling import approve, declare, tried, undeclare
from segments.language.names import named_in
from segments.predictions.declared import Declared
from segments.predictions.wire import declared_from_json
from store import Database
from store.keys import Caller, Right
from store.segments.declarations import versions

router = APIRouter(prefix="/v1", tags=["segments"], dependencies=schemes())

#: What an error names: the prediction, a part of it, and what within that.
_PLACE = re.compile(r"prediction (?:'[^']*'|None)(?:, (?P<part>\w+)(?: '[^']*')?)?(?P<rest>[^:]*)")
_STEP = re.compile(r"[^.\[\]]+")
_CALL = re.compile(r"\w+\(.*")


@router.post("/models/check", responses=responses(401, 403, 409, 422, 503))
async def check_prediction(body: PredictionBody, caller: Reader, config: Config, database: Db) -> CheckedPrediction:
    """Whether a declaration can be used, what it means, of how many customers it is, and whether there is enough to train by.

    Nothing is saved, and nobody is counted for a key that may not be shown personal data.
    """
    return await checked(config, database, body, caller)


@router.put(
    "/models/{name}",
    responses={
        201: {"model": DeclaredView, "description": "there was none of that name"},
        **responses(401, 403, 409, 422, 503),
    },
)
async def put_prediction(
    name: PredictionName,
    body: PredictionBody,
    response: Response,
    caller: Annotated[Caller, may(Right.OPERATE, "declare prediction")],
    config: Config,
    database: Db,
) -> DeclaredView:
    """Declare a prediction, or change one: a new model is trained where it means something else, and customers are scored."""
    done = await put(config, database, name, body, caller)
    response.status_code = 201 if done.new else 200
    return done


@router.post("/models/{name}/approve", responses=responses(401, 403, 404, 409, 422, 503))
async def approve_prediction(
    name: PredictionName, caller: Annotated[Caller, may(Right.OPERATE, "approve prediction")], config: Config, database: Db
) -> DeclarationView:
    """Let the newest version of a declaration hold, with another key than the one that wrote it."""
    return await approved(config, database, name, caller)


@router.delete("/models/{name}", status_code=204, responses=responses(401, 403, 404, 409, 503))
async def delete_prediction(
    name: PredictionName, caller: Annotated[Caller, may(Right.OPERATE, "delete prediction")], config: Config, database: Db
) -> None:
    """Take a prediction out of use: it is trained and scored no more, and its scores go. 409 while something asks for it."""
    await deleted(config, database, name, caller)


@router.get("/models/{name}/declarations", responses=responses(401, 403, 404, 503))
async def list_declarations(name: PredictionName, caller: Reader, config: Config, database: Db) -> DeclarationPage:
    """The versions of a declaration that was made by API, newest first: what each said, by whom, and which of them holds."""
    if not (found := await listed(config, database, name, caller)):
        raise _unknown(name)
    return DeclarationPage(versions=found)


async def listed(config: ApiConfig, database: Database, name: str, caller: Caller) -> list[DeclarationView]:
    """The versions of a declaration, newest first; none where it was not made by API."""
    return DeclarationPage.of(await versions(database, name), hidden(config, caller)).versions


async def checked(config: ApiConfig, database: Database, body: PredictionBody, caller: Caller) -> CheckedPrediction:
    """What would come of a declaration; nobody is counted for who may not look people up.

    Raises:
        Problem: 422, it cannot be used; 409, the catalogue has one of that name, or what asks for it could not stand any
            more; 403, it names people, whom the key may not look up.
    """
    found, counting = read(body.name or "", body), caller.may(Right.PERSONAL)
    await insist_on_names(config, database, caller, found)
    async with _answering():
        look = await tried(database, config.predictions, found, config.clock.now(), counting=counting)
    stands = next((each for each in await versions(database, found.name) if not each.waits), None)
    before, waits = stands.definition if stands else None, config.approve_predictions
    return CheckedPrediction.of(found, look, before, waits=waits, hidden=hidden(config, caller))


async def put(config: ApiConfig, database: Database, name: str, body: PredictionBody, caller: Caller) -> DeclaredView:
    """Declare a prediction, or change one.

    Raises:
        Problem: 422, it cannot be used; 409, the catalogue has one of that name, or what asks for it could not stand any
            more; 403, it names people, whom the key may not look up.
    """
    if body.name not in (None, name):
        raise _refused("/name", f"says {body.name!r}, but the address says {name!r}; leave it out, or say the same")
    found = read(name, body)
    await insist_on_names(config, database, caller, found)
    waits, own = config.approve_predictions, config.personal_traits
    async with _answering():
        now = config.clock.now()
        written = await declare(database, config.predictions, found, by=caller.name, at=now, waits=waits, own=own)
    return DeclaredView.of(found, written)


async def approved(config: ApiConfig, database: Database, name: str, caller: Caller) -> DeclarationView:
    """Let the newest version hold.

    Raises:
        Problem: 404, there is none; 403, the caller wrote it, or it names people, whom the key may not look up; 409, it waits
            for no approval; 422, it cannot be used any more.
    """
    async with _answering():
        newest = next(iter(await versions(database, name, 1)), None)
        if newest is not None and newest.definition is not None and newest.waits:
            await insist_on_names(config, database, caller, declared_from_json(newest.definition))
        now, own = config.clock.now(), config.personal_traits
        found = await approve(database, config.predictions, name, by=caller.name, at=now, own=own)
    if found is None:
        raise _unknown(name)
    return (await listed(config, database, name, caller))[0]


async def deleted(config: ApiConfig, database: Database, name: str, caller: Caller) -> None:
    """Take it out of use.

    Raises:
        Problem: 404, there is none; 409, it stands in code, or a segment or another prediction asks for it.
    """
    async with answering():
        now, own = config.clock.now(), config.personal_traits
        if not await undeclare(database, config.predictions, name, by=caller.name, at=now, own=own):
            raise _unknown(name)


def read(name: str, body: PredictionBody) -> Declared:
    """A declaration as somebody wrote it.

    Raises:
        Problem: 422; an error in what comes true, `all[1].within`, points to `/label/all/1/within`.
    """
    for part in ("of", "label"):
        if named := sorted(named_in(getattr(body, part))):
            told = f"names the segment {named[0]!r}, which a prediction does not follow; write what it means in its place"
            raise _refused(f"/{part}", told)
    try:
        return declared_from_json(body.plain(name))
    except DefinitionError as error:
        raise _refused(pointer(error.place), error.problem, str(error)) from None
    except (TypeError, ValueError, AttributeError, RecursionError) as error:
        raise _refused("", f"cannot be read: {type(error).__name__}") from None


@asynccontextmanager
async def _answering() -> AsyncIterator[None]:
    """What keeps a declaration from being used, as a problem that points to its place."""
    async with answering():
        try:
            yield
        except DefinitionError as error:
            raise _refused(pointer(error.place), error.problem, str(error)) from None


def pointer(place: str) -> str:
    """Where in the body an error is that names this place."""
    found = _PLACE.fullmatch(_CALL.sub("", place))
    if found is None:
        return "/" + place if place else ""
    part = {"feature": "features"}.get(found["part"] or "", found["part"] or "")
    steps = [part, *_STEP.findall(found["rest"] or "")] if part else []
    return "".join(f"/{step.strip().replace('~', '~0').replace('/', '~1')}" for step in steps if step.strip())


def _refused(where: str, problem: str, told: str = "") -> Problem:
    fault = Fault(pointer=where, detail=problem)
    return Problem(422, f"the declaration cannot be used: {told or problem}"[:2_000], code="invalid-definition", errors=[fault])


def _unknown(name: str) -> Problem:
    return Problem(404, f"no prediction {name!r} was declared by API; `GET /v1/models` lists all", code="unknown-prediction")
