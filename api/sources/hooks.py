"""Webhooks of the systems that the catalogue names as sources: checked by their signature, read by its mapping, taken in once.

Promise: nothing is taken without a signature; what cannot be taken is a dead letter with its reason, like any call, and is
answered 200, because sent again it would be no better. The same webhook twice is one event.
"""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field

from activities.channels.instants import since_1970
from api.ingest.arrival import Arrival, Rejected
from api.ingest.routes import Ingest, sorted_out
from api.problems import Problem, responses
from api.state import Config, Db
from api.webhooks import standard
from journeys.sources.hook import TRAITS, Signed, Takes, WebhookSource, at
from store import Database
from store.ids import message_id
from store.ingest.earlier import named_by

router = APIRouter(prefix="/v1/hooks", tags=["ingest"])

_LIMIT = 2 * 1024 * 1024  # bytes
#: How old the order may be whose customer a refund is about.
_KNOWN = timedelta(days=180)
_JSON = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}}
Name = Annotated[str, Path(max_length=64, description="the source's name in the catalogue", examples=["shopify"])]


class Took(BaseModel):
    """What came of a webhook."""

    type: str
    accepted: int = Field(description="events and traits that were taken in; 0 where its type is left")
    duplicates: int
    dead_letters: int


@router.post("/{name}", max_body_size=_LIMIT, responses=responses(400, 401, 404, 413, 429, 503), openapi_extra=_JSON)
async def take_webhook(name: Name, request: Request, config: Config, database: Db) -> Took:
    """A webhook of one of the catalogue's sources, with that system's own signature."""
    source = config.hooks.get(name)
    if source is None:
        raise Problem(404, f"no source {name!r} takes webhooks; the catalogue declares them with WebhookSource(…)")
    body = await request.body()
    secrets = [each.strip() for each in (config.setting(source.secret) or "").split(",") if each.strip()]
    if not secrets:
        raise Problem(
            503, f"{source.secret} is not set where the API runs; what is sent now is to be sent again", code="no-secret"
        )
    now = config.clock.now()
    if not any(genuine(source, each, request.headers, body, now) for each in secrets):
        raise Problem(401, f"the signature is not that of {source.secret}", code="not-genuine")
    sent = _read(body)
    type_ = _type(source, request.headers, sent)
    takes = source.taken(type_)
    if takes is None:
        return Took(type=type_, accepted=0, duplicates=0, dead_letters=0)
    id_ = message_id(f"{source.name}/{_id(source, takes, type_, request.headers, sent, body)}", len(TRAITS))
    ingest: Ingest = request.app.state.ingest
    async with ingest.limits.turn(len(body)):
        arrival = Arrival(source.name, now, config.default_region, readings=config.readings)
        who = takes.who(sent) or await _of_earlier(database, source, takes, sent, now)
        good: list[dict[str, Any]] = []
        bad: list[tuple[Any, Rejected]] = []
        for told, wrong in takes.calls(sent, id_, who):
            call = _dated(told)
            if why := _refused(takes, who, wrong):
                bad.append((call, why))
            else:
                good.append(call)
        items, rejects = sorted_out(good, arrival)
        stored = await ingest.keep(items, [*rejects, *bad], arrival)
    return Took(type=type_, accepted=stored.accepted, duplicates=stored.duplicates, dead_letters=stored.refused)


async def _of_earlier(database: Database, source: WebhookSource, takes: Takes, sent: Any, now: datetime) -> dict[str, str]:
    """Whom the earlier event names that a webhook belongs to, where one is known."""
    if takes.earlier is None:
        return {}
    named = at(sent, takes.earlier.path)
    if not _is_id(named):
        return {}
    earlier = takes.earlier.event, takes.earlier.named, str(named)
    user_id, anonymous_id = await named_by(database, source.name, *earlier, now - _KNOWN)
    return {"userId": user_id} if user_id is not None else {"anonymousId": anonymous_id} if anonymous_id is not None else {}


def _refused(takes: Takes, who: Mapping[str, str], wrong: str | None) -> Rejected | None:
    """Why a call is not even to be read, or nothing."""
    if wrong is not None:
        return Rejected("bad-number", wrong)
    if not who and takes.earlier is not None:
        of = f"{takes.earlier.event!r} with the {takes.earlier.named} at {takes.earlier.path}"
        return Rejected("no-identity", f"names no customer, and no {of} came from here in the last {_KNOWN.days} days")
    return None


def genuine(source: WebhookSource, secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
    """Whether a webhook is signed with this secret, and, where that is signed, sent within five minutes."""
    match source.signed:
        case Signed.SHOPIFY:
            return _same(headers.get("x-shopify-hmac-sha256", ""), b64encode(_mac(secret.encode(), body)).decode())
        case Signed.STRIPE:
            parts = [part.partition("=") for part in headers.get("stripe-signature", "").split(",")]
            sent = next((value for name, _, value in parts if name.strip() == "t"), "")
            given = [value for name, _, value in parts if name.strip() == "v1"]
            mac = _mac(secret.encode(), f"{sent}.".encode() + body).hex()
            return standard.lately(sent, now) and any(_same(each, mac) for each in given)
        case Signed.STANDARD:
            id_, sent, signatures = (headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
            return standard.genuine(secret, id_, sent, signatures, body, now)
        case Signed.HMAC:
            told = headers.get((source.header or "").lower(), "").removeprefix("sha256=")
            raw = _mac(secret.encode(), body)
            return _same(told.lower(), raw.hex()) or _same(told, b64encode(raw).decode())


def _type(source: WebhookSource, headers: Mapping[str, str], sent: Any) -> str:
    if source.type_at is not None:
        found = at(sent, source.type_at)
    else:
        found = headers.get("x-shopify-topic") if source.signed is Signed.SHOPIFY else at(sent, "type")
    return found[:200] if isinstance(found, str) else ""


def _id(source: WebhookSource, takes: Takes, type_: str, headers: Mapping[str, str], sent: Any, body: bytes) -> str:
    """By what it is known again when it is sent again."""
    if source.id_at is not None:
        found: Any = at(sent, source.id_at)
    elif source.signed is Signed.SHOPIFY:
        return f"{type_}/{_of_shopifys(takes, headers, sent) or hashlib.sha256(body).hexdigest()}"
    else:
        found = headers.get("webhook-id") if source.signed is Signed.STANDARD else at(sent, "id")
    return str(found) if _is_id(found) else hashlib.sha256(body).hexdigest()


def _of_shopifys(takes: Takes, headers: Mapping[str, str], sent: Any) -> str | None:
    """What it is about, and as of when, by the signed body; the headers, which nobody signs, where that does not say it.

    One event of theirs (`X-Shopify-Event-Id`) may be told by several topics.
    """
    about, when = at(sent, "id"), at(sent, takes.at or "updated_at")
    if _is_id(about) and _is_id(when):
        return f"{about}/{when}"
    return headers.get("x-shopify-event-id") or headers.get("x-shopify-webhook-id")


def _is_id(found: Any) -> bool:
    return isinstance(found, str | int) and not isinstance(found, bool) and found != ""


def _dated(call: dict[str, Any]) -> dict[str, Any]:
    """With an instant in place of seconds since 1970."""
    told = call.get("timestamp")
    if not isinstance(told, int):
        return call
    at = since_1970(told)
    return call | {"timestamp": at and at.isoformat()}


def _read(body: bytes) -> Any:
    try:
        sent = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Problem(400, "the body is no JSON", code="malformed-body") from None
    if not isinstance(sent, dict):
        raise Problem(400, "the body is no JSON object", code="malformed-body")
    return sent


def _mac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, hashlib.sha256)


def _same(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode(), right.encode())
