"""Meta's notifications, checked and read leniently: what is understood becomes a status or a reply, the rest keeps a reason.

Promise: what leaves here is neutral; one malformed item never costs the others; nothing here touches the store.
Source: Meta, "Webhooks: messages" and "Webhooks: status messages".
"""

import hashlib
import hmac
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, Field

from activities.channels.feedback import Notice, Reply, Status, Unreadable
from activities.channels.instants import since_1970
from activities.channels.whatsapp.content import CHOICE
from activities.channels.whatsapp.errors import GONE, OPTED_OUT
from api.body import as_text, parse
from api.webhooks.reading import Id, Text, instant, key_of, one
from store.deliveries.ledger import MessageKey

_MAX_TEXT = 4096
_MAX_FORM = 32 * 1024
_NUL, _INSTEAD = rb"\u0000", rb"\ufffd"  # which Postgres cannot hold, and what stands for it
#: A thumb up on a message answers nothing, and opens no service window.
_NO_WORDS = frozenset({"reaction"})
#: That somebody has a new number, or has opened the chat for the first time.
_ABOUT_THE_NUMBER = frozenset({"system", "request_welcome"})
_Number = Annotated[str, Field(pattern=r"^\+?[0-9]{5,20}$")]
_Seconds = Annotated[int, Field(ge=-(2**40), le=2**40)]


class _Error(BaseModel):
    code: Annotated[int, Field(ge=-(2**31), lt=2**31)]


class _Status(BaseModel):
    """What became of a message that we sent."""

    id: Id
    status: Literal["sent", "delivered", "read", "failed"]
    timestamp: _Seconds
    biz_opaque_callback_data: Text | None = None
    errors: list[_Error] = []

    @property
    def key(self) -> MessageKey | None:
        """Our own key, if it came back and is one."""
        return key_of(self.biz_opaque_callback_data or "")

    @property
    def code(self) -> int | None:
        """Meta's error code, if it failed with one."""
        return self.errors[0].code if self.errors else None

    def told(self, now: datetime) -> Status:
        """In neutral words."""
        at, clamped = instant(since_1970(self.timestamp), now)
        gone, wants_out = self.code in GONE, self.code in OPTED_OUT
        return Status(self.id, self.key, self.status, at, self.code, clamped, gone=gone, wants_out=wants_out)


class _Body(BaseModel):
    body: Text = ""


class _Button(BaseModel):
    text: Text = ""
    payload: Text = ""


class _Choice(BaseModel):
    id: Text = ""
    title: Text = ""


class _Form(BaseModel):
    """A form (a flow) that was filled in; `answers` by the names of its fields."""

    body: Text = ""
    response_json: Annotated[str, Field(max_length=_MAX_FORM)] = ""

    @property
    def answers(self) -> dict[str, Any] | None:
        """What was filled in; nothing where it is no JSON object."""
        try:
            told = orjson.loads(orjson.dumps(orjson.loads(self.response_json)).replace(_NUL, _INSTEAD))
        except orjson.JSONDecodeError:
            return None
        return {name: value for name, value in told.items() if name != "flow_token"} if isinstance(told, dict) else None


class _Interactive(BaseModel):
    button_reply: _Choice | None = None
    list_reply: _Choice | None = None
    nfm_reply: _Form | None = None

    @property
    def chosen(self) -> _Choice:
        """What was tapped."""
        return self.button_reply or self.list_reply or _Choice()


class _Quoted(BaseModel):
    id: Id | None = None


class _Reply(BaseModel):
    """What a customer wrote to us, or tapped."""

    sender: _Number = Field(alias="from")
    id: Id
    timestamp: _Seconds
    type: Id
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
        tapped = self.interactive.chosen.title if self.interactive else ""
        words = (self.text and self.text.body) or (self.button and self.button.text) or tapped
        return (words or (self.form.body if self.form else ""))[:_MAX_TEXT]

    @property
    def form(self) -> _Form | None:
        """The form that was filled in, if it is one."""
        return self.interactive.nfm_reply if self.interactive else None

    @property
    def choice(self) -> str | None:
        """The name that we gave to what was tapped."""
        tapped = self.interactive.chosen.id if self.interactive else self.button.payload if self.button else ""
        return tapped if re.fullmatch(CHOICE, tapped) else None

    @property
    def quoted(self) -> str | None:
        """The id of the message that it answers, where the customer quoted one or tapped its button."""
        return self.context.id if self.context else None

    def told(self, now: datetime) -> Reply:
        """In neutral words."""
        at, clamped = instant(since_1970(self.timestamp), now)
        item = self.model_dump_json(by_alias=True)
        form = self.form.answers if self.form else None
        return Reply(self.id, self.address, at, self.said, self.type, item, self.quoted, clamped, self.choice, form=form)


def signed(body: bytes, signature: str, secret: str) -> bool:
    """Whether Meta signed a body, by `X-Hub-Signature-256`; without a secret nobody did."""
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return bool(secret) and hmac.compare_digest(expected.encode(), signature.encode())


def notices(body: bytes, now: datetime) -> list[Notice]:
    """All that one request tells.

    Raises:
        Problem: the body is not JSON. A text in it that is none (bad UTF-8, half a surrogate pair) costs only itself.
        ValueError: it is not an object.
    """
    told = parse(body).value
    if not isinstance(told, dict):
        raise ValueError("an object is expected")  # noqa: TRY004 - to the caller it is the same as broken JSON
    return [notice for value in _values(told) for notice in _read(value, now)]


def _values(told: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for entry in _objects(told.get("entry")):
        for change in _objects(entry.get("changes")):
            value = change.get("value")
            if change.get("field") == "messages" and isinstance(value, dict):
                yield value


def _read(value: dict[str, Any], now: datetime) -> Iterator[Notice]:
    for item in _objects(value.get("statuses")):
        yield from one(item, lambda each: [_Status.model_validate(each).told(now)])
    for item in _objects(value.get("messages")):
        kind = str(item.get("type"))
        if kind in _NO_WORDS:
            continue
        if kind in _ABOUT_THE_NUMBER:
            yield Unreadable(as_text(item), "it is about the number, and nothing that its owner wrote")
            continue
        yield from one(item, lambda each: [_Reply.model_validate(each).told(now)])


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
