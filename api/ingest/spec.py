"""The Segment spec, read: one raw item becomes a stored `Item`, or is rejected with a reason and a pointer.

Hand-written rather than modelled: this is the hot path of ingest (its share is a few microseconds an event), and a bad item
must never cost the others.
"""

from collections.abc import Mapping
from typing import Any
from unicodedata import is_normalized
from uuid import NAMESPACE_OID, uuid4, uuid5

import orjson

from api.body import flaw
from api.ingest.addresses import Unusable, addresses_of, choices_of
from api.ingest.arrival import Arrival, Rejected, when
from api.ingest.clients import Trust, as_client, joining
from api.ingest.provenance import origins_of
from api.ingest.signed import FIELD, unsigned
from segments.language.events import ALIASED, CROSSED_EVENT, GROUPED, LIST_EVENT, PAGE_VIEWED, SCREEN_VIEWED, TRAITS_CHANGED
from segments.language.readings import Reading
from segments.time.calendar import ZONE_TRAIT
from segments.time.zones import read_zone
from store.customers.consent import By
from store.ids import ID_LIMIT, MESSAGE_ID_LIMIT, NotAnId, as_id, exact_text, is_placeholder, nfc
from store.ingest.items import Changes, Item, Provenance

#: Bytes of one item, as stored (Segment's limit).
ITEM_LIMIT = 32 * 1024
#: Items of one batch.
BATCH_LIMIT = 2500
#: Levels of objects and lists inside one item.
DEPTH_LIMIT = 32
#: Characters of an event's name (an index key).
NAME_LIMIT = ID_LIMIT

KINDS = ("identify", "track", "page", "screen", "group", "alias")
_TYPES = {
    "identify": TRAITS_CHANGED,
    "page": PAGE_VIEWED,
    "screen": SCREEN_VIEWED,
    "group": GROUPED,
    "alias": ALIASED,
}
_NUL = "\\u0000"


def read_item(raw: Any, arrival: Arrival, kind: str | None = None, place: int = 0) -> Item:
    """One call of the spec; `kind` when the path says it, `place` in the batch.

    Raises:
        Rejected: it cannot be taken.
    """
    if type(raw) is not dict:
        raise Rejected("not-an-object", "an item must be a JSON object")
    if not arrival.clean and (found := flaw(raw)):
        raise Rejected("not-json", found)
    kind = kind or _kind(raw.get("type"))
    message_id = _message_id(raw.get("messageId"))
    user_id, anonymous_id = _name(raw, "userId"), _name(raw, "anonymousId")
    previous_id = None
    if kind == "alias":
        previous_id, anonymous_id = _previous(raw, user_id, anonymous_id)
    elif user_id is None and anonymous_id is None:
        raise Rejected("no-identity", "userId or anonymousId is required", "/userId")
    ts, clamped = when(raw, arrival)
    context = _object(raw, "context")
    if arrival.context:
        context = {**arrival.context, **context}
    trust: Trust = "server"
    if arrival.client is not None:
        context, trust = as_client(context, _as_sent(raw, user_id), arrival.client)
    elif FIELD in context:  # handed on by the shop's server as it came from an app
        context = unsigned(context)
    properties, traits = _content(raw, kind, context, arrival.readings)
    event_type = _TYPES.get(kind) or _event(raw)
    texts = _texts(properties, context)
    if not (_composed(texts[0]) and _composed(texts[1])):
        properties, traits, context = composed(properties), composed(traits), composed(context)
        texts = _texts(properties, context)
    item = Item(
        message_id or _made_up(arrival, place, user_id, anonymous_id, event_type, *texts),
        user_id,
        anonymous_id,
        ts,
        event_type,
        kind,
        *texts,
        clamped,
        arrival.source,
        arrival.received_at,
        arrival.traceparent,
        previous_id,
        _changes(traits, context, arrival, sourced=kind == "identify"),
        trust=trust,
    )
    return item if trust == "server" else joining(item)


def _kind(value: Any) -> str:
    if value not in KINDS:
        raise Rejected("bad-type", f"must be one of {', '.join(KINDS)}", "/type")
    return str(value)


def _message_id(value: Any) -> str | None:
    try:
        text = exact_text(value, MESSAGE_ID_LIMIT)
    except NotAnId as error:
        raise Rejected("bad-message-id", str(error), "/messageId") from error
    if text is None and value is not None:
        raise Rejected("bad-message-id", "is empty; leave it out, or send a new one with each call", "/messageId")
    if text and is_placeholder(text) and not text.lstrip("-").isdigit():
        raise Rejected(
            "bad-message-id", "is what programs write where an id is missing; send a new one with each call", "/messageId"
        )
    return text


def _made_up(arrival: Arrival, *content: Any) -> str:
    """An id for a call without one: the same at a retry where the request has a key of its own."""
    return str(uuid5(NAMESPACE_OID, repr((arrival.request_key, *content))) if arrival.request_key else uuid4())


def _name(raw: dict[str, Any], key: str) -> str | None:
    try:
        return as_id(raw.get(key))
    except NotAnId as error:
        raise Rejected("bad-identity", str(error), f"/{key}") from error


def _as_sent(raw: dict[str, Any], user_id: str | None) -> str | None:
    """The text of the user's id before it took its normal form: what the shop has signed."""
    value = raw.get("userId")
    return value if user_id is not None and isinstance(value, str) else user_id


def _previous(raw: dict[str, Any], user_id: str | None, anonymous_id: str | None) -> tuple[str | None, str | None]:
    """An alias' previous id and anonymous id; older clients send the anonymous id in the place of the previous one."""
    previous_id = _name(raw, "previousId")
    if user_id is None:
        raise Rejected("no-identity", "an alias needs userId, the id to keep", "/userId")
    if previous_id is None and anonymous_id is None:
        raise Rejected("no-identity", "an alias needs previousId, the id to leave", "/previousId")
    return previous_id, anonymous_id


def _event(raw: dict[str, Any]) -> str:
    name = raw.get("event")
    if type(name) is not str or not 0 < len(name := nfc(name)) <= NAME_LIMIT:
        raise Rejected("bad-event", f"a track call needs the event's name, of 1 to {NAME_LIMIT} characters", "/event")
    if "\x00" in name:
        raise _nul("/event")
    if name.startswith(LIST_EVENT):
        raise Rejected("reserved-event", f"names that begin with {LIST_EVENT} are ours: use /v1/lists/…/members", "/event")
    if name.startswith(CROSSED_EVENT):
        raise Rejected("reserved-event", f"names that begin with {CROSSED_EVENT} are ours: predictions write them", "/event")
    return name


def _object(raw: dict[str, Any], key: str) -> dict[str, Any]:
    value = raw.get(key)
    if value is None:
        return {}
    if type(value) is not dict:
        raise Rejected("bad-field", "must be an object", f"/{key}")
    return value


def _content(
    raw: dict[str, Any], kind: str, context: dict[str, Any], readings: Mapping[str, Reading]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The stored properties, and the traits that go to the profile."""
    if kind == "track":
        return _object(raw, "properties"), {}
    if kind == "identify":
        traits = {**_object(context, "traits"), **_object(raw, "traits")}
        traits |= {name: readings[name](traits[name]) for name in readings.keys() & traits.keys()}
        return traits, traits
    if kind == "group":
        return {**_object(raw, "traits"), "groupId": _group(raw)}, {}
    if kind == "alias":
        return {"previousId": _name(raw, "previousId") or _name(raw, "anonymousId")}, {}
    named = {key: raw[key] for key in ("name", "category") if raw.get(key) is not None}
    return {**_object(raw, "properties"), **named}, {}


def _group(raw: dict[str, Any]) -> str:
    try:
        value = exact_text(raw.get("groupId"), ID_LIMIT)
    except NotAnId as error:
        raise Rejected("bad-identity", str(error), "/groupId") from error
    if value is None:
        raise Rejected("no-identity", "groupId is required", "/groupId")
    return value


def _changes(traits: dict[str, Any], context: dict[str, Any], arrival: Arrival, *, sourced: bool) -> Changes | None:
    origins = _origins(traits, context) if sourced and "provenance" in context else {}
    if not traits and "device" not in context and "messaging_subscriptions" not in context:
        return None
    try:
        guessed = {name for name, origin in origins.items() if origin.confidence is not None}
        addresses = addresses_of({name: traits[name] for name in traits.keys() - guessed}, context, arrival.region)
        choices = choices_of(context, arrival.region, By(arrival.by))
    except Unusable as error:
        raise Rejected("bad-subscription", str(error), error.pointer) from error
    known = (*addresses, *(address for address, _ in choices if address))
    traits = _with_known_zone(traits)
    return Changes(traits, known, tuple(choice for _, choice in choices), origins) if traits or known or choices else None


def _with_known_zone(traits: dict[str, Any]) -> dict[str, Any]:
    """The traits with the time zone spelt as IANA does, so that segments, gate and letters read one name.

    What is no zone stays as it was said: the profile and the concerns show it.
    """
    zone = read_zone(traits[ZONE_TRAIT]) if ZONE_TRAIT in traits else None
    return traits if zone is None else {**traits, ZONE_TRAIT: zone}


def _origins(traits: dict[str, Any], context: dict[str, Any]) -> dict[str, Provenance]:
    try:
        return origins_of(traits, context)
    except Unusable as error:
        raise Rejected("bad-provenance", str(error), error.pointer) from error


def _texts(properties: dict[str, Any], context: dict[str, Any]) -> tuple[str, str]:
    try:
        stored = orjson.dumps(properties), orjson.dumps(context)
    except (TypeError, RecursionError) as error:  # orjson stops at 254 levels
        raise Rejected("too-deep", f"is nested more than {DEPTH_LIMIT} levels deep") from error
    if len(stored[0]) + len(stored[1]) > ITEM_LIMIT:
        raise Rejected("too-large", f"is larger than {ITEM_LIMIT} bytes")
    first, second = stored[0].decode(), stored[1].decode()
    _storable(first, properties, "/properties")
    _storable(second, context, "/context")
    return first, second


def _storable(text: str, value: Any, pointer: str) -> None:
    # Counting brackets is a bound on the depth, and the NUL's escape a bound on NULs: only suspects are walked.
    if text.count("{") + text.count("[") > DEPTH_LIMIT and depth(value) > DEPTH_LIMIT:
        raise Rejected("too-deep", f"is nested more than {DEPTH_LIMIT} levels deep", pointer)
    if _NUL in text and has_nul(value):
        raise _nul(pointer)


def _composed(text: str) -> bool:
    return text.isascii() or is_normalized("NFC", text)


def composed(value: Any) -> Any:
    """A value of bounded depth with every text in it, also the names of its fields, in NFC."""
    if isinstance(value, dict):
        return {nfc(name): composed(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [composed(inner) for inner in value]
    return nfc(value) if isinstance(value, str) else value


def depth(value: Any) -> int:
    """Levels of objects and lists."""
    level = 0
    parts = [value]
    while parts := [part for part in parts if isinstance(part, (dict, list))]:
        level += 1
        parts = [inner for part in parts for inner in (part.values() if isinstance(part, dict) else part)]
    return level


def has_nul(value: Any) -> bool:
    """Whether any text inside holds U+0000, which Postgres cannot store."""
    parts = [value]
    while parts:
        part = parts.pop()
        if isinstance(part, str) and "\x00" in part:
            return True
        if isinstance(part, dict):
            parts += [*part.keys(), *part.values()]
        elif isinstance(part, list):
            parts += part
    return False


def _nul(pointer: str) -> Rejected:
    return Rejected("nul-character", "holds the character U+0000, which cannot be stored", pointer)
