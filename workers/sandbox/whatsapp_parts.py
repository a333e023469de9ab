"""The parts of a WhatsApp message that a template fills, and what the Graph API checks of them.

Source: Meta's Cloud API reference, "Messages: template object" and "Media card carousel templates".
"""

import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

_MOST_BUTTONS = 10
_CARDS = range(2, 11)


class Violation(Exception):
    """The message breaks a rule: a Graph error code, its title and the details."""

    def __init__(self, code: int, title: str, details: str | None = None) -> None:
        super().__init__(title)
        self.code, self.title, self.details = code, title, details or title


class Part(BaseModel):
    """Strict about types and names."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _one_line(value: str) -> str:
    if re.search(r"[\n\t]| {5}", value):
        raise ValueError("Param text cannot have new-line/tab characters or more than 4 consecutive spaces")
    return value


class Media(Part):
    """An image, video or document, by link or by uploaded id."""

    link: Annotated[str, Field(pattern=r"^https?://\S+$")] | None = None
    id: str | None = None
    filename: str | None = Field(default=None, max_length=240)
    caption: str | None = Field(default=None, max_length=1024)

    @model_validator(mode="after")
    def _one_of(self) -> "Media":
        if (self.link is None) == (self.id is None):
            raise ValueError("either id or link is required")
        return self


def _lower(value: object) -> object:
    """Meta's own examples have both."""
    return value.lower() if isinstance(value, str) else value


def _degrees(value: object) -> object:
    """Meta's specification has texts, its examples numbers."""
    return float(value) if isinstance(value, str | int) and not isinstance(value, bool) else value


class Location(Part):
    """A place on the map."""

    latitude: Annotated[float, BeforeValidator(_degrees), Field(ge=-90, le=90)]
    longitude: Annotated[float, BeforeValidator(_degrees), Field(ge=-180, le=180)]
    name: str | None = None
    address: str | None = None


class Product(Part):
    """One product of a catalogue."""

    product_retailer_id: str = Field(min_length=1)
    catalog_id: str = Field(min_length=1)


class Action(Part):
    """What a catalogue's or a flow's button carries."""

    thumbnail_product_retailer_id: str | None = None
    flow_token: str | None = None
    flow_action_data: dict[str, Any] | None = None


ParameterType: TypeAlias = Literal[
    "text",
    "currency",
    "date_time",
    "image",
    "video",
    "document",
    "location",
    "product",
    "payload",
    "coupon_code",
    "action",
]


class Parameter(Part):
    """A value that fills a place of the template."""

    type: ParameterType
    text: Annotated[str, Field(max_length=1024), AfterValidator(_one_line)] | None = None
    parameter_name: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]*$")
    payload: str | None = Field(default=None, max_length=256)
    coupon_code: str | None = Field(default=None, max_length=15)
    image: Media | None = None
    video: Media | None = None
    document: Media | None = None
    location: Location | None = None
    product: Product | None = None
    currency: dict[str, Any] | None = None
    date_time: dict[str, Any] | None = None
    action: Action | None = None

    @property
    def media(self) -> Media | None:
        """What it shows, if it shows something."""
        return self.image or self.video or self.document

    @property
    def shown(self) -> str:
        """What a person reads."""
        fallback = (self.currency or self.date_time or {}).get("fallback_value")
        return str(self.text or self.payload or self.coupon_code or fallback or "")


#: Which parameters a button of a kind takes.
_OF_BUTTON = {
    "quick_reply": {"payload", "text"},
    "url": {"text"},
    "copy_code": {"coupon_code"},
    "flow": {"action"},
    "catalog": {"action"},
    "mpm": {"action"},
}
_OF_HEADER = {"text", "image", "video", "document", "location", "product"}
_OF_BODY = {"text", "currency", "date_time"}


class Component(Part):
    """A part of the template that takes parameters."""

    type: Annotated[Literal["header", "body", "button", "carousel"], BeforeValidator(_lower)]
    sub_type: (
        Annotated[Literal["url", "quick_reply", "copy_code", "flow", "catalog", "mpm"], BeforeValidator(_lower)] | None
    ) = None
    index: int | str | None = None
    parameters: list[Parameter] = Field(default_factory=list)
    cards: list["Card"] | None = None

    def check(self) -> None:
        """Insist on what the Graph API insists on.

        Raises:
            Violation: it does not hold.
        """
        if self.type == "button":
            self._check_button()
        for parameter in self.parameters:
            if not getattr(parameter, parameter.type):
                details = f"{self.type}: Parameter of type {parameter.type} is missing {parameter.type} value"
                raise Violation(131008, "Required parameter is missing", details)
            if parameter.type not in self._taken:
                raise Violation(132012, "Parameter format does not match", f"{self.type}: {parameter.type} is not taken there")
        names = [parameter.parameter_name for parameter in self.parameters]
        if (None in names and set(names) != {None}) or (None not in names and len(set(names)) < len(names)):
            raise Violation(100, "Invalid parameter", f"{self.type}: parameters are named all, and each once, or none of them")

    @property
    def _taken(self) -> set[str]:
        if self.type == "button":
            return _OF_BUTTON[self.sub_type or ""]
        return _OF_HEADER if self.type == "header" else _OF_BODY

    def _check_button(self) -> None:
        if self.sub_type is None or self.index is None:
            raise Violation(100, "The parameter template['components'][button]['sub_type' and 'index'] is required.")
        if not str(self.index).isdigit() or int(self.index) >= _MOST_BUTTONS:
            raise Violation(100, "Invalid parameter", f"index must be 0 to {_MOST_BUTTONS - 1}")


class Card(Part):
    """One card of a carousel."""

    card_index: int = Field(ge=0, le=9)
    components: list[Component]


class Language(Part):
    """A template's language."""

    code: str = Field(min_length=2, max_length=12)
    policy: Literal["deterministic"] | None = None


class Template(Part):
    """A template and its parameters."""

    name: str = Field(pattern=r"^[a-z0-9_]{1,512}$")
    language: Language
    components: list[Component] = Field(default_factory=list)
    namespace: str | None = None

    @property
    def every(self) -> Iterator[Component]:
        """Its components, those of cards too."""
        for component in self.components:
            yield component
            for card in component.cards or ():
                yield from card.components

    def check(self) -> None:
        """Insist on what the Graph API insists on.

        Raises:
            Violation: it does not hold.
        """
        for component in self.every:
            component.check()
            if component.type == "carousel":
                _check_cards(component.cards or [])


def _check_cards(cards: list[Card]) -> None:
    if len(cards) not in _CARDS:
        raise Violation(100, "Invalid parameter", "A carousel must have 2 to 10 cards")
    if [card.card_index for card in cards] != list(range(len(cards))):
        raise Violation(100, "Invalid parameter", "card_index must count the cards from 0")
    if len({tuple(_shape(card.components)) for card in cards}) > 1:
        raise Violation(132012, "Parameter format does not match", "all cards must have the same components")


def _shape(components: Iterable[Component]) -> Iterator[tuple[str, ...]]:
    for component in components:
        yield component.type, str(component.sub_type), *(parameter.type for parameter in component.parameters)
