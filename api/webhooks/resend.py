"""Resend's notifications, checked and read leniently: what is understood becomes a status, the rest keeps a reason.

Promise: nothing is taken without the signature of the last five minutes; neutral; our key comes back as a tag, so that
a doubt is settled.
Sources: Resend, "Webhooks" (events, and their `data`), its OpenAPI description (`WebhookEventBounce`, …); Standard Webhooks,
"Verifying signatures", whose headers Svix calls `svix-…`.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

import orjson
from pydantic import AwareDatetime, BaseModel, Field

from activities.channels.email.bounced import Bounced, bounced, code_in
from activities.channels.email.readers import followed_by_machine, opened_by_machine
from activities.channels.email.resend import TAG, key_in
from activities.channels.feedback import Notice, Status, Unreadable
from api.body import as_text
from api.webhooks.reading import Id, Text, instant, key_of, one
from api.webhooks.standard import genuine
from store.deliveries.ledger import MessageKey

#: What is about something else, or tells nothing that anybody acts on.
_IGNORED = ("email.delivery_delayed", "email.scheduled", "email.received", "contact.", "domain.")
_STATUSES = {
    "email.sent": "sent",
    "email.delivered": "delivered",
    "email.bounced": "failed",
    "email.failed": "failed",
    "email.suppressed": "failed",
    "email.complained": "complained",
    "email.opened": "read",
    "email.clicked": "clicked",
}
_THE_LETTER = frozenset({"MessageTooLarge", "ContentRejected", "AttachmentRejected"})


class _Bounce(BaseModel):
    kind: Annotated[str, Field(alias="type")] = ""
    sub_kind: Annotated[Text, Field(alias="subType")] = ""
    diagnostic: Annotated[list[Text], Field(alias="diagnosticCode")] = []


class _Suppressed(BaseModel):
    reason: str = ""


class _Click(BaseModel):
    user_agent: Annotated[str, Field(alias="userAgent")] = ""
    link: Annotated[Text | None, Field(max_length=4096)] = None


class _Data(BaseModel):
    id: Annotated[Id, Field(alias="email_id")]
    tags: dict[str, str] | list[dict[str, str]] = {}
    bounce: _Bounce = _Bounce()
    suppressed: _Suppressed = _Suppressed()
    click: _Click = _Click()
    open: _Click = _Click()

    @property
    def key(self) -> MessageKey | None:
        """Our own key, if its tag came back."""
        tags = self.tags if isinstance(self.tags, dict) else {each.get("name", ""): each.get("value", "") for each in self.tags}
        return key_of(key_in(tags.get(TAG, "")) or "")


class _Event(BaseModel):
    type: Annotated[str, Field(max_length=64)]
    created_at: AwareDatetime
    data: _Data


def signed(body: bytes, headers: Mapping[str, str], secret: str, now: datetime) -> bool:
    """Whether Resend signed a body in the last five minutes; without a secret nobody did. `now` is real time."""
    id_, sent, signatures = (headers.get(f"svix-{name}", "") for name in ("id", "timestamp", "signature"))
    return genuine(secret, id_, sent, signatures, body, now)


def notices(body: bytes, which: str, now: datetime) -> list[Notice]:
    """What one request tells; `which` is its id.

    Raises:
        ValueError: the body is not JSON, or not an object.
    """
    told = orjson.loads(body)
    if not isinstance(told, dict):
        raise ValueError("an object is expected")  # noqa: TRY004 - to the caller it is the same as broken JSON
    return one(told, lambda each: _read(each, which, now))


def _read(told: dict[str, Any], which: str, now: datetime) -> list[Notice]:
    kind = told.get("type")
    if isinstance(kind, str) and kind.startswith(_IGNORED):
        return []
    event = _Event.model_validate(told)
    if event.type not in _STATUSES:
        return [Unreadable(as_text(told), "type: unknown")]
    at, clamped = instant(event.created_at, now)
    status = Status(event.data.id, event.data.key, _STATUSES[event.type], at, clamped=clamped)
    return [replace(status, **_more(event.type, event.data, which))]


def _more(kind: str, data: _Data, which: str) -> dict[str, Any]:
    match kind:
        case "email.bounced":
            return _bounce(data.bounce)
        case "email.suppressed":
            before = data.suppressed.reason
            return {"code": before, "gone": before == "previous_bounce", "wants_out": before == "previous_complaint"}
        case "email.complained":
            return {"wants_out": True}
        case "email.opened":
            machine = opened_by_machine(data.open.user_agent)
            return {"machine": machine, "which": str(machine)}
        case "email.clicked":
            return {"machine": followed_by_machine(data.click.user_agent), "which": which, "link": data.click.link}
    return {}


def _bounce(told: _Bounce) -> dict[str, Any]:
    text = " ".join(told.diagnostic)
    code = code_in(text)
    if told.sub_kind in _THE_LETTER:
        return {"code": code or told.sub_kind}
    lasting = told.kind == "Permanent"
    kind = bounced(code, text, lasting=lasting, sure=lasting)
    return {"code": code or told.sub_kind, "gone": kind is Bounced.HARD, "soft": kind is Bounced.SOFT}
