"""Meta's notifications, checked and read leniently: what is understood becomes a status or a reply, the rest keeps a reason.

Promise: what leaves here is neutral; one malformed item never costs the others; nothing here touches the store.
Source: Meta, "Webhooks: messages" and "Webhooks: status messages".
"""

import hashlib
import hmac
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from activities.channels.feedback import Notice, Reply, Status, Unreadable
from activities.channels.whatsapp.errors import GONE, OPTED_OUT
from api.body import as_text
from store.deliveries.ledger import MessageKey

_SKEW = timedelta(minutes=5)
_OLDEST = datetime(2009, 1, 1, tzinfo=UTC)  # WhatsApp's first year
_MAX_TEXT = 4096


def _storable(value: Any) -> Any:
    return value.replace("\x00", "\ufffd") if isinstance(value, str) else value


_Text = Annotated[str, BeforeValidator(_storable)]
_Id = Annotated[str, BeforeValidator(_storable), Field(min_length=1, max_length=256)]
_Number = Annotated[str, Field(pattern=r"^\+?[0-9]{5,20}$")]
_Seconds = Annotated[int, Field(ge=-(2**40), le=2**40)]


class _Error(BaseModel):
    code: Annotated[int, Field(ge=-(2**31), lt=2**31)]


class _Status(BaseModel):
    """What became of a message that we sent."""

    id: _Id
    status: Literal["sent", "delivered", "read", "failed"]
    timestamp: _Seconds
    biz_opaque_callback_data: _Text | None = None
    errors: list[_Error] = []

    @property
    def key(self) -> MessageKey | None:
        """Our own key, if it came back and is one."""
        try:
            key = MessageKey.parse(self.biz_opaque_callback_data or "")
        except ValueError:
            return None
        return key if 0 < key.occurrence < 2**63 else None

    @property
    def code(self) -> int | None:
        """Meta's error code, if it failed with one."""
        return self.errors[0].code if self.errors else None

    def told(self, now: datetime) -> Status:
        """In neutral words."""
        at, clamped = _instant(self.timestamp, now)
        gone, wants_out = self.code in GONE, self.code in OPTED_OUT
        return Status(self.id, self.key, self.status, at, self.code, clamped, gone=gone, wants_out=wants_out)


class _Body(BaseModel):
    body: _Text = ""


class _Button(BaseModel):
    text: _Text = ""


class _Choice(BaseModel):
    title: _Text = ""


class _Interactive(BaseModel):
    button_reply: _Choice | None = None
    list_reply: _Choice | None = None


class _Quoted(BaseModel):
    id: _Id | None = None


class _Reply(BaseModel):
    """What a customer wrote to us, or tapped."""

    sender: _Number = Field(alias="from")
    id: _Id
    timestamp: _Seconds
    type: _Id
    text: _Body | None = None
    button: _Button | None = None
    interactive: _Interactive | None = None
    context: _Quoted | None = None

    @property
    def address(self) -> str:
        """The sender in E.164, as endpoints are kept."""
        return "+" + self.sender.removeprefix("+")

    @property
    def said(self) -> str:
        """The words, where there are any."""
        chosen = self.interactive and (self.interactive.button_reply or self.interactive.list_reply)
        words = (self.text and self.text.body) or (self.button and self.button.text) or (chosen and chosen.title) or ""
        return words[:_MAX_TEXT]

    @property
    def quoted(self) -> str | None:
        """The id of the message that it answers, where the customer quoted one or tapped its button."""
        return self.context.id if self.context else None

    def told(self, now: datetime) -> Reply:
        """In neutral words."""
        at, clamped = _instant(self.timestamp, now)
        item = self.model_dump_json(by_alias=True)
        return Reply(self.id, self.address, at, self.said, self.type, item, self.quoted, clamped)


def signed(body: bytes, signature: str, secret: str) -> bool:
    """Whether Meta signed a body, by `X-Hub-Signature-256`; without a secret nobody did."""
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return bool(secret) and hmac.compare_digest(expected.encode(), signature.encode())


def notices(body: bytes, now: datetime) -> list[Notice]:
    """All that one request tells.

    Raises:
        ValueError: the body is not JSON, or not an object.
    """
    told = orjson.loads(body)
    if not isinstance(told, dict):
        raise ValueError("an object is expected")  # noqa: TRY004 - to the caller it is the same as broken JSON
    return [notice for value in _values(told) for notice in _read(value, now)]


def _instant(seconds: int, now: datetime) -> tuple[datetime, bool]:
    """A notice's time, and whether it had to be clamped because it lies in the future or before WhatsApp."""
    try:
        at = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return now, True
    return (at, False) if _OLDEST <= at <= now + _SKEW else (now, True)


def _values(told: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for entry in _objects(told.get("entry")):
        for change in _objects(entry.get("changes")):
            value = change.get("value")
            if change.get("field") == "messages" and isinstance(value, dict):
                yield value


def _read(value: dict[str, Any], now: datetime) -> Iterator[Notice]:
    for item in _objects(value.get("statuses")):
        yield _one(_Status, item, now)
    for item in _objects(value.get("messages")):
        yield _one(_Reply, item, now)


def _one(model: type[_Status | _Reply], item: dict[str, Any], now: datetime) -> Notice:
    try:
        return model.model_validate(item).told(now)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        return Unreadable(as_text(item), f"{'.'.join(map(str, first['loc']))}: {first['msg']}")


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
