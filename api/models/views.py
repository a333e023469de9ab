"""Predictions and their models as the API shows them."""

from collections.abc import Collection, Iterable
from dataclasses import asdict
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from journeys.arms import WITHHELD
from journeys.experiments.acting import Acting, Band
from segments.ask.foretold import Foretold
from segments.define.naming import veiled, without_names
from segments.predictions.declared import Declared
from segments.predictions.weeks import Week
from store.measuring.acted import ArmExposed
from store.predictions import ModelRow, ModelState, Outcome, PredictionRow, Shape, Standing

_OF = ConfigDict(from_attributes=True)


class ModelView(BaseModel):
    """A prediction, and how that stands."""

    name: str
    kind: str = Field(
        description="what its scores are",
        examples=["probability", "lifetime-value", "clusters", "best-channel", "best-hour", "uplift"],
    )
    state: Standing = Field(
        description="held: nobody new comes over a threshold; waiting: no model has been trained yet; training: one is now"
    )
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
    state: ModelState = Field(description="the champion scores; one on trial scores its share")
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


class WeekView(BaseModel):
    """How good the scores of a week were, whose horizon has passed."""

    model_config = _OF

    begins: date = Field(description="the Monday (UTC) of the scores; what came of them is known a horizon later")
    versions: list[int] = Field(description="the models that scored then")
    people: int
    foretold: float = Field(description="the mean probability")
    came: float = Field(description="the share of whom it came true")
    calibration_error: float = Field(description="how far groups of alike scores are from what came, by people")
    auc: float | None = Field(description="how well they ranked; null: too few of either outcome")
    lift: float | None = Field(
        description="how many times as often it came true of the tenth with the highest scores as of all"
    )


class TrialView(BaseModel):
    """A family of models on trial: customers are divided by lot between it and the champion's (ML-11)."""

    family: str = Field(description="of the challenger", examples=["trees"])
    share: float = Field(description="of the customers, whom it scores")
    people: int = Field(description="the stop rule: at so many judged people it is over")
    began_at: datetime
    judged: int = Field(description="people by whom both families were judged, a pair each")
    difference: float | None = Field(description="by how much the challenger's log loss is higher, for each person, in nats")
    half: float | None = Field(description="of the interval around it, which holds at every look")
    decision: Literal["challenger", "champion", "not shown"] | None = Field(description="null: it goes on")
    decided_at: datetime | None
    scored: dict[str, int] = Field(description="customers who have a score, by family")
    acted: list[dict[str, str | int]] = Field(
        description="of those whom each family let in, by arm of the holdout: people, of how many it came true; decides nothing"
    )
    sentence: str = Field(description="what may be concluded, and by which rule")


class BandView(BaseModel):
    """What acting on a prediction has done to customers with some scores."""

    low: float = Field(description="scores from here on")
    high: float
    written: int = Field(description="customers who were let in and written to, whose horizon has passed since")
    written_came: float | None = Field(description="the share of them of whom it came true")
    withheld: int = Field(description="customers who were let in and left alone, whose horizon has passed since")
    withheld_came: float | None
    difference: float | None = Field(description="the first share less the second; null: too few to say")
    difference_low: float | None = Field(description="from; all bounds of all bands hold together, at every look")
    difference_high: float | None
    decision: str = Field(description="higher, lower, open, early or broken", examples=["lower"])
    lacks: int = Field(description="early: how many more customers, at the least, it takes before the arms are compared")

    @classmethod
    def of(cls, band: Band) -> "BandView":
        """As it is shown."""
        found, (written, withheld) = band.result.findings[0], band.sums
        shares = (each.y / each.people if each.people else None for each in (written, withheld))
        low, high = found.interval or (None, None)
        came, left = shares
        return cls(
            low=band.low,
            high=band.high,
            written=written.people,
            written_came=came,
            withheld=withheld.people,
            withheld_came=left,
            difference=found.difference,
            difference_low=low,
            difference_high=high,
            decision=str(band.decision),
            lacks=band.lacks,
        )


class UpliftView(BaseModel):
    """Who is persuadable: what it is worth to write to those first whom it is expected to help most."""

    sentence: str = Field(description="what may be concluded, or how many people it takes")
    people: int = Field(0, description="who were ranked, each by a model that had not seen them")
    withheld: int = Field(0, description="of them those who were left alone")
    fewer: bool | None = Field(None, description="help is that it comes true less often; as it is of all together")
    effect: float | None = Field(None, description="by how much acting changes the share of whom it comes true")
    curve: list[tuple[float, float]] = Field(
        [], description="Qini: the share of people who are written to, best first; by how much that changes the share of all"
    )
    area: float | None = Field(None, description="between the curve and a straight line, which is writing by lot")
    half: float | None = Field(None, description="of an interval around the area")
    fifths: list[dict[str, float]] = Field([], description="best first: people, and the share of whom it came true, by arm")
    who: list[dict[str, Any]] = Field(
        [], description="the mean of features among the best fifth, and of all; most unlike first"
    )

    @classmethod
    def of(cls, told: dict[str, Any]) -> "UpliftView":
        """As it is shown."""
        if lacks := told.get("lacks"):
            return cls(sentence=f"Who is persuadable cannot be said yet: {lacks}.")
        low = told["area"] - told["half"]
        half = next((gain for share, gain in told["curve"] if share >= 0.5), 0.0)  # noqa: PLR2004 - half of the people
        seen = f"half of the messages bring {half / abs(told['effect']):.0%} of what all bring" if told["effect"] else ""
        if low > 0:
            sentence = f"It may be concluded that some are more persuadable than others, and that they are found: {seen}."
        else:
            sentence = "It may not be concluded that anybody is more persuadable than others: the ranking may be by chance."
        return cls(sentence=sentence, **told)


class ActingView(BaseModel):
    """Whether acting on a prediction helps: those whom it let in against those whom its holdout left alone."""

    exposed: dict[str, int] = Field(description="customers in each arm, also those whose horizon has not passed")
    share: float = Field(description="that is left alone")
    all: BandView
    bands: list[BandView] = Field(description="by tenths of the score that customers had when they were exposed, lowest first")
    sentences: list[str] = Field(description="what may be concluded, and what not")
    uplift: UpliftView | None = Field(
        description="who is persuadable, as of the last training; null: it was not looked for yet"
    )

    @classmethod
    def of(cls, acting: Acting, exposed: Iterable[ArmExposed], uplift: dict[str, Any] | None) -> "ActingView":
        """As it is shown."""
        return cls(
            exposed={each.arm: each.people for each in exposed},
            share=acting.all.result.experiment.shares[WITHHELD],
            all=BandView.of(acting.all),
            bands=[BandView.of(each) for each in acting.bands],
            sentences=acting.sentences,
            uplift=None if uplift is None else UpliftView.of(uplift),
        )


class ModelDetail(ModelView):
    """A prediction with its models, newest first."""

    features: dict[str, str] = Field(description="by which the model that scores goes, in words")
    window: list[datetime] = Field(description="the first and the last instant that it was trained by")
    versions: list[VersionView]
    outcomes: list[OutcomeView] = Field(description="of the model that scores, oldest first")
    bands: list[int] = Field(description="of probabilities: customers by tenths of the score, from 0 to 1")
    spread: list[float] = Field(description="of amounts: scores by tenths of the customers, from the lowest to the highest")
    sizes: dict[str, int] = Field(description="of what sorts customers: how many are of each kind")
    weeks: list[WeekView] = Field([], description="how good scores were by week, of a year, oldest first")
    trial: TrialView | None = Field(None, description="the last family on trial; null: none ever was")
    acting: ActingView | None = Field(
        None, description="whether acting on it helps; null: nobody was exposed to a holdout of it"
    )
    origin: Literal["code", "api"] = Field(default="code", description="where it is declared")
    english: str | None = Field(default=None, description="what is declared, in words; null: it is declared by nobody here")
    declared: dict[str, Any] | None = Field(
        default=None,
        description="the same as JSON, as `PUT /v1/models/{name}` takes it; with … in the place of what names people for a key"
        " that may not be shown personal data",
    )

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

    def with_declared(
        self, origin: Literal["code", "api"], said: Declared | None, hidden: Collection[str] | None
    ) -> "ModelDetail":
        """The same with where it is declared, and what is: all of it, or without what names people, also by these traits."""
        told: dict[str, Any] = {}
        if said is not None and hidden is None:
            told = {"english": str(said), "declared": said.to_json()}
        elif said is not None:
            told = {"english": str(without_names(said, hidden or ())), "declared": veiled(said.to_json(), hidden or ())}
        return self.model_copy(update={"origin": origin, **told})

    def with_weeks(self, by_week: Iterable[Week]) -> "ModelDetail":
        """The same with how good scores were by week."""
        return self.model_copy(update={"weeks": [WeekView.model_validate(each) for each in by_week]})

    def with_trial(self, trial: TrialView | None) -> "ModelDetail":
        """The same with the family on trial."""
        return self.model_copy(update={"trial": trial})

    def with_acting(self, acting: Acting | None, exposed: Iterable[ArmExposed], uplift: dict[str, Any] | None) -> "ModelDetail":
        """The same with whether acting on it helps, and whom."""
        return self if acting is None else self.model_copy(update={"acting": ActingView.of(acting, exposed, uplift)})


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
    effect: float | None = Field(
        description="of a probability: added to the log-odds, against the middle of what the same feature does"
    )
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
    """A customer of a band or a kind, with the score and its reasons."""

    customer_id: UUID
    score: float
    low: float | None = Field(description="the lower end of the score's interval, where it has one")
    high: float | None
    label: str | None = Field(description="the kind that the customer is sorted into, where the prediction sorts")
    more: dict[str, float] | None = Field(description="further numbers by name")
    version: int
    as_of: datetime
    reasons: list[ReasonView]
    unexplained: str | None


class CustomerPage(BaseModel):
    """Some customers of a band or a kind, the highest scores first."""

    customers: list[CustomerView]


class ScorePage(BaseModel):
    """All that is foretold of a customer."""

    scores: list[ScoreView]

    @classmethod
    def of(cls, found: list[Foretold]) -> "ScorePage":
        """As they are shown."""
        return cls(scores=[ScoreView.model_validate(each) for each in found])
