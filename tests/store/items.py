"""Items to store, with everything that does not matter filled in."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from store.ingest import Changes, Item

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
    return track(user, anonymous, **{"type": "$identify", "kind": "identify", "changes": changes} | fields)


def alias(previous: str, user: str, **fields: Any) -> Item:
    return track(user, **{"type": "$alias", "kind": "alias", "previous_id": previous} | fields)
