"""WhatsApp's message templates: `GET /{version}/{waba_id}/message_templates`, as the Graph API pages through them.

Source: Meta's OpenAPI description v23.0, "Get template by name (default fields)".
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from workers.sandbox import graph_errors

_FIELDS = frozenset({"id", "name", "language", "status", "category", "components"})
_PAGE = 25


class Templates:
    """What the account has, by name and language."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], dict[str, str]] = {}

    def put(self, name: str, language: str = "en", status: str = "APPROVED", category: str = "MARKETING") -> None:
        """One more, or how it stands now."""
        told = {"id": str(len(self._kept) + 1), "name": name, "language": language, "status": status, "category": category}
        self._kept[name, language] = {**told, "id": self._kept.get((name, language), told)["id"]}

    def remove(self, name: str, language: str = "en") -> None:
        """It is gone."""
        self._kept.pop((name, language), None)

    async def list(self, request: Request) -> Response:
        """A page of them."""
        if not request.headers.get("authorization", "").startswith("Bearer "):
            return graph_errors.unauthorized("Invalid OAuth access token - Cannot parse access token")
        query = request.query_params
        fields = set(query.get("fields", "id,name,language,status,category").split(","))
        first, size = query.get("after", "0"), query.get("limit", str(_PAGE))
        if not fields <= _FIELDS or not first.isdigit() or not size.isdigit():
            return graph_errors.answer(100, "Invalid parameter", "fields, after or limit")
        kept = [each for each in self._kept.values() if query.get("name") in (None, each["name"])]
        begin, end = int(first), int(first) + int(size)
        page = [{name: each[name] for name in ("id", *fields) if name in each} for each in kept[begin:end]]
        paging: dict[str, Any] = {"cursors": {"before": first, "after": str(end)}} if page else {}
        if end < len(kept):
            paging["next"] = str(request.url.include_query_params(after=end))
        return JSONResponse({"data": page} | ({"paging": paging} if paging else {}))
