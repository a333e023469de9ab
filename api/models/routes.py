"""Predictions and their models: how each stands (ML-08, ML-13), training and scoring at once, and a customer's scores."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from api.auth import PersonReader, Reader, may, schemes
from api.config import ApiConfig
from api.models.detail import detail
from api.models.looking import ask_for, customers, stands, waiting_for_approval
from api.models.views import AskView, CustomerPage, ModelDetail, ModelPage, ModelView, ScorePage
from api.problems import Problem, responses
from api.segments.access import entries, hidden, no_customer
from api.state import Config, Db
from segments.ask.declared import declared
from segments.ask.foretold import Foretold, foretold
from store import Database, predictions
from store.deliveries.feedback import living
from store.keys import Caller, Right

router = APIRouter(prefix="/v1", tags=["segments"], dependencies=schemes())

Name = Annotated[str, Path(max_length=100, description="the prediction's name", examples=["churn"])]


@router.get("/models", responses=responses(401, 403, 503))
async def list_models(_: Reader, config: Config, database: Db) -> ModelPage:
    """The predictions, in code and by API: which model scores, since when, how good it is, and whether it is trusted."""
    return ModelPage(models=await stands(database, config.clock.now()), waiting=await waiting_for_approval(database))


@router.get("/models/{name}", responses=responses(401, 403, 404, 503))
async def get_model(name: Name, caller: Reader, config: Config, database: Db) -> ModelDetail:
    """A prediction with the cards of its models: family, what it was trained by, features, measures, importance."""
    return await in_detail(config, database, name, caller)


@router.get("/models/{name}/asks", responses=responses(401, 403, 404, 503))
async def list_asks(name: Name, caller: Reader, config: Config, database: Db) -> list[AskView]:
    """The segments that ask for a prediction, by which threshold, and the journeys that people enter by them."""
    await in_detail(config, database, name, caller)
    return await ask_for(database, config.segments, entries(config), name)


@router.get("/models/{name}/customers", responses=responses(401, 403, 404, 422, 503))
async def list_customers(
    name: Name,
    caller: PersonReader,
    config: Config,
    database: Db,
    answer: Response,
    band: Annotated[
        int | None,
        Query(
            ge=1, le=10, description="which tenth: of probabilities of the score (10 is 0.9 and more), else of the customers"
        ),
    ] = None,
    kind: Annotated[str | None, Query(max_length=100, description="of what sorts customers, into which kind")] = None,
    limit: Annotated[int, Query(ge=1, le=50)] = 10,
) -> CustomerPage:
    """Some customers of a tenth, of a kind, or of all: the highest first, each with the strongest reasons in words."""
    await in_detail(config, database, name, caller)
    answer.headers["Cache-Control"] = "no-store"
    return CustomerPage(customers=await customers(database, config.predictions, name, limit, band=band, kind=kind))


@router.post("/models/{name}/train", status_code=202, responses=responses(401, 403, 404, 503))
async def train_model(
    name: Name, _: Annotated[Caller, may(Right.OPERATE, "train prediction")], config: Config, database: Db
) -> ModelView:
    """Have a new model trained now, beside its schedule, and customers scored by whichever is the champion then."""
    return await asked(config, database, name, predictions.ask_training)


@router.post("/models/{name}/score", status_code=202, responses=responses(401, 403, 404, 503))
async def score_customers(
    name: Name, _: Annotated[Caller, may(Right.OPERATE, "score prediction")], config: Config, database: Db
) -> ModelView:
    """Have customers scored now, beside the schedule."""
    return await asked(config, database, name, predictions.ask_scoring)


@router.get("/profiles/{customer_id}/scores", responses=responses(401, 403, 404, 422, 503))
async def get_scores(customer_id: UUID, _: PersonReader, config: Config, database: Db, answer: Response) -> ScorePage:
    """What is foretold of a customer: each score with its date, the model's version, and the strongest reasons in words."""
    async with database.transaction() as connection:
        found = await living(connection, [customer_id])
    if not found:
        raise no_customer()
    answer.headers["Cache-Control"] = "no-store"
    return ScorePage.of(await scores(config, database, found[customer_id]))


async def scores(config: ApiConfig, database: Database, customer: UUID) -> list[Foretold]:
    """What is foretold of a customer, and why."""
    return await foretold(database, await declared(database, config.predictions), customer)


async def in_detail(config: ApiConfig, database: Database, name: str, caller: Caller) -> ModelDetail:
    """A prediction with its models; who may not look people up reads `…` in the place of what names them.

    Raises:
        Problem: 404, there is none.
    """
    found = await detail(database, config.predictions, name, config.clock.now(), hidden=hidden(config, caller))
    if found is None:
        raise await _unknown(database, name)
    return found


async def asked(
    config: ApiConfig, database: Database, name: str, ask: Callable[[Database, str, datetime], Awaitable[bool]]
) -> ModelView:
    """Have it trained, or customers scored by it.

    Raises:
        Problem: 404, there is none.
    """
    now = config.clock.now()
    if not await ask(database, name, now):
        raise await _unknown(database, name)
    return ModelView.of((await predictions.found(database, name))[0], now)


async def _unknown(database: Database, name: str) -> Problem:
    known = ", ".join(each.name for each in await predictions.found(database)) or "none"
    return Problem(404, f"no prediction {name!r}; there are: {known}"[:1_000], code="unknown-prediction")
