"""What the calls about products take and answer, as OpenAPI shows it; also how one row of a file is read.

Promise: a product that is kept can be rendered: its price has a currency, its addresses are addresses, and it is not its own
alternative.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from api.segments.lists import RowProblem
from journeys.keepable import SAID, flaws
from store.products.again import Expected, Standing
from store.products.offers import RELATIONS, Product, Told
from store.products.relations import Learnt
from store.products.rounds import RoundRow

_RELATED = 100


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _web_address(value: str) -> str:
    try:
        parts = urlsplit(value)
        fine = parts.scheme in ("http", "https") and parts.hostname and not any(c.isspace() for c in value)
    except ValueError:
        fine = False
    if not fine:
        raise ValueError("must be an address that begins with https:// or http://")
    return value


def _storable(value: dict[str, Any]) -> dict[str, Any]:
    for place, kind in flaws(value).items():
        raise ValueError(f"/{'/'.join(place)}: {SAID[kind]}")
    return value


Id = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$"), BeforeValidator(_as_text)]
_Line = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]*$")]
_Url = Annotated[str, Field(max_length=2_000, pattern=r"^[^\x00]*$"), AfterValidator(_web_address)]
_Others = Annotated[list[Id], Field(max_length=_RELATED)]


class ProductBody(BaseModel):
    """A product, in the words of the Segment spec. It replaces what was known of it; a relation that is absent stays."""

    model_config = ConfigDict(extra="forbid")

    id: Id = Field(description="the `product_id` of your events", examples=["p-7"])
    name: _Line = Field(examples=["Snow boots"])
    price: Decimal | None = Field(default=None, ge=0, max_digits=18, decimal_places=6, examples=[89.9])
    currency: str | None = Field(default=None, pattern=r"^[A-Z]{3}$", description="ISO 4217", examples=["EUR"])
    url: _Url | None = None
    image_url: _Url | None = None
    attributes: Annotated[dict[str, Any], AfterValidator(_storable)] = Field(
        default_factory=dict, description="anything else that templates may name as `product.attributes.…`"
    )
    available: bool = Field(default=True, description="false: it is not offered to anybody")
    similar: _Others | None = Field(default=None, description="ids of products like it, best first")
    better: _Others | None = Field(default=None, description="ids of better ones of its kind (upsell), best first")
    complementary: _Others | None = Field(default=None, description="ids of what goes with it (cross-sell), best first")

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.price is not None and self.currency is None:
            raise ValueError("a price needs a currency, such as EUR")
        for relation, others in self.relations.items():
            if self.id in others:
                raise ValueError(f"{relation} names the product itself")
            if len(set(others)) < len(others):
                raise ValueError(f"{relation} names a product twice")
        return self

    @property
    def relations(self) -> dict[str, list[str]]:
        """Those that were told."""
        return {name: others for name in RELATIONS if (others := getattr(self, name)) is not None}

    @property
    def product(self) -> Product:
        """As the store keeps it."""
        plain = self.model_dump(exclude=set(RELATIONS))
        return Product(**plain, relations=self.relations)


class ProductsKept(BaseModel):
    """What became of some products."""

    rows: int
    added: int
    changed: int = Field(description="were known before, and are now as told")
    bad: int
    problems: list[RowProblem] = Field(description="the first hundred rows that could not be used")
    unknown: list[str] = Field(description="related ids (the first hundred) that no product has yet; they count once one does")


class ProductView(BaseModel):
    """A product as it is kept."""

    id: str
    name: str
    price: Decimal | None
    currency: str | None
    url: str | None
    image_url: str | None
    attributes: dict[str, Any]
    available: bool
    relations: dict[Literal["similar", "better", "complementary"], list[str]] = Field(description="as the shop told them")
    learnt: list["LearntView"] = Field(
        default=[], description="what customers had together with it; it comes after the shop's word"
    )
    by: str = Field(description="whose key told it")
    updated_at: datetime


class LearntView(BaseModel):
    """A product that goes with another one by what customers did."""

    id: str
    relation: Literal["similar", "better", "complementary"]
    by: Literal["orders", "views"]
    people: int = Field(description="customers who have both")
    lift: float = Field(description="how many times as many that is as by chance")
    surely: float = Field(description="the least that the lift is, for all pairs of products at once")
    as_of: datetime

    @classmethod
    def of(cls, each: Learnt) -> "LearntView":
        """As it is shown."""
        numbers = {"lift": round(each.lift, 2), "surely": round(each.surely, 2)}
        return cls(id=each.other_id, relation=each.relation, by=each.by, people=each.people, as_of=each.as_of, **numbers)


class RoundView(BaseModel):
    """What is worked out of products again and again, and how that stands."""

    name: str
    kind: Literal["together", "again"]
    state: Literal["failing", "waiting", "late", "done"]
    every: timedelta
    done_at: datetime | None
    failure: str | None
    came: dict[str, Any] = Field(
        description="counts of the last round", examples=[{"people": 51_200, "products": 740, "pairs": 312}]
    )

    @classmethod
    def of(cls, row: RoundRow, now: datetime) -> "RoundView":
        """As it is shown."""
        told = {name: getattr(row, name) for name in ("name", "kind", "every", "done_at", "failure")}
        return cls(**told, state=row.standing(now), came=dict(row.came))


class ChangeView(BaseModel):
    """A change of a product's price or of whether it can be had, and how many customers were told of it."""

    model_config = ConfigDict(from_attributes=True)

    product_id: str
    at: datetime
    price: Decimal | None
    was_price: Decimal | None
    currency: str | None
    available: bool
    was_available: bool
    dropped: int = Field(description="customers who were told that it costs less")
    back: int = Field(description="customers who were told that it can be had again")
    done_at: datetime | None = Field(description="when everybody had been told")
    why: str | None = Field(description="why nobody, or nobody else, was told")


class ChangePage(BaseModel):
    """Changes of products, the newest first."""

    changes: list[ChangeView]


class ExpectedView(BaseModel):
    """When a customer is expected to buy something again, and why."""

    model_config = ConfigDict(from_attributes=True)

    again: str = Field(description="the declaration, by its name", examples=["coffee-again"])
    product_id: str | None = Field(description="nothing: anything at all")
    name: str | None
    last_at: datetime = Field(description="the purchase that it follows")
    quantity: Decimal
    gaps: int = Field(description="of the customer's own that it goes by")
    typical: float | None = Field(description="days that one lasts most customers, where enough are known")
    days: float = Field(description="how long what they have is expected to last")
    low_at: datetime = Field(description="eight of ten buy between this and `high_at`")
    due_at: datetime
    high_at: datetime
    remind_at: datetime | None = Field(description="when they are to be told; nothing once it is settled")
    state: Standing = Field(description="too late: they were not told, and are not any more")
    told_at: datetime | None
    as_of: datetime
    customer_id: UUID | None = Field(default=None, description="where more than one customer is asked about")

    @classmethod
    def of(cls, each: Expected, now: datetime, customer: UUID | None = None) -> "ExpectedView":
        """As it is shown."""
        told = {name: getattr(each, name) for name in Expected.__slots__}
        more = {"product_id": each.product_id or None, "customer_id": customer, "state": each.standing(now)}
        return cls(**(told | more))


class ExpectedPage(BaseModel):
    """Who is expected to buy what again."""

    expected: list[ExpectedView]


class RoundPage(BaseModel):
    """All that is worked out of products."""

    rounds: list[RoundView]


def view(told: Told, learnt: Sequence[Learnt] = ()) -> ProductView:
    """A product for people."""
    plain = {name: getattr(told.product, name) for name in Product.__slots__}
    found = [LearntView.of(each) for each in learnt]
    return ProductView(**plain, learnt=found, by=told.by, updated_at=told.updated_at)


def read_product(value: Any) -> Product | str:
    """A product, or what is wrong with it in a sentence."""
    if not isinstance(value, dict):
        return "must be an object with at least id and name"
    try:
        return ProductBody.model_validate(value).product
    except ValidationError as error:
        return "; ".join(_fault(tuple(map(str, e["loc"])), e["type"], e["msg"]) for e in error.errors(include_url=False))


def _fault(place: tuple[str, ...], kind: str, message: str) -> str:
    where = f"{'.'.join(place)}: " if place else ""
    if kind == "extra_forbidden":
        return f"{where}there is no such field; put what is your own under attributes"
    return where + message.removeprefix("Value error, ")
