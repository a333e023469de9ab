"""Where programs learn from whom they get a token for us, and with which scopes (RFC 9728)."""

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from api.problems import Problem
from api.tokens.tokens import METADATA, Tokens

router = APIRouter(tags=["agents"])


@router.get(METADATA, include_in_schema=False)
@router.get(f"{METADATA}/mcp", include_in_schema=False)
@router.get(f"{METADATA}/mcp/write", include_in_schema=False)
async def protected_resource(request: Request) -> Response:
    """One of our resources, as its path says; no secret, so that a page of a browser may read it, too."""
    tokens: Tokens | None = request.app.state.tokens
    if tokens is None:
        raise Problem(404, "tokens are not let in here, only keys: JOURNEYS_OAUTH_ISSUER is not set", code="no-oauth")
    described: dict[str, Any] = tokens.described(request.url.path.removeprefix(METADATA))
    return JSONResponse(described, headers={"Access-Control-Allow-Origin": "*", "Cache-Control": "max-age=300"})
