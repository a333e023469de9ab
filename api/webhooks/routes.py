"""What providers call: WhatsApp's webhook, those of SES and of AWS's text messages behind Amazon SNS, Resend's, and Twilio's.

Promise: nothing is taken without the provider's signature; what it says is translated beside this file, and taken in `notices`.
"""

import hmac
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import ValidationError
from starlette.responses import PlainTextResponse, Response

from activities.channels.feedback import Notice
from activities.channels.kinds import KINDS
from activities.channels.sms.twilio import WEBHOOK
from api.problems import Problem, responses
from api.state import Config, Db
from api.webhooks import aws_sms, resend, ses, twilio, whatsapp
from api.webhooks.notices import Notices, Taken
from api.webhooks.sns import Envelope, NotGenuine, Sns
from api.webhooks.whatsapp_templates import templates
from store import Database
from store.deliveries.whatsapp import told as keep_templates

_LIMIT = 4 * 1024 * 1024  # bytes; Meta sends at most 3 MB
_JSON = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}}
_FORM = {"schema": {"type": "object", "additionalProperties": {"type": "string"}}}
_NO_ANSWER = "<Response/>"  # TwiML: nothing is texted back
router = APIRouter(tags=["webhooks"])


@router.get("/v1/webhooks/whatsapp", operation_id="verify_whatsapp", response_class=PlainTextResponse, responses=responses(403))
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
    operation_id="receive_from_whatsapp",
    max_body_size=_LIMIT,
    responses=responses(400, 401, 413, 503),
    openapi_extra=_JSON,
)
async def receive(request: Request, config: Config, database: Db) -> Taken:
    """WhatsApp's statuses and replies, and how its templates stand, signed by Meta in `X-Hub-Signature-256`."""
    body = await _body(request)
    if not whatsapp.signed(body, request.headers.get("x-hub-signature-256", ""), config.whatsapp_app_secret):
        raise Problem(401, "the signature in X-Hub-Signature-256 is not that of JOURNEYS_WHATSAPP_APP_SECRET")
    with _read_as_json():
        told = whatsapp.notices(body, config.clock.now())
        states = templates(body, config.clock.now())
    if states:
        async with database.transaction() as connection:
            await keep_templates(connection, states)
    return await _taken("whatsapp", "whatsapp", request, told, config, database)


@router.post(
    "/v1/webhooks/ses",
    max_body_size=_LIMIT,
    responses=responses(400, 401, 413, 503),
    openapi_extra=_JSON,
)
async def receive_from_ses(request: Request, config: Config, database: Db) -> Taken:
    """What becomes of SES's letters, signed by Amazon SNS; a subscription to the configured topic is confirmed."""
    said = await _from_sns(request, config, "ses_topic_arn")
    told = ses.notices(said.message, said.message_id, config.clock.now()) if said else []
    return await _taken("email", "ses", request, told, config, database)


@router.post(
    "/v1/webhooks/aws-sms",
    max_body_size=_LIMIT,
    responses=responses(400, 401, 413, 503),
    openapi_extra=_JSON,
)
async def receive_from_aws_sms(request: Request, config: Config, database: Db) -> Taken:
    """What becomes of AWS's text messages, and what customers text, signed by Amazon SNS; a subscription is confirmed."""
    said = await _from_sns(request, config, "aws_sms_topic_arn")
    told = aws_sms.notices(said.message, said.timestamp, config.clock.now()) if said else []
    return await _taken("sms", "aws-sms", request, told, config, database)


@router.post(
    "/v1/webhooks/resend",
    max_body_size=_LIMIT,
    responses=responses(400, 401, 413, 503),
    openapi_extra=_JSON,
)
async def receive_from_resend(request: Request, config: Config, database: Db) -> Taken:
    """What becomes of Resend's letters, signed in `svix-signature`."""
    body = await _body(request)
    if not resend.signed(body, request.headers, config.resend_webhook_secret, datetime.now(UTC)):
        raise Problem(401, "svix-signature is not that of JOURNEYS_RESEND_WEBHOOK_SECRET, or is older than five minutes")
    with _read_as_json():
        told = resend.notices(body, request.headers["svix-id"], config.clock.now())
    return await _taken("email", "resend", request, told, config, database)


@router.post(
    "/v1/webhooks/twilio",
    max_body_size=_LIMIT,
    response_class=Response,
    responses=responses(400, 401, 413, 503) | {200: {"content": {"text/xml": {"example": _NO_ANSWER}}}},
    openapi_extra={"requestBody": {"required": True, "content": {"application/x-www-form-urlencoded": _FORM}}},
)
async def receive_from_twilio(
    request: Request, config: Config, database: Db, key: Annotated[str, Query(max_length=512)] = ""
) -> Response:
    """What becomes of text messages, and what customers text, signed by Twilio in `X-Twilio-Signature`."""
    form, query = twilio.form_of(await _body(request)), request.url.query
    url = f"{config.public_url.rstrip('/')}{WEBHOOK}{'?' if query else ''}{query}"
    if not twilio.signed(form, url, request.headers.get("x-twilio-signature", ""), config.twilio_auth_token):
        raise Problem(401, "X-Twilio-Signature is not that of JOURNEYS_TWILIO_AUTH_TOKEN for JOURNEYS_PUBLIC_URL")
    await _taken("sms", "twilio", request, twilio.notices(form, key, config.clock.now()), config, database)
    return Response(_NO_ANSWER, media_type="text/xml")


@contextmanager
def _read_as_json() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise Problem(400, f"the body is not a JSON object ({type(error).__name__})") from error


async def _taken(
    channel: str, provider: str, request: Request, told: Sequence[Notice], config: Config, database: Database
) -> Taken:
    """Take what a provider tells, of messages that went by it."""
    async with database.transaction() as connection:
        trace = request.headers.get("traceparent")
        return await Notices(KINDS[channel], config, connection, trace, provider).take(told)


async def _from_sns(request: Request, config: Config, setting: str) -> Envelope | None:
    """What the topic of a setting posts; nothing, where it but asks whether it may."""
    try:
        envelope = Envelope.model_validate_json(await _body(request))
    except ValidationError as error:
        raise Problem(400, "the body is not a message of Amazon SNS (leave raw delivery off)") from error
    topic = _sns(request, config, setting)
    try:
        await topic.genuine(envelope, datetime.now(UTC))
        if envelope.type == "SubscriptionConfirmation":
            await topic.confirm(envelope)
    except NotGenuine as error:
        raise Problem(401, f"this is not to be taken: {error}") from error
    return envelope if envelope.type == "Notification" else None


def _sns(request: Request, config: Config, setting: str) -> Sns:
    """The app's one listener to a topic, which keeps Amazon's certificates."""
    state = request.app.state
    if not hasattr(state, setting):
        setattr(state, setting, Sns(getattr(config, setting), config.sns_get, f"JOURNEYS_{setting.upper()}"))
    found: Sns = getattr(state, setting)
    return found


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
