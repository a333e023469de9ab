"""Predictions and their models as the API shows them."""

from dataclasses import asdict
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from segments.ask.foretold import Foretold
from store.predictions import ModelRow, Outcome, PredictionRow, Shape, Standing

_OF = ConfigDict(from_attributes=True)


class ModelView(BaseModel):
    """A prediction, and how that stands."""

    name: str
    kind: str = Field(description="what its scores are", examples=["probability", "lifetime-value", "clusters"])
    state: Standing = Field(description="held: nobody new comes over a threshold; waiting: no model has been trained yet")
    held_why: str | None = Field(description="why nobody new comes over a threshold now")
    held_since: datetime | None
    version: int | None = Field(description="of the model that scores")
    family: str | None = Field(examples=["propensity"])
    trained_at: datetime | None = Field(description="when the model that scores was trained")
    scored_at: datetime | None
    people: int = Field(description="customers who have a score")
    told: str | None = Field(description="how good the model that scores is, in words")
    auc: float | None = Field(
        description="of probabilities: of two people of whom it came true for one, how often that one's score was higher"
    )
    calibration_error: float | None
    failure: str | None = Field(description="why the last training or scoring did not come to its end")
    doing: str | None = Field(description="what is being done right now")
    asked_at: datetime | None = Field(description="since when somebody wants it trained, and no process has taken that up")

    @classmethod
    def of(cls, row: PredictionRow, now: datetime) -> "ModelView":
        """As it is shown."""
        measures = (row.card or {}).get("measures", {})
        return cls(
            name=row.name,
            kind=row.kind,
            state=row.standing(now),
            held_why=row.held(now),
            held_since=row.held_since,
            version=row.champion,
            family=row.family,
            trained_at=row.champion_at,
            scored_at=row.scored_at,
            people=row.people,
            told=(row.card or {}).get("told"),
            auc=measures.get("auc"),
            calibration_error=measures.get("calibration_error"),
            failure=row.failure,
            doing=row.doing,
            asked_at=row.asked_at or row.score_asked_at,
        )


class VersionView(BaseModel):
    """One model that was trained, with its card."""

    model_config = _OF

    version: int
    state: Literal["champion", "challenger", "former"] = Field(description="the champion scores")
    family: str
    trained_at: datetime
    sha256: str = Field(description="of its parameters")
    card: dict[str, Any] = Field(
        description="what it is of, by which features and past (`window`) it was trained, how good it is (`told` in words;"
        " `measures`, by people whom it has not seen), what it goes by (`importance`), and how it compared with the champion"
        " (`against`); which of these there are depends on its kind"
    )


class OutcomeView(BaseModel):
    """How true the scores of an instant were, whose horizon has passed."""

    as_of: datetime
    people: int
    foretold: float = Field(description="the mean score: a probability, or an amount")
    came: float = Field(description="the share of whom it came true, or the mean of what came")
    log_loss: float | None = Field(description="of probabilities")

    @classmethod
    def of(cls, each: Outcome) -> "OutcomeView":
        """Means of sums."""
        foretold, came = (value / max(each.people, 1) for value in (each.foretold, each.came))
        surprise = None if each.log_loss is None else each.log_loss / max(each.people, 1)
        return cls(as_of=each.as_of, people=each.people, foretold=foretold, came=came, log_loss=surprise)


class ModelDetail(ModelView):
    """A prediction with its models, newest first."""

    features: dict[str, str] = Field(description="by which the model that scores goes, in words")
    window: list[datetime] = Field(description="the first and the last instant that it was trained by")
    versions: list[VersionView]
    outcomes: list[OutcomeView] = Field(description="of the model that scores, oldest first")
    bands: list[int] = Field(description="of probabilities: customers by tenths of the score, from 0 to 1")
    spread: list[float] = Field(description="of amounts: scores by tenths of the customers, from the lowest to the highest")
    sizes: dict[str, int] = Field(description="of what sorts customers: how many are of each kind")
    origin: Literal["code", "api"] = Field(default="code", description="where it is declared")
    english: str | None = Field(default=None, description="what is declared, in words; null: it is declared by nobody here")
    declared: dict[str, Any] | None = Field(default=None, description="the same as JSON, as `PUT /v1/models/{name}` takes it")

    @classmethod
    def with_models(
        cls, row: PredictionRow, now: datetime, models: list[ModelRow], outcomes: list[Outcome], shape: Shape
    ) -> "ModelDetail":
        """As it is shown."""
        card = row.card or {}
        return cls(
            **ModelView.of(row, now).model_dump(),
            features=card.get("features", {}),
            window=card.get("window", []),
            versions=[VersionView.model_validate(each) for each in models],
            outcomes=[OutcomeView.of(each) for each in outcomes],
            **asdict(shape),
        )


class WaitingView(BaseModel):
    """A declaration that holds only once somebody else approves it."""

    name: str
    number: int = Field(description="of the version")
    by: str
    at: datetime


class ModelPage(BaseModel):
    """All of them."""

    models: list[ModelView]
    waiting: list[WaitingView] = Field(description="declarations that wait for approval, of others than these or of them")


class AskView(BaseModel):
    """A segment that asks for a prediction."""

    segment: str
    over: float | None = Field(default=None, description="in from this score on")
    back_at: float | None = Field(default=None, description="until it is below this")
    sorted_into: str | None = Field(default=None, description="or in while sorted into this kind")
    journeys: list[str] = Field(description="that people enter by it")


class ReasonView(BaseModel):
    """What a feature does to a customer's score."""

    model_config = _OF

    feature: str
    value: float | None = Field(description="theirs; null: not known")
    effect: float = Field(description="added to the log-odds")
    words: str


class ScoreView(BaseModel):
    """What a prediction says of a customer, and why."""

    model_config = _OF

    prediction: str
    score: float = Field(description="a probability, 0 to 1; an amount; of what sorts customers, the number of the kind")
    low: float | None = Field(description="the lower end of the score's interval, where it has one")
    high: float | None
    label: str | None = Field(description="the kind that the customer is sorted into, where the prediction sorts")
    more: dict[str, float] | None = Field(description="further numbers by name")
    version: int
    as_of: datetime = Field(description="when the score became what it is")
    reasons: list[ReasonView]
    unexplained: str | None = Field(description="why no reasons can be told")


class CustomerView(BaseModel):
    """A customer of a band, with the score and its reasons."""

    customer_id: UUID
    score: float
    version: int
    as_of: datetime
    reasons: list[ReasonView]
    unexplained: str | None


class CustomerPage(BaseModel):
    """Some customers of a band, the highest scores first."""

    customers: list[CustomerView]


class ScorePage(BaseModel):
    """All that is foretold of a customer."""

    scores: list[ScoreView]

    @classmethod
    def of(cls, found: list[Foretold]) -> "ScorePage":
        """As they are shown."""
        return cls(scores=[ScoreView.model_validate(each) for each in found])
