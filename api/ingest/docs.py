"""The Segment spec's calls as OpenAPI shows them: read by hand (`api.ingest.spec`), so described by hand."""

from dataclasses import dataclass, field
from typing import Any

from api.ingest.spec import BATCH_LIMIT, ITEM_LIMIT, NAME_LIMIT
from store.ids import MESSAGE_ID_LIMIT

_WHEN = "2026-11-22T10:00:00.000Z"
_NAME: dict[str, Any] = {
    "anyOf": [{"type": "string", "maxLength": NAME_LIMIT}, {"type": "integer"}, {"type": "null"}],
    "description": "text or whole number, case kept; at least one of userId and anonymousId is required",
}
_TIME = {"type": ["string", "null"], "format": "date-time"}
_OBJECT = {"type": ["object", "null"]}

#: What every call may carry.
_COMMON: dict[str, Any] = {
    "messageId": {
        "type": ["string", "null"],
        "minLength": 1,
        "maxLength": MESSAGE_ID_LIMIT,
        "description": "stored once per key and id; made up when absent (under an Idempotency-Key, the same at a retry)",
    },
    "userId": _NAME,
    "anonymousId": _NAME,
    "timestamp": {**_TIME, "description": "when it happened, by the sender's clock; now when absent"},
    "originalTimestamp": {**_TIME, "description": "goes before `timestamp`"},
    "sentAt": {**_TIME, "description": "the sender's clock at sending; corrects its skew"},
    "context": {
        **_OBJECT,
        "description": "`device.token` and `messaging_subscriptions` become addresses and consent for them; an entry with `by:"
        " customer` says that the customer has just chosen so (else a server's key is a `sync`, which never undoes what"
        " a customer withdrew). `provenance` of an identify call says where its traits come from, each with a source, a"
        " confidence (0 to 1: it is inferred) or both",
    },
}
_TRAITS = {
    **_OBJECT,
    "description": "what is known of the customer, who is written to at the newest `email` and `phone` (null: nowhere)",
}
_PROPERTIES = {**_OBJECT, "description": "what is known of the event"}


@dataclass(frozen=True, slots=True)
class Call:
    """One path: what it says, the fields of its body, and an example."""

    summary: str
    about: str
    properties: dict[str, Any]
    example: dict[str, Any]
    required: list[str] = field(default_factory=list)

    def request_body(self) -> dict[str, Any]:
        """The OpenAPI request body."""
        schema = {"type": "object", "properties": self.properties, "required": self.required}
        content = {"application/json": {"schema": schema, "example": self.example}}
        return {"required": True, "description": "JSON, gzipped or not, whatever the Content-Type", "content": content}

    def item(self, kind: str) -> dict[str, Any]:
        """The same as one of a batch, told by its `type`."""
        properties = {"type": {"const": kind, "type": "string"}, **self.properties}
        return {
            "title": f"{kind.capitalize()}Call",
            "type": "object",
            "properties": properties,
            "required": ["type", *self.required],
        }


def _call(summary: str, about: str, fields: dict[str, Any], example: dict[str, Any], *required: str) -> Call:
    limit = f" At most {ITEM_LIMIT // 1024} KB."
    return Call(summary, about + limit, {**_COMMON, **fields}, {**example, "timestamp": _WHEN}, list(required))


_EVENT = {"type": "string", "minLength": 1, "maxLength": NAME_LIMIT}
_GROUP = {"anyOf": [{"type": "string", "minLength": 1, "maxLength": NAME_LIMIT}, {"type": "integer"}]}
_NAMED = {"name": {"type": ["string", "null"]}, "category": {"type": ["string", "null"]}, "properties": _PROPERTIES}
_ITEM = {"type": "track", "messageId": "m-1", "userId": "42", "event": "Product Added", "properties": {"price": 59.9}}

_KINDS = ("identify", "track", "page", "screen", "group", "alias")
CALLS: dict[str, Call] = {
    "identify": _call(
        "Say who a customer is",
        "Traits go to the profile; an anonymous profile becomes one with the user's.",
        {"traits": _TRAITS},
        {
            "userId": "42",
            "anonymousId": "a-7",
            "traits": {"email": "ana@shop.example", "adventurous": True},
            "context": {"provenance": {"adventurous": {"source": "interest-model-3", "confidence": 0.82}}},
        },
    ),
    "track": _call(
        "Say what a customer did",
        "Stores one event.",
        {"event": _EVENT, "properties": _PROPERTIES},
        {"userId": "42", "event": "Product Added", "properties": {"product_id": "p-1", "price": 59.9}},
        "event",
    ),
    "page": _call(
        "Say which page a customer saw",
        "Stored as the event `Page Viewed`, its name in `properties.name`.",
        _NAMED,
        {"anonymousId": "a-7", "name": "Shoes", "properties": {"url": "https://shop.example/shoes"}},
    ),
    "screen": _call(
        "Say which screen of an app a customer saw",
        "Stored as the event `Screen Viewed`, its name in `properties.name`.",
        _NAMED,
        {"userId": "42", "name": "Cart"},
    ),
    "group": _call(
        "Say which group a customer belongs to",
        "Stored as the event `$group`.",
        {"groupId": _GROUP, "traits": {**_OBJECT, "description": "what is known of the group"}},
        {"userId": "42", "groupId": "acme", "traits": {"plan": "team"}},
        "groupId",
    ),
    "alias": _call(
        "Say that two ids are one customer",
        "Brings both customers together; `userId` is the id to keep. An id that was only ever anonymous is taken over.",
        {"previousId": _NAME, "userId": {**_GROUP, "description": "the id to keep"}},
        {"previousId": "a-7", "userId": "42"},
        "userId",
    ),
    "batch": Call(
        "Take many calls at once",
        "",
        {
            "batch": {"type": "array", "maxItems": BATCH_LIMIT, "items": {}, "description": "calls, each with its `type`"},
            "sentAt": {"description": "the sender's clock at sending (ISO 8601); corrects its skew"},
            "context": {**_OBJECT, "description": "shared by all calls, under each call's own context"},
        },
        {"batch": [_ITEM], "sentAt": _WHEN},
        ["batch"],
    ),
}
CALLS["batch"].properties["batch"]["items"] = {"anyOf": [CALLS[kind].item(kind) for kind in _KINDS]}


class IngestAnswer:
    """The answer of every call, as OpenAPI shows it."""

    @staticmethod
    def described() -> dict[str, Any]:
        """What was stored, when this answer arrives."""
        count = {"type": "integer", "minimum": 0}
        schema = {
            "type": "object",
            "required": ["success", "accepted", "duplicates", "dead_letters"],
            "properties": {
                "success": {"type": "boolean", "const": True},
                "accepted": {**count, "description": "stored now"},
                "duplicates": {**count, "description": "stored before, by message id"},
                "dead_letters": {**count, "description": "not taken; `GET /v1/dead-letters` says why"},
            },
        }
        example = {"success": True, "accepted": 1, "duplicates": 0, "dead_letters": 0}
        return {
            "description": "Everything good is stored",
            "content": {"application/json": {"schema": schema, "example": example}},
        }
