"""Predictions and their models: how each stands (ML-08, ML-13), training and scoring at once, and a customer's scores."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response

from api.auth import PersonReader, Reader, may, schemes
from api.models.detail import detail
from api.models.views import ModelDetail, ModelPage, ModelView, ScorePage
from api.problems import Problem, responses
from api.segments.access import no_customer
from api.state import Config, Db
from segments.ask.foretold import foretold
from store import predictions
from store.deliveries.feedback import living
from store.keys import Caller, Right
from store.predictions import PredictionRow

router = APIRouter(prefix="/v1", tags=["segments"], dependencies=schemes())

Name = Annotated[str, Path(max_length=100, description="the prediction's name in the catalogue", examples=["churn"])]


@router.get("/models", responses=responses(401, 403, 503))
async def list_models(_: Reader, config: Config, database: Db) -> ModelPage:
    """The predictions of the catalogue: which model scores, since when, how good it is, and whether it is trusted."""
    now = config.clock.now()
    return ModelPage(models=[ModelView.of(each, now) for each in await predictions.found(database)])


@router.get("/models/{name}", responses=responses(401, 403, 404, 503))
async def get_model(name: Name, _: Reader, config: Config, database: Db) -> ModelDetail:
    """A prediction with the cards of its models: family, what it was trained by, features, measures, importance."""
    await _one(database, name)
    found = await detail(database, name, config.clock.now())
    assert found is not None, "a prediction that was declared stays"
    return found


@router.post("/models/{name}/train", status_code=202, responses=responses(401, 403, 404, 503))
async def train_model(
    name: Name, _: Annotated[Caller, may(Right.OPERATE, "train prediction")], config: Config, database: Db
) -> ModelView:
    """Have a new model trained now, beside its schedule, and customers scored by whichever is the champion then."""
    await predictions.ask_training(database, name, config.clock.now())
    return ModelView.of(await _one(database, name), config.clock.now())


@router.post("/models/{name}/score", status_code=202, responses=responses(401, 403, 404, 503))
async def score_customers(
    name: Name, _: Annotated[Caller, may(Right.OPERATE, "score prediction")], config: Config, database: Db
) -> ModelView:
    """Have customers scored now, beside the schedule."""
    await predictions.ask_scoring(database, name, config.clock.now())
    return ModelView.of(await _one(database, name), config.clock.now())


@router.get("/profiles/{customer_id}/scores", responses=responses(401, 403, 404, 422, 503))
async def get_scores(customer_id: UUID, _: PersonReader, config: Config, database: Db, answer: Response) -> ScorePage:
    """What is foretold of a customer: each score with its date, the model's version, and the strongest reasons in words."""
    async with database.transaction() as connection:
        found = await living(connection, [customer_id])
    if not found:
        raise no_customer()
    answer.headers["Cache-Control"] = "no-store"
    return ScorePage.of(await foretold(database, config.predictions, found[customer_id]))


async def _one(database: Db, name: str) -> PredictionRow:
    if found := await predictions.found(database, name):
        return found[0]
    known = ", ".join(each.name for each in await predictions.found(database)) or "none"
    raise Problem(404, f"no prediction {name!r}; there are: {known}"[:1_000], code="unknown-prediction")
