"""What the calls about declared predictions take and answer, as OpenAPI shows it."""

from collections.abc import Collection
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from segments.ask.outlook import Outlook
from segments.define.foretelling import Written
from segments.define.naming import veiled
from segments.predictions.best import BestChannel, BestHour
from segments.predictions.clusters import Clusters
from segments.predictions.declared import Declared, words_of
from segments.predictions.lifetime import LifetimeValue
from segments.predictions.prediction import Prediction
from segments.predictions.uplift import Uplift
from segments.predictions.wire import KINDS, declared_from_json
from store.segments.declarations import Declaration

NAME = r"^[a-z0-9](?:[a-z0-9-]{0,98}[a-z0-9])?$"
PredictionName = Annotated[str, Path(pattern=NAME, description="the prediction's name", examples=["churn"])]
_DAY = 86_400
_Line = Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")]
_Span = Annotated[float, Field(gt=0, le=10 * 366 * _DAY)]
_ORDERED: dict[str, Any] = {"did": "Order Completed"}
_FEATURES: list[dict[str, Any]] = [
    {"name": "days_since_order", "days_since": _ORDERED},
    {"name": "orders_90d", "count": True, "of": _ORDERED | {"within": 90 * _DAY}},
    {"name": "spent_90d", "total": "total", "of": _ORDERED | {"within": 90 * _DAY}},
]
_UNCOUNTED = (
    "it can be declared; of how many it is, is counted for a key that may be shown personal data (--personal): what is not"
    " saved can ask about one person"
)
#: What a declaration looks like.
EXAMPLE: dict[str, Any] = {
    "of": _ORDERED | {"at_least": 2},
    "label": {"not": _ORDERED | {"within": 90 * _DAY}},
    "horizon": 90 * _DAY,
    "features": [*_FEATURES, {"name": "points", "trait": "points"}],
    "never": ["age", "sex"],
    "owner": "crm",
}
_REACHED: dict[str, Any] = {"of": _ORDERED, "by": "clicked", "owner": "crm"}
#: One of each kind, with a name, to begin with.
EXAMPLES: dict[str, dict[str, Any]] = {
    Prediction.kind: {"name": "leaves"} | EXAMPLE | {"holdout": 0.1},
    LifetimeValue.kind: {
        "kind": LifetimeValue.kind,
        "name": "value-of-a-year",
        "orders": _ORDERED,
        "amount": "total",
        "horizon": 365 * _DAY,
        "owner": "crm",
    },
    Clusters.kind: {"kind": Clusters.kind, "name": "styles", "of": _ORDERED, "features": _FEATURES, "into": 5, "owner": "crm"},
    BestChannel.kind: {"kind": BestChannel.kind, "name": "best-channel", **_REACHED, "channels": ["push", "email", "whatsapp"]},
    BestHour.kind: {"kind": BestHour.kind, "name": "best-hour", **_REACHED, "by": "opened", "zone": "Europe/Madrid"},
    Uplift.kind: {
        "kind": Uplift.kind,
        "name": "helped",
        "by": "leaves",
        "of": _ORDERED | {"at_least": 2},
        "features": _FEATURES,
        "owner": "crm",
    },
}


class PredictionBody(BaseModel):
    """A prediction as a product team declares it: the JSON of `Prediction.to_json`; spans are seconds."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [EXAMPLE]})

    name: str | None = Field(default=None, pattern=NAME, description="as in the address, where it has one")
    kind: Literal[tuple(sorted(KINDS))] = Field(  # type: ignore[valid-type]  # they stand in one table
        default="probability", description="what its scores are; other kinds have other keys (docs/predictions.md)"
    )
    of: dict[str, Any] | None = Field(
        default=None,
        description="of whom, a predicate as segments have it; nobody else has a score. A lifetime value takes `orders`",
    )
    label: dict[str, Any] | None = Field(
        default=None,
        description="needed of a probability: what comes true, a predicate asked at the end of the horizon, which looks back no"
        " further",
    )
    horizon: _Span | None = Field(default=None, description="seconds from the instant of the score on", examples=[90 * _DAY])
    features: list[dict[str, Any]] | None = Field(
        default=None,
        description="what is known of a customer then, each a number with a `name`: an amount (`count`, `total`, `average`, …"
        " `of` events), `days_since` an event, or a `trait`",
    )
    never: list[_Line] = Field(default=[], description="names of traits, properties and features that must not be looked at")
    always: list[_Line] = Field(default=[], description="names of features that no selection by `most` drops")
    most: int | None = Field(default=None, ge=1, description="a model goes by so many features at most: those that matter most")
    family: Literal["propensity", "trees", "both"] = Field(
        default="propensity", description="what is fitted: a curve for each feature, trees, or whichever of both is better"
    )
    challenger: dict[str, Any] | None = Field(
        default=None,
        description="another family, on trial: `family`, the `share` of customers whom it scores, `people` at which it ends",
        examples=[{"family": "trees", "share": 0.2, "people": 20_000}],
    )
    retrain: _Span = Field(default=7 * _DAY, description="seconds from one training to the next")
    score: _Span = Field(default=_DAY, description="seconds from one scoring to the next")
    max_age: _Span = Field(default=28 * _DAY, description="seconds after which a model lets nobody new in")
    tolerance: float = Field(default=0.05, description="further than this from what came on average, it lets nobody new in")
    holdout: float = Field(default=0.0, description="the share that is left alone, to see whether acting helps")
    owner: _Line = Field(default="", description="who answers for it", examples=["crm"])
    description: _Line = ""

    def plain(self, name: str) -> dict[str, Any]:
        """As `Prediction.from_json` reads it."""
        return self.model_dump(exclude_unset=True) | {"name": name}


class CheckedPrediction(BaseModel):
    """What would come of a declaration; nothing is saved, and counted only for a key that may be shown personal data."""

    english: str = Field(description="the whole in words")
    features: dict[str, str] = Field(description="each by its name, in words")
    people: int | None = Field(description="customers of whom it is now, or about so many; null: nobody was counted")
    as_of: datetime | None = Field(description="of a probability a horizon ago: the people of then are those to learn by")
    people_then: int | None = Field(description="of whom it was then; of very many 20,000 by chance")
    came_true: int | None = Field(description="of these it has come true for so many")
    not_true: int | None = Field(description="and for so many not")
    enough: bool | None = Field(description="whether a model can be trained by them; null: nobody was counted")
    told: str = Field(description="the same in a sentence, with what to do")
    before: dict[str, Any] | None = Field(
        description="what holds under this name now, where something was declared by API; with … in the place of what names"
        " people for a key that may not be shown personal data"
    )
    trains_anew: bool = Field(description="whether it means something else than what holds, so that a new model is trained")
    needs_approval: bool = Field(description="whether somebody else has to approve it before it holds")

    @classmethod
    def of(
        cls,
        prediction: Declared,
        look: Outlook | None,
        before: dict[str, Any] | None,
        *,
        waits: bool,
        hidden: Collection[str] | None = None,
    ) -> "CheckedPrediction":
        """As it is shown: all of it, or without what names people, also by these traits (`hidden`)."""
        return cls(
            english=str(prediction),
            features=words_of(prediction.columns),
            people=look and look.people,
            as_of=look and look.as_of,
            people_then=look and look.then,
            came_true=look and look.came,
            not_true=None if look is None or look.then is None or look.came is None else look.then - look.came,
            enough=look and look.enough,
            told=look.told if look else _UNCOUNTED,
            before=before if hidden is None or before is None else veiled(before, hidden),
            trains_anew=before is None or declared_from_json(before).version != prediction.version,
            needs_approval=waits,
        )


class DeclaredView(BaseModel):
    """What came of declaring a prediction."""

    name: str
    number: int = Field(description="of the version of the declaration")
    new: bool = Field(description="whether there was none of that name")
    unchanged: bool = Field(description="whether it stood so before, so that nothing was written")
    waits_for_approval: bool = Field(description="it holds once somebody else approves it: `POST /v1/models/{name}/approve`")
    english: str

    @classmethod
    def of(cls, prediction: Declared, written: Written) -> "DeclaredView":
        """As it is shown."""
        return cls(
            name=prediction.name,
            number=written.number,
            new=written.new,
            unchanged=written.same,
            waits_for_approval=written.waits,
            english=str(prediction),
        )


class DeclarationView(BaseModel):
    """A version of a declaration."""

    model_config = ConfigDict(from_attributes=True)

    number: int
    definition: dict[str, Any] | None = Field(
        description="null: with this it was taken out of use; … stands in the place of what names people for a key that may not"
        " be shown personal data"
    )
    by: str
    at: datetime
    waits: bool = Field(description="for somebody else to approve it")
    approved_by: str | None
    approved_at: datetime | None
    holds: bool = Field(description="whether this is what the prediction means now")


class DeclarationPage(BaseModel):
    """The versions of one, newest first."""

    versions: list[DeclarationView]

    @classmethod
    def of(cls, found: list[Declaration], hidden: Collection[str] | None) -> "DeclarationPage":
        """As they are shown; the newest that waits for nobody holds, unless it takes the prediction out of use.

        All of it, or without what names people, also by these traits (`hidden`).
        """
        holding = next((each for each in found if not each.waits), None)
        views = [
            DeclarationView(
                **{name: getattr(each, name) for name in DeclarationView.model_fields if name != "holds"},
                holds=each is holding and each.definition is not None,
            )
            for each in found
        ]
        for each in views:
            each.definition = each.definition if hidden is None else veiled(each.definition, hidden)
        return cls(versions=views)
