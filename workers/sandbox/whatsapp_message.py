"""A WhatsApp Cloud API message: templates, and what goes inside the service window; and how the Graph API words each violation.

Source: Meta's Cloud API reference, "Messages" and "Error codes"; `language.policy` is `deterministic` in Meta's
specification.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError
from pydantic_core import ErrorDetails

from workers.sandbox.nesting import too_deep
from workers.sandbox.whatsapp_interactive import Header, Interactive
from workers.sandbox.whatsapp_parts import Location, Media, Parameter, Part, Template, Violation

_PUNCTUATION = re.compile(r"[+()\-.\s]")


def _phone(value: str) -> str:
    digits = _PUNCTUATION.sub("", value)
    if not re.fullmatch(r"[0-9]{7,15}", digits):
        raise ValueError("must be a phone number with its country code")
    return value


class Text(Part):
    """Free text, for the 24 hours after a customer wrote."""

    body: str = Field(min_length=1, max_length=4096)
    preview_url: bool = False


class Context(Part):
    """The message that this one answers."""

    message_id: str


class WhatsAppMessage(Part):
    """The body of `POST /{phone_number_id}/messages`."""

    messaging_product: Literal["whatsapp"]
    recipient_type: Literal["individual"] = "individual"
    to: Annotated[str, AfterValidator(_phone)]
    type: Literal["template", "text", "image", "video", "document", "location", "interactive"] = "text"
    template: Template | None = None
    text: Text | None = None
    image: Media | None = None
    video: Media | None = None
    document: Media | None = None
    location: Location | None = None
    interactive: Interactive | None = None
    context: Context | None = None
    biz_opaque_callback_data: str | None = Field(default=None, max_length=512)

    @property
    def wa_id(self) -> str:
        """The recipient as WhatsApp knows it: digits only."""
        return _PUNCTUATION.sub("", self.to)

    def parameters(self, component: str) -> list[Parameter]:
        """The parameters of the template's header, body or buttons."""
        components = self.template.components if self.template else []
        return [p for c in components if c.type == component for p in c.parameters]

    @property
    def media(self) -> list[str]:
        """The ids of uploaded media that it shows."""
        components = self.template.every if self.template else ()
        shown = [parameter.media for component in components for parameter in component.parameters]
        shown += [self.shows, self.header.media if self.header else None]
        return [media.id for media in shown if media is not None and media.id is not None]

    @property
    def shows(self) -> Media | None:
        """The medium that it is."""
        return self.image or self.video or self.document

    @property
    def header(self) -> Header | None:
        """What stands above an interactive message."""
        return self.interactive.header if self.interactive else None

    @property
    def choices(self) -> tuple[tuple[str, str], ...]:
        """What may be tapped. What stands on a template's buttons Meta alone knows, so that it is the name here."""
        components = self.template.components if self.template else []
        named = [p.shown for c in components if c.sub_type == "quick_reply" for p in c.parameters]
        return self.interactive.choices if self.interactive else tuple((name, name) for name in named)

    @property
    def said(self) -> str:
        """What a person reads of a message that is no template."""
        caption = self.shows.caption if self.shows else None
        return (self.text and self.text.body) or (self.interactive and self.interactive.shown) or caption or ""


def parsed(payload: Any) -> WhatsAppMessage:
    """The message, or the first `Violation` as the Graph API would word it."""
    if too_deep(payload):
        raise Violation(100, "Invalid parameter", "The body nests too deeply.")
    try:
        message = WhatsAppMessage.model_validate(payload)
    except ValidationError as error:
        raise _violation(error.errors()[0]) from error
    if getattr(message, message.type) is None:
        raise _required(message.type)
    for part in (message.template, message.interactive):
        if part is not None:
            part.check()
    return message


def _required(name: str) -> Violation:
    return Violation(100, f"The parameter {name} is required.")


def _violation(error: ErrorDetails) -> Violation:
    name = _name(error["loc"])
    match error["type"]:
        case "missing":
            return _required(name)
        case "extra_forbidden":
            owner = _name(error["loc"][:-1]) or "messages"
            return Violation(100, "Invalid parameter", f'Unexpected key "{error["loc"][-1]}" on param "{owner}".')
        case "value_error":
            return Violation(100, "Invalid parameter", f"{name}: {error['ctx']['error']}")
        case _:
            return Violation(100, "Invalid parameter", f"Param {name} is not valid: {error['msg']}")


def _name(loc: tuple[int | str, ...]) -> str:
    """`template['language']['code']`, as the Graph API names a nested parameter."""
    if not loc:
        return ""
    return str(loc[0]) + "".join(f"[{step}]" if isinstance(step, int) else f"['{step}']" for step in loc[1:])


class Receipt(Part):
    """What marks a customer's message as read."""

    messaging_product: Literal["whatsapp"]
    status: Literal["read"]
    message_id: str = Field(pattern=r"^wamid\.")
    typing_indicator: dict[str, str] | None = None


def receipt(payload: Any) -> str:
    """The message that is marked as read, or the `Violation` as the Graph API would word it."""
    try:
        return Receipt.model_validate(payload).message_id
    except ValidationError as error:
        raise _violation(error.errors()[0]) from error
