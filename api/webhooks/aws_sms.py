"""What AWS tells of text messages through SNS, and what customers text: read leniently, the rest keeps a reason.

Promise: neutral; our key comes back in the message's context, so that a doubt is settled; nothing here touches the store.
Sources: AWS End User Messaging SMS, "Example of SMS event data", "Event types for SMS", "Example of a two-way SMS message
payload for Amazon SNS topics".
"""

from datetime import datetime
from typing import Annotated, Any

import orjson
from pydantic import AwareDatetime, BaseModel, Field, TypeAdapter

from activities.channels.feedback import Notice, Reply, Status, Unreadable
from activities.channels.instants import since_1970
from activities.channels.sms.aws import CONTEXT_KEY
from api.body import as_text
from api.webhooks.reading import Id, Text, instant, key_of, one

_MAX_TEXT = 4096
#: Amazon has it, or the carrier; what nobody knows after 72 hours was accepted, too.
_ON_ITS_WAY = frozenset({"QUEUED", "PENDING", "SENT", "SUCCESSFUL", "UNKNOWN"})
#: A carrier that takes a message for good says nothing else where it tells no delivery.
_ARRIVED = frozenset({"DELIVERED", "SUCCESSFUL"})
#: The number is none.
_GONE = frozenset({"INVALID"})
#: It could not be reached this time.
_SOFT = frozenset({"UNREACHABLE", "CARRIER_UNREACHABLE"})
#: About the text, our sender or the time: nothing is wrong with the number.
_REFUSED = frozenset({"INVALID_MESSAGE", "BLOCKED", "CARRIER_BLOCKED", "SPAM", "TTL_EXPIRED", "PROTECT_BLOCKED"})
_FAILED = _GONE | _SOFT | _REFUSED
_TIME: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)


class _Event(BaseModel):
    id: Annotated[Id, Field(alias="messageId")]
    type: Annotated[str, Field(alias="eventType", pattern=r"^TEXT_", max_length=64)]
    at: Annotated[int, Field(alias="eventTimestamp", ge=0, lt=2**43)]  # milliseconds
    final: Annotated[bool, Field(alias="isFinal")] = False
    context: dict[str, Text] = {}


class _Text(BaseModel):
    id: Annotated[Id, Field(alias="inboundMessageId")]
    sender: Annotated[str, Field(alias="originationNumber", pattern=r"^\+[0-9]{5,20}$")]
    body: Annotated[Text, Field(alias="messageBody")] = ""
    keyword: Annotated[str, Field(alias="messageKeyword")] = ""
    quoted: Annotated[Id | None, Field(alias="previousPublishedMessageId")] = None


def notices(message: str, sent: str, now: datetime) -> list[Notice]:
    """What one SNS message tells; `sent` is when SNS says it was published: a customer's text has no time of its own."""
    try:
        said = orjson.loads(message)
    except orjson.JSONDecodeError:
        said = None
    if not isinstance(said, dict):
        return [Unreadable(message[:_MAX_TEXT], "the message is not a JSON object")]
    return one(said, lambda each: [_reply(each, sent, now)] if "inboundMessageId" in each else _status(each, now))


def _status(item: dict[str, Any], now: datetime) -> list[Notice]:
    event = _Event.model_validate(item)
    kind = event.type.removeprefix("TEXT_")
    if kind not in _ON_ITS_WAY | _ARRIVED | _FAILED:
        return [Unreadable(as_text(item), "eventType: unknown")]
    at, clamped = instant(since_1970(event.at, per_second=1000), now)
    arrived = kind == "DELIVERED" or (kind in _ARRIVED and event.final)
    status = "delivered" if arrived else "failed" if kind in _FAILED else "sent"
    code = kind if status == "failed" else None
    key = key_of(event.context.get(CONTEXT_KEY, ""))
    return [Status(event.id, key, status, at, code, clamped, gone=kind in _GONE, soft=kind in _SOFT)]


def _reply(item: dict[str, Any], sent: str, now: datetime) -> Reply:
    read = _Text.model_validate(item)
    at, clamped = instant(_TIME.validate_python(sent), now)
    return Reply(
        id=read.id,
        address=read.sender,
        at=at,
        text=read.body[:_MAX_TEXT],
        kind="text",
        item=as_text(item),
        quoted=read.quoted,
        clamped=clamped,
        means="stop" if read.keyword.upper() == "STOP" else None,
    )
