"""Twilio's forms, checked and read: what became of a text message, and what a customer texts.

Promise: nothing is taken that Twilio did not sign for this very address; what leaves here is neutral, our key comes back in the
address of the callback. The signature holds no time: a form that comes again is no news, by Twilio's id of the message.
Source: Twilio, "Webhooks security" (HMAC-SHA1 under the account's token of the address and the sorted parameters), "Track the
Message Status of Outbound Messages", "Messaging webhooks", "Advanced Opt-Out" (`OptOutType`).
"""

import base64
import hashlib
import hmac
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel, Field

from activities.channels.feedback import Notice, Reply, Status
from activities.channels.sms.twilio_errors import GONE, OPTED_OUT, SOFT
from api.body import as_text
from api.webhooks.reading import Id, Text, key_of, one

Form = Sequence[tuple[str, str]]

#: Of Twilio's statuses those that tell something; a message is queued and sending before it is sent.
_STATUSES = {"sent": "sent", "delivered": "delivered", "read": "read", "undelivered": "failed", "failed": "failed"}
_MEANT: dict[str, Literal["stop", "start"]] = {"STOP": "stop", "START": "start"}
_PORTS = {"https": ":443", "http": ":80"}
_MAX_TEXT = 4096
#: What a customer's message says of itself, kept where nobody has the number.
_KEPT = ("MessageSid", "From", "To", "Body", "OptOutType", "NumMedia")


class _Status(BaseModel):
    id: Annotated[Id, Field(alias="MessageSid")]
    status: Annotated[str, Field(alias="MessageStatus", max_length=32)]
    code: Annotated[int | None, Field(alias="ErrorCode", ge=0, lt=2**31)] = None


class _Text(BaseModel):
    id: Annotated[Id, Field(alias="MessageSid")]
    sender: Annotated[str, Field(alias="From", pattern=r"^\+[0-9]{5,20}$")]
    body: Annotated[Text, Field(alias="Body")] = ""
    pictures: Annotated[int, Field(alias="NumMedia")] = 0
    opt_out: Annotated[str, Field(alias="OptOutType")] = ""
    quoted: Annotated[Id | None, Field(alias="OriginalRepliedMessageSid")] = None


def form_of(body: bytes) -> Form:
    """The parameters of a form, in their order."""
    return parse_qsl(body.decode(errors="replace"), keep_blank_values=True)


def signed(form: Form, url: str, signature: str, token: str) -> bool:
    """Whether Twilio signed a form posted to an address, by `X-Twilio-Signature`; without a token nobody did."""
    said = "".join(name + value for name, value in sorted(set(form)))
    right = [hmac.digest(token.encode(), (each + said).encode(), hashlib.sha1) for each in _addresses(url)]
    return bool(token) and any(hmac.compare_digest(base64.b64encode(each), signature.encode()) for each in right)


def notices(form: Form, key: str, now: datetime) -> list[Notice]:
    """What a form tells; `key` is ours, out of the callback's address. Twilio says no time: it is now."""
    told = dict(form)
    return one(told, lambda item: _status(item, key, now) if "MessageStatus" in item else [_reply(item, now)])


def _status(item: dict[str, Any], key: str, now: datetime) -> list[Notice]:
    read = _Status.model_validate(item)
    if read.status not in _STATUSES:
        return []
    status = _STATUSES[read.status]
    code = read.code if status == "failed" else None
    gone, out, soft = code in GONE, code in OPTED_OUT, code in SOFT
    return [Status(read.id, key_of(key), status, now, code, gone=gone, wants_out=out, soft=soft)]


def _reply(item: dict[str, Any], now: datetime) -> Reply:
    read = _Text.model_validate(item)
    return Reply(
        id=read.id,
        address=read.sender,
        at=now,
        text=read.body[:_MAX_TEXT],
        kind="media" if read.pictures else "text",
        item=as_text({name: item[name] for name in _KEPT if name in item}),
        quoted=read.quoted,
        means=_MEANT.get(read.opt_out),
    )


def _addresses(url: str) -> Iterator[str]:
    """An address as Twilio may have signed it: with its scheme's usual port, and without."""
    parts = urlsplit(url)
    port = _PORTS.get(parts.scheme, "")
    bare = parts.netloc.removesuffix(port) if port else parts.netloc
    yield parts._replace(netloc=bare).geturl()
    if ":" not in bare.rpartition("]")[2]:
        yield parts._replace(netloc=bare + port).geturl()
