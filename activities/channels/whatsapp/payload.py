"""Meta's message object for what a message shows.

Promise: pure; a part that Meta would refuse when it is empty is left out, and nothing else is. A medium that was uploaded
goes by the id that it got, any other by its link.
Sources: Meta's OpenAPI description of the Cloud API v23.0 (`language.policy` is required) and "Messages: template messages",
"Media card carousel templates", "Product card carousel templates", "Coupon code templates", "Catalog templates".
"""

from typing import Any

from activities.channels.message import Outgoing
from activities.channels.whatsapp.content import ButtonGap, Card, Gaps, Media, Place, Uploaded, WhatsAppContent, medium
from activities.channels.whatsapp.free_form import FreeForm


def message(outgoing: Outgoing, content: WhatsAppContent | FreeForm, uploaded: Uploaded) -> dict[str, Any]:
    """The body of `POST /{phone-number-id}/messages`."""
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": outgoing.address.value,
        **(content.wire(uploaded) if isinstance(content, FreeForm) else _template(content, uploaded)),
        "biz_opaque_callback_data": outgoing.key,
    }


def _template(content: WhatsAppContent, uploaded: Uploaded) -> dict[str, Any]:
    components = [*_header(content.header, uploaded), *_body(content.body), *map(_button, content.buttons)]
    if content.cards:
        cards = [_card(place, card, uploaded) for place, card in enumerate(content.cards)]
        components.append({"type": "carousel", "cards": cards})
    language = {"code": content.language, "policy": "deterministic"}
    return {"type": "template", "template": {"name": content.template, "language": language, "components": components}}


def _header(header: Media | Place | Gaps | None, uploaded: Uploaded) -> list[dict[str, Any]]:
    match header:
        case Media():
            return [_component("header", _medium(header, uploaded))]
        case Place():
            return [_component("header", {"type": "location", "location": header.wire})]
        case Gaps():
            return [_component("header", *_texts(header))]
    return []


def _body(gaps: Gaps) -> list[dict[str, Any]]:
    return [_component("body", *_texts(gaps))] if gaps.texts else []


def _card(place: int, card: Card, uploaded: Uploaded) -> dict[str, Any]:
    shown = _medium(card.media, uploaded) if card.media else _product(card)
    components = [_component("header", shown), *_body(card.body), *map(_button, card.buttons)]
    return {"card_index": place, "components": components}


def _product(card: Card) -> dict[str, Any]:
    return {"type": "product", "product": {"product_retailer_id": card.product, "catalog_id": card.catalog}}


def _medium(media: Media, uploaded: Uploaded) -> dict[str, Any]:
    return {"type": media.kind, media.kind: medium(media, uploaded)}


def _texts(gaps: Gaps) -> list[dict[str, str]]:
    if not gaps.names:
        return [{"type": "text", "text": text} for text in gaps.texts]
    named = zip(gaps.names, gaps.texts, strict=True)
    return [{"type": "text", "parameter_name": name, "text": text} for name, text in named]


def _button(gap: ButtonGap) -> dict[str, Any]:
    parameter: dict[str, Any]
    match gap.kind:
        case "quick_reply":
            parameter = {"type": "payload", "payload": gap.value}
        case "url":
            parameter = {"type": "text", "text": gap.value}
        case "copy_code":
            parameter = {"type": "coupon_code", "coupon_code": gap.value}
        case "catalog":
            parameter = {"type": "action", "action": {"thumbnail_product_retailer_id": gap.value}}
        case "flow":
            parameter = {"type": "action", "action": {"flow_token": gap.value}}
    return {"type": "button", "sub_type": gap.kind, "index": str(gap.place), "parameters": [parameter]}


def _component(kind: str, *parameters: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "parameters": list(parameters)}
