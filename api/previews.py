"""A message of the catalogue as it would look for a customer, real or made up: for operators, and for tools that write.

Promise: it reads only; nothing is sent or kept, personal data stands in the answer and nowhere else, and no cache keeps it.
"""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from activities.channels.preview import CannotPreview, Given, Preview
from api.auth import PersonReader, Reader, insist_on, schemes
from api.config import ApiConfig
from api.problems import Problem, responses
from api.segments.access import Text, no_customer, one_name
from api.state import Config, Db
from store import Database
from store.keys import Caller, Right

router = APIRouter(prefix="/v1/templates", tags=["messages"], dependencies=schemes())

_UNKEPT = {"Cache-Control": "no-store"}
_Name = Annotated[str, Path(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
_Values = dict[str, Any]


class SizeOut(BaseModel):
    """How long a text message is."""

    model_config = ConfigDict(from_attributes=True)

    alphabet: str = Field(description="GSM-7 or UCS-2")
    units: int = Field(description="septets, or 16-bit words")
    parts: int = Field(description="what carriers bill")


class PreviewOut(BaseModel):
    """A message as it would look. Links that are made for one customer have `preview` in place of their signature."""

    channel: str
    template: str
    file: str = Field(examples=["definitions/cart_abandonment/cart-reminder.push.yaml"])
    content: _Values = Field(description="what it shows: title, body, subject, html, text, …, by the channel")
    missing: list[str] = Field(description="variables without a value: a fallback, or another branch, stands in their place")
    otherwise: _Values = Field(
        description="what contexts tell where nobody gives it: as they declare it, by variable",
        examples=[{"context.weather.rain": 0.0}],
    )
    language: str = Field(description="of its amounts and dates")
    zone: str = Field(description="of its dates")
    size: SizeOut | None = Field(description="of a text message")
    cost: str | None = Field(description="by the catalogue's prices", examples=["0.0609 EUR"])


class PreviewIn(BaseModel):
    """Somebody made up, or a customer; values that are given count instead of the customer's."""

    model_config = ConfigDict(extra="forbid")

    user_id: str | None = Field(default=None, min_length=1, max_length=255, pattern=r"^[^\x00]*$")
    customer_id: UUID | None = None
    customer: _Values = Field(default_factory=dict, description="traits", examples=[{"firstName": "Ana"}], repr=False)
    entry: _Values = Field(default_factory=dict, description="properties of the entering event", repr=False)
    params: _Values = Field(default_factory=dict, description="what the journey passes", repr=False)
    fetched: _Values = Field(default_factory=dict, description="what services gave", repr=False)
    product: _Values = Field(default_factory=dict, description="what a template that asks for a product offers", repr=False)
    bought: _Values = Field(default_factory=dict, description="what it is offered for, of a purchase", repr=False)
    added: _Values = Field(default_factory=dict, description="what it is offered for, of the cart", repr=False)
    context: _Values = Field(
        default_factory=dict, description="what contexts tell, by name", examples=[{"weather": {"rain": 2}}], repr=False
    )
    timezone: str | None = Field(default=None, max_length=100, description="where dates are shown", examples=["Europe/Madrid"])


class TemplateView(BaseModel):
    """A template of the catalogue."""

    model_config = ConfigDict(from_attributes=True)

    channel: str
    template: str
    file: str
    params: list[str] = Field(description="what a journey or campaign passes to it")
    product: bool = Field(description="it asks for a product to offer")
    languages: list[str] = Field(description="into which it is translated")
    variables: list[str] = Field(description="what it names and is given", examples=[["customer.firstName", "params.offer"]])
    journeys: list[str] = Field(description="that send it, on any of their ways")
    places: list[str] = Field(description="of pages and apps, that show it")


@router.get("", summary="The templates", responses=responses(401, 403, 503))
async def list_templates(_: Reader, config: Config) -> list[TemplateView]:
    """The templates of messages, by channel."""
    return [TemplateView.model_validate(each) for each in config.templates]


@router.get("/{channel}/{template}/preview", summary="Preview for a customer", responses=responses(401, 403, 404, 422, 503))
async def preview_for_customer(
    channel: _Name,
    template: _Name,
    _: PersonReader,
    config: Config,
    database: Db,
    response: Response,
    user_id: Text = None,
    customer_id: UUID | None = None,
    anonymous_id: Text = None,
    email: Text = None,
) -> PreviewOut:
    """A message as it would look now for one customer, with nothing of an entering event: its fallbacks show."""
    response.headers.update(_UNKEPT)
    given = Given(named=one_name(user_id, customer_id, anonymous_id, email))
    return _out(await previewed(config, database, channel, template, given))


@router.post("/{channel}/{template}/preview", summary="Preview with values", responses=responses(401, 403, 404, 413, 422, 503))
async def preview_with_values(
    channel: _Name, template: _Name, body: PreviewIn, caller: Reader, config: Config, database: Db, response: Response
) -> PreviewOut:
    """A message as it would look for somebody made up, or for a customer who entered by this event."""
    response.headers.update(_UNKEPT)
    return _out(await previewed(config, database, channel, template, given_by(body, caller)))


def given_by(body: PreviewIn, caller: Caller) -> Given:
    """What a message is previewed with.

    Raises:
        Problem: 403, for a customer, whose data the caller may not see.
    """
    values = body.model_dump(exclude={"user_id", "customer_id"})
    real = (body.user_id, body.customer_id) != (None, None)
    if real:
        insist_on(caller, Right.PERSONAL)
    return Given(named=one_name(body.user_id, body.customer_id, None, None) if real else None, **values)


async def previewed(config: ApiConfig, database: Database, channel: str, template: str, given: Given) -> Preview:
    """A message as it would look.

    Raises:
        Problem: 404, there is no such template or customer; 422, it cannot be rendered with what is given.
    """
    if config.preview is None:
        raise Problem(404, "this API serves no catalogue whose messages it could show", code="unknown-template")
    try:
        return await config.preview(database, channel, template, given)
    except CannotPreview as error:
        if error.of == "customer":
            raise no_customer() from None
        if error.of == "template":
            raise Problem(404, str(error), code="unknown-template") from None
        raise Problem(422, str(error), code="cannot-preview") from None


def _out(found: Preview) -> PreviewOut:
    told = {name: getattr(found, name) for name in PreviewOut.model_fields if name != "content"}
    return PreviewOut.model_validate(told | {"content": found.shown, "missing": [*found.missing]})
