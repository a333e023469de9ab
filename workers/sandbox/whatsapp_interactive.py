"""Interactive WhatsApp messages, and what the Graph API checks of each kind.

Source: Meta's OpenAPI description of the Cloud API v23.0 (`InteractiveObject`, `SectionObject`), "Interactive reply buttons",
"Interactive list messages", "Share products with customers", "Sending flows".
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import Field

from workers.sandbox.whatsapp_parts import Media, Part, Violation

_MOST = {"button": 3, "list": 10, "product_list": 30}


class Text(Part):
    """A text."""

    text: str = Field(min_length=1, max_length=4096)


class Footer(Part):
    """The line below."""

    text: str = Field(min_length=1, max_length=60)


class Header(Part):
    """What stands above."""

    type: Literal["text", "image", "video", "document"]
    text: str | None = Field(default=None, max_length=60)
    image: Media | None = None
    video: Media | None = None
    document: Media | None = None

    @property
    def media(self) -> Media | None:
        """What it shows."""
        return self.image or self.video or self.document


class Reply(Part):
    """A button that answers."""

    id: str = Field(min_length=1, max_length=256)
    title: str = Field(min_length=1, max_length=20)


class Button(Part):
    """One button."""

    type: Literal["reply"]
    reply: Reply


class Row(Part):
    """A row of a list."""

    id: str = Field(min_length=1, max_length=200)
    title: str = Field(min_length=1, max_length=24)
    description: str | None = Field(default=None, max_length=72)


class Item(Part):
    """A product."""

    product_retailer_id: str = Field(min_length=1)


class Section(Part):
    """Rows or products under a title."""

    title: str | None = Field(default=None, max_length=24)
    rows: list[Row] = Field(default_factory=list)
    product_items: list[Item] = Field(default_factory=list)


class Action(Part):
    """What may be tapped."""

    buttons: list[Button] | None = None
    button: Annotated[str, Field(min_length=1, max_length=20)] | None = None
    sections: list[Section] | None = None
    catalog_id: str | None = None
    product_retailer_id: str | None = None
    name: Literal["cta_url", "catalog_message", "flow"] | None = None
    parameters: dict[str, Any] | None = None


class Interactive(Part):
    """A message with something to tap."""

    type: Literal["button", "list", "cta_url", "product", "product_list", "catalog_message", "flow"]
    header: Header | None = None
    body: Text | None = None
    footer: Footer | None = None
    action: Action

    @property
    def shown(self) -> str:
        """What a person reads."""
        return self.body.text if self.body else ""

    @property
    def choices(self) -> tuple[tuple[str, str], ...]:
        """What may be tapped: its name, and what a person reads on it."""
        buttons = [(button.reply.id, button.reply.title) for button in self.action.buttons or ()]
        return *buttons, *((row.id, row.title) for section in self.action.sections or () for row in section.rows)

    def check(self) -> None:
        """Insist on what the Graph API insists on.

        Raises:
            Violation: it does not hold.
        """
        if self.body is None and self.type != "product":
            raise Violation(100, "The parameter interactive['body'] is required.")
        if self.header is not None and not getattr(self.header, self.header.type):
            raise Violation(131008, "Required parameter is missing", f"header of type {self.header.type} is missing it")
        if self.header is not None and self.header.type != "text" and self.type in ("list", "product_list"):
            raise Violation(131009, "Parameter value is not valid", f"a header of {self.type} is a text")
        _CHECKS[self.type](self)


def _ids(what: str, ids: list[str], most: int) -> None:
    if not 1 <= len(ids) <= most:
        raise Violation(131009, "Parameter value is not valid", f"{what}: min allowed 1, max allowed {most}")
    if len(set(ids)) < len(ids):
        raise Violation(131009, "Parameter value is not valid", f"{what}: duplicated ids")


def _button(message: Interactive) -> None:
    buttons = message.action.buttons or []
    _ids("Buttons count", [button.reply.id for button in buttons], _MOST["button"])
    if len(message.shown) > 1024:  # noqa: PLR2004 - Meta's
        raise Violation(131009, "Parameter value is not valid", "Body text length invalid. Max length: 1024")


def _list(message: Interactive) -> None:
    sections = message.action.sections or []
    if message.action.button is None:
        raise Violation(100, "The parameter interactive['action']['button'] is required.")
    _ids("Total row count", [row.id for section in sections for row in section.rows], _MOST["list"])
    _titled(sections)


def _titled(sections: list[Section]) -> None:
    if len(sections) > 1 and not all(section.title for section in sections):
        raise Violation(131009, "Parameter value is not valid", "title is required where there are several sections")


def _goods(message: Interactive) -> None:
    if message.header is None or message.action.catalog_id is None:
        raise Violation(100, "The parameters interactive['header' and 'action']['catalog_id'] are required.")
    sections = message.action.sections or []
    items = [item.product_retailer_id for section in sections for item in section.product_items]
    _ids("Total products count", items, _MOST["product_list"])
    _titled(sections)


def _product(message: Interactive) -> None:
    if message.action.catalog_id is None or message.action.product_retailer_id is None or message.header is not None:
        raise Violation(131009, "Parameter value is not valid", "a product has catalog_id, product_retailer_id and no header")


def _parameters(*names: str) -> Callable[[Interactive], None]:
    def check(message: Interactive) -> None:
        missing = [name for name in names if not (message.action.parameters or {}).get(name)]
        if message.action.name != message.type or missing:
            raise Violation(100, f"The parameter interactive['action']['parameters'] is required: {', '.join(missing)}")

    return check


_CHECKS: dict[str, Callable[[Interactive], None]] = {
    "button": _button,
    "list": _list,
    "product": _product,
    "product_list": _goods,
    "cta_url": _parameters("display_text", "url"),
    "catalog_message": _parameters("thumbnail_product_retailer_id"),
    "flow": _parameters("flow_message_version", "flow_token", "flow_cta", "flow_name"),
}
