"""A WhatsApp Cloud API message: templates and text, and how the Graph API words each violation.

Source: Meta's Cloud API reference, "Messages" and "Error codes"; `language.policy` is `deterministic` in Meta's
specification.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from workers.sandbox.nesting import too_deep

_PUNCTUATION = re.compile(r"[+()\-.\s]")


class Violation(Exception):
    """The message breaks a rule: a Graph error code, its title and the details."""

    def __init__(self, code: int, title: str, details: str | None = None) -> None:
        super().__init__(title)
        self.code, self.title, self.details = code, title, details or title


def _phone(value: str) -> str:
    digits = _PUNCTUATION.sub("", value)
    if not re.fullmatch(r"[0-9]{7,15}", digits):
        raise ValueError("must be a phone number with its country code")
    return value


def _one_line(value: str) -> str:
    if re.search(r"[\n\t]| {5}", value):
        raise ValueError("Param text cannot have new-line/tab characters or more than 4 consecutive spaces")
    return value


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Language(_Part):
    """A template's language."""

    code: str = Field(min_length=2, max_length=12)
    policy: Literal["deterministic"] | None = None


class Media(_Part):
    """An image, video or document, by link or by uploaded id."""

    link: Annotated[str, Field(pattern=r"^https?://\S+$")] | None = None
    id: str | None = None
    filename: str | None = None
    caption: str | None = None


class Parameter(_Part):
    """A value that fills a place of the template."""

    type: Literal["text", "currency", "date_time", "image", "video", "document", "payload", "coupon_code", "action"]
    text: Annotated[str, Field(max_length=1024), AfterValidator(_one_line)] | None = None
    parameter_name: str | None = None
    payload: str | None = None
    coupon_code: str | None = None
    image: Media | None = None
    video: Media | None = None
    document: Media | None = None
    currency: dict[str, Any] | None = None
    date_time: dict[str, Any] | None = None
    action: dict[str, Any] | None = None

    @property
    def shown(self) -> str:
        """What a person reads."""
        fallback = (self.currency or self.date_time or {}).get("fallback_value")
        return str(self.text or self.payload or self.coupon_code or fallback or "")


class Component(_Part):
    """A part of the template that takes parameters."""

    type: Literal["header", "body", "button", "HEADER", "BODY", "BUTTON"]
    sub_type: Literal["url", "quick_reply", "copy_code", "flow", "catalog", "mpm"] | None = None
    index: int | str | None = None
    parameters: list[Parameter] = Field(default_factory=list)


class Template(_Part):
    """A template and its parameters."""

    name: str = Field(pattern=r"^[a-z0-9_]{1,512}$")
    language: Language
    components: list[Component] = Field(default_factory=list)
    namespace: str | None = None


class Text(_Part):
    """Free text, for the 24 hours after a customer wrote."""

    body: str = Field(min_length=1, max_length=4096)
    preview_url: bool = False


class Context(_Part):
    """The message that this one answers."""

    message_id: str


class WhatsAppMessage(_Part):
    """The body of `POST /{phone_number_id}/messages`."""

    messaging_product: Literal["whatsapp"]
    recipient_type: Literal["individual"] = "individual"
    to: Annotated[str, AfterValidator(_phone)]
    type: Literal["template", "text"] = "text"
    template: Template | None = None
    text: Text | None = None
    context: Context | None = None
    biz_opaque_callback_data: str | None = Field(default=None, max_length=512)

    @property
    def wa_id(self) -> str:
        """The recipient as WhatsApp knows it: digits only."""
        return _PUNCTUATION.sub("", self.to)

    def parameters(self, component: str) -> list[Parameter]:
        """The parameters of the template's header, body or buttons."""
        components = self.template.components if self.template else []
        return [p for c in components if c.type.lower() == component for p in c.parameters]


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
    for component in message.template.components if message.template else []:
        _check(component)
    return message


def _check(component: Component) -> None:
    if component.type.lower() == "button" and (component.sub_type is None or component.index is None):
        raise _required("template['components'][button]['sub_type' and 'index']")
    for parameter in component.parameters:
        if not getattr(parameter, parameter.type):
            details = f"{component.type}: Parameter of type {parameter.type} is missing {parameter.type} value"
            raise Violation(131008, "Required parameter is missing", details)


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
