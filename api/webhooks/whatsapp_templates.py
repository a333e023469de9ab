"""What Meta tells of templates by webhook: that one is approved, paused, rejected, or in another category.

Promise: as in `whatsapp`: read leniently, one malformed item never costs the others; nothing here touches the store.
Source: Meta, "message_template_status_update" and "template_category_update".
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from activities.channels.instants import since_1970
from api.body import parse
from api.webhooks.reading import Text, instant
from store.deliveries.whatsapp import TemplateState

_STATUS, _CATEGORY = "message_template_status_update", "template_category_update"
#: Not what the template is, but what happens to it: it may be sent as before.
_AS_BEFORE = {"FLAGGED": "APPROVED", "REINSTATED": "APPROVED", "LOCKED": "APPROVED"}


class _Change(BaseModel):
    """One change; a category that is only announced has no new one yet."""

    name: Text = Field(alias="message_template_name", min_length=1)
    language: Text = Field(alias="message_template_language", min_length=1)
    event: Text | None = None
    category: Text | None = Field(default=None, alias="message_template_category")
    new_category: Text | None = None

    def told(self, field: str, at: datetime) -> TemplateState | None:
        """What it says of the template, if anything."""
        language = self.language.replace("-", "_")
        if field == _STATUS and self.event:
            return TemplateState(self.name, language, _AS_BEFORE.get(self.event, self.event), self.category, at)
        if field == _CATEGORY and self.new_category:
            return TemplateState(self.name, language, None, self.new_category, at)
        return None


def templates(body: bytes, now: datetime) -> list[TemplateState]:
    """All that one request tells of templates.

    Raises:
        Problem: the body is not JSON.
    """
    told = parse(body).value
    return list(_read(told, now)) if isinstance(told, dict) else []


def _read(told: dict[str, Any], now: datetime) -> Iterator[TemplateState]:
    for entry in _objects(told.get("entry")):
        at = _time(entry.get("time"), now)
        for change in _objects(entry.get("changes")):
            try:
                state = _Change.model_validate(change.get("value")).told(str(change.get("field")), at)
            except ValidationError:
                continue
            if state is not None:
                yield state


def _time(seconds: object, now: datetime) -> datetime:
    return instant(since_1970(str(seconds)), now)[0]


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
