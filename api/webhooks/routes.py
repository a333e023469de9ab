"""What providers call: WhatsApp's webhook, and no other yet.

Promise: nothing is taken without the provider's signature; what it says is translated beside this file, and taken in `notices`.
"""

import hmac
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import PlainTextResponse

from activities.channels.kinds import KINDS
from api.problems import Problem, responses
from api.state import Config, Db
from api.webhooks import whatsapp
from api.webhooks.notices import Notices, Taken

_LIMIT = 4 * 1024 * 1024  # bytes; Meta sends at most 3 MB
router = APIRouter(tags=["webhooks"])


@router.get("/v1/webhooks/whatsapp", response_class=PlainTextResponse, responses=responses(403))
async def verify(
    config: Config,
    mode: Annotated[str, Query(alias="hub.mode", max_length=32)],
    token: Annotated[str, Query(alias="hub.verify_token", max_length=1024)],
    challenge: Annotated[str, Query(alias="hub.challenge", max_length=1024)],
) -> str:
    """Meta's check that this address is ours: answers its challenge when the verify token is the configured one."""
    if mode != "subscribe" or not _same(token, config.whatsapp_verify_token):
        raise Problem(403, "the verify token is not the one in JOURNEYS_WHATSAPP_VERIFY_TOKEN")
    return challenge


@router.post(
    "/v1/webhooks/whatsapp",
    max_body_size=_LIMIT,
    responses=responses(400, 401, 413, 503),
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}},
)
async def receive(request: Request, config: Config, database: Db) -> Taken:
    """WhatsApp's statuses and replies, signed by Meta in `X-Hub-Signature-256`."""
    body = await _body(request)
    if not whatsapp.signed(body, request.headers.get("x-hub-signature-256", ""), config.whatsapp_app_secret):
        raise Problem(401, "the signature in X-Hub-Signature-256 is not that of JOURNEYS_WHATSAPP_APP_SECRET")
    try:
        told = whatsapp.notices(body, config.clock.now())
    except ValueError as error:
        raise Problem(400, f"the body is not a JSON object ({type(error).__name__})") from error
    async with database.transaction() as connection:
        return await Notices(KINDS["whatsapp"], config, connection, request.headers.get("traceparent")).take(told)


async def _body(request: Request) -> bytes:
    """The raw body, which is what was signed."""
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > _LIMIT:
            raise Problem(413, f"a notification has at most {_LIMIT} bytes")
    return bytes(received)


def _same(given: str, configured: str) -> bool:
    return bool(configured) and hmac.compare_digest(given.encode(), configured.encode())
