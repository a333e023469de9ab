"""What SES tells through SNS, read leniently: what is understood becomes a status, the rest keeps a reason.

Promise: neutral; our key comes back in the letter's own header, so that a doubt is settled; nothing here touches the store.
Source: Amazon SES, "Contents of event data that Amazon SES publishes to Amazon SNS", and of feedback notifications.
"""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

import orjson
from pydantic import AwareDatetime, BaseModel, Field

from activities.channels.email.bounced import Bounced, bounced, code_in
from activities.channels.email.readers import followed_by_machine, opened_by_machine
from activities.channels.feedback import Notice, Status, Unreadable
from api.body import as_text
from api.webhooks.reading import Id, Text, instant, key_of, one
from store.deliveries.ledger import MessageKey

#: What tells nothing that anybody acts on: it is tried again by itself, or is about their own lists.
_IGNORED = frozenset({"DeliveryDelay", "Subscription", "Rendering Failure"})
#: Of a permanent or passing bounce, what is about the letter and not about its address.
_THE_LETTER = frozenset({"MessageTooLarge", "ContentRejected", "AttachmentRejected"})


_STATUSES = {
    "Send": "sent",
    "Delivery": "delivered",
    "Bounce": "failed",
    "Reject": "failed",
    "Complaint": "complained",
    "Open": "read",
    "Click": "clicked",
}


class _Header(BaseModel):
    name: str
    value: Text


class _Mail(BaseModel):
    id: Annotated[Id, Field(alias="messageId")]
    timestamp: AwareDatetime
    headers: list[_Header] = []

    @property
    def key(self) -> MessageKey | None:
        """Our own key, if SES tells the letter's headers."""
        return next((key_of(each.value) for each in self.headers if each.name.lower() == "x-message-key"), None)


class _Recipient(BaseModel):
    status: Text = ""
    diagnostic: Annotated[Text, Field(alias="diagnosticCode")] = ""


class _Told(BaseModel):
    """A bounce, a complaint, a delivery, an opening or a click: whichever of these fields it has."""

    timestamp: AwareDatetime | None = None
    kind: Annotated[str, Field(alias="bounceType")] = ""
    sub_kind: Annotated[str | None, Field(alias="bounceSubType")] = None
    bounced: Annotated[list[_Recipient], Field(alias="bouncedRecipients")] = []
    complaint: Annotated[str | None, Field(alias="complaintFeedbackType")] = None
    user_agent: Annotated[str, Field(alias="userAgent")] = ""
    link: Annotated[Text | None, Field(max_length=4096)] = None


class _Event(BaseModel):
    type: Annotated[str, Field(alias="eventType", max_length=64)]
    mail: _Mail
    told: _Told = _Told()


def notices(message: str, which: str, now: datetime) -> list[Notice]:
    """What one SNS message tells; `which` is its id."""
    try:
        said = orjson.loads(message)
    except orjson.JSONDecodeError:
        said = None
    if not isinstance(said, dict):
        return [Unreadable(message[:4096], "the message is not a JSON object")]
    return one(said, lambda each: _read(each, which, now))


def _read(said: dict[str, Any], which: str, now: datetime) -> list[Notice]:
    kind = said.get("eventType", said.get("notificationType"))
    name = kind.lower() if isinstance(kind, str) else ""
    told = said.get(name)
    mine = {"eventType": kind, "mail": said.get("mail"), "told": told if isinstance(told, dict) else {}}
    event = _Event.model_validate(mine)
    if event.type in _IGNORED or event.told.complaint == "not-spam":
        return []
    if event.type not in _STATUSES:
        return [Unreadable(as_text(said), "eventType: unknown")]
    at, clamped = instant(event.told.timestamp or event.mail.timestamp, now)
    status = Status(event.mail.id, event.mail.key, _STATUSES[event.type], at, clamped=clamped)
    return [replace(status, **_more(event.type, event.told, which))]


def _more(kind: str, told: _Told, which: str) -> dict[str, Any]:
    match kind:
        case "Bounce":
            return _bounce(told)
        case "Complaint":
            return {"wants_out": True}
        case "Open":
            machine = opened_by_machine(told.user_agent)
            return {"machine": machine, "which": str(machine)}
        case "Click":
            return {"machine": followed_by_machine(told.user_agent), "which": which, "link": told.link}
        case "Reject":
            return {"code": "rejected"}
    return {}


def _bounce(told: _Told) -> dict[str, Any]:
    first = told.bounced[0] if told.bounced else _Recipient()
    code = first.status or code_in(first.diagnostic)
    if told.sub_kind in _THE_LETTER:
        return {"code": code or told.sub_kind}
    lasting = told.kind == "Permanent"
    kind = bounced(code, first.diagnostic, lasting=lasting, sure=lasting)
    return {"code": code or told.sub_kind, "gone": kind is Bounced.HARD, "soft": kind is Bounced.SOFT}
