"""Messages of one's own, which Meta takes within 24 hours of a customer's last message: texts, media, places, questions, goods.

Promise: one class for each kind of message, and beside it what it becomes on the wire; pure.
Sources: Meta's OpenAPI description of the Cloud API v23.0, "Interactive reply buttons", "Interactive list messages",
"Interactive call-to-action URL button", "Sell products & services", "Sending flows".
"""

from typing import Any

from pydantic import Field

from activities.channels.message import Content, Frozen
from activities.channels.whatsapp.content import Media, Place, Uploaded, medium


class Choice(Frozen):
    """A button, or a row of a list: the name that a journey hears, and what a customer reads."""

    name: str
    title: str = Field(repr=False)
    description: str | None = Field(default=None, repr=False)

    @property
    def wire(self) -> dict[str, str]:
        """As Meta has it."""
        told = {"id": self.name, "title": self.title, "description": self.description}
        return {key: text for key, text in told.items() if text}


class Section(Frozen):
    """Some rows of a list, or some products, under a title."""

    title: str | None = Field(default=None, repr=False)
    rows: tuple[Choice, ...] = ()
    products: tuple[str, ...] = Field(default=(), repr=False)

    @property
    def wire(self) -> dict[str, Any]:
        """As Meta has it."""
        items = [{"product_retailer_id": each} for each in self.products]
        inner: dict[str, Any] = {"product_items": items} if items else {"rows": [row.wire for row in self.rows]}
        return ({"title": self.title} if self.title else {}) | inner


class Buttons(Frozen):
    """Up to three buttons that answer."""

    kind: str = "button"
    choices: tuple[Choice, ...]

    @property
    def action(self) -> dict[str, Any]:
        """As Meta has it."""
        return {"buttons": [{"type": "reply", "reply": choice.wire} for choice in self.choices]}


class Listed(Frozen):
    """A list of up to ten rows, behind one button."""

    kind: str = "list"
    button: str = Field(repr=False)
    sections: tuple[Section, ...]

    @property
    def action(self) -> dict[str, Any]:
        """As Meta has it."""
        return {"button": self.button, "sections": [section.wire for section in self.sections]}


class Link(Frozen):
    """One button that opens a page."""

    kind: str = "cta_url"
    button: str = Field(repr=False)
    url: str = Field(repr=False)

    @property
    def action(self) -> dict[str, Any]:
        """As Meta has it."""
        return {"name": "cta_url", "parameters": {"display_text": self.button, "url": self.url}}


class Goods(Frozen):
    """Products of a catalogue: one, or several in sections."""

    catalog: str
    sections: tuple[Section, ...]

    @property
    def kind(self) -> str:
        """One product has a message of its own."""
        one = len(self.sections) == 1 and len(self.sections[0].products) == 1 and self.sections[0].title is None
        return "product" if one else "product_list"

    @property
    def action(self) -> dict[str, Any]:
        """As Meta has it."""
        if self.kind == "product":
            return {"catalog_id": self.catalog, "product_retailer_id": self.sections[0].products[0]}
        return {"catalog_id": self.catalog, "sections": [section.wire for section in self.sections]}


class WholeCatalog(Frozen):
    """The whole catalogue, behind the picture of one of its products."""

    kind: str = "catalog_message"
    product: str = Field(repr=False)

    @property
    def action(self) -> dict[str, Any]:
        """As Meta has it."""
        return {"name": "catalog_message", "parameters": {"thumbnail_product_retailer_id": self.product}}


class Flow(Frozen):
    """A form of several screens (a flow that Meta holds), from one of them on."""

    kind: str = "flow"
    name: str
    button: str = Field(repr=False)
    screen: str
    token: str = Field(repr=False)
    data: dict[str, str] = Field(default_factory=dict, repr=False)

    @property
    def action(self) -> dict[str, Any]:
        """As Meta has it."""
        payload = {"screen": self.screen} | ({"data": self.data} if self.data else {})
        parameters = {
            "flow_message_version": "3",
            "flow_token": self.token,
            "flow_name": self.name,
            "flow_cta": self.button,
            "flow_action": "navigate",
            "flow_action_payload": payload,
        }
        return {"name": "flow", "parameters": parameters}


Action = Buttons | Listed | Link | Goods | WholeCatalog | Flow


class FreeForm(Content):
    """A message of one's own: a text, a medium or a place, or a text with something to tap."""

    text: str | None = Field(default=None, repr=False)
    header: Media | str | None = Field(default=None, repr=False)
    footer: str | None = Field(default=None, repr=False)
    shows: Media | Place | None = None
    action: Action | None = None

    @property
    def media(self) -> list[Media]:
        """What it shows."""
        return [each for each in (self.header, self.shows) if isinstance(each, Media)]

    def wire(self, uploaded: Uploaded) -> dict[str, Any]:
        """Its type, and what stands under it in Meta's message object."""
        if self.action is not None:
            return {"type": "interactive", "interactive": self._interactive(self.action, uploaded)}
        match self.shows:
            case Media() as media:
                return {"type": media.kind, media.kind: medium(media, uploaded)}
            case Place() as place:
                return {"type": "location", "location": place.wire}
        return {"type": "text", "text": {"body": self.text, "preview_url": "https://" in (self.text or "")}}

    def _interactive(self, action: Action, uploaded: Uploaded) -> dict[str, Any]:
        header: dict[str, Any] | None = None
        match self.header:
            case Media() as media:
                header = {"type": media.kind, media.kind: medium(media, uploaded)}
            case str() as text:
                header = {"type": "text", "text": text}
        parts = {
            "header": header,
            "body": {"text": self.text} if self.text else None,
            "footer": {"text": self.footer} if self.footer else None,
        }
        return {"type": action.kind, **{name: part for name, part in parts.items() if part}, "action": action.action}
