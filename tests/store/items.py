"""Items to store, with everything that does not matter filled in."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from store.ingest.items import Changes, Item

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def track(user: str | None = None, anonymous: str | None = None, **fields: Any) -> Item:
    given = {
        "message_id": str(uuid4()),
        "user_id": user,
        "anonymous_id": anonymous,
        "ts": NOW,
        "type": "Product Added",
        "kind": "track",
        "properties": "{}",
        "context": "{}",
        "clamped": False,
        "source": "shop-web",
        "received_at": NOW,
    }
    return Item(**given | fields)


def identify(user: str | None = None, anonymous: str | None = None, **fields: Any) -> Item:
    given: tuple[tuple[str, Any], ...] = (("traits", {}), ("addresses", ()), ("choices", ()), ("origins", {}))
    changes = Changes(*(fields.pop(name, default) for name, default in given))
    told = {"properties": json.dumps(changes.traits), "context": json.dumps({"provenance": _said(changes)})}
    return track(user, anonymous, **{"type": "$identify", "kind": "identify", "changes": changes} | told | fields)


def _said(changes: Changes) -> dict[str, Any]:
    """The origins as a call's context tells them."""
    return {name: {key: part for key, part in origin._asdict().items() if part} for name, origin in changes.origins.items()}


def alias(previous: str, user: str, **fields: Any) -> Item:
    said = {"previous_id": previous, "properties": json.dumps({"previousId": previous})}
    return track(user, **{"type": "$alias", "kind": "alias"} | said | fields)
