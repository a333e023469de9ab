"""Amazon SES v2: `POST /v2/email/outbound-emails`, which looks at signature, sender and letter, and answers as SES does.

Source: Amazon SES API v2, "SendEmail" and "Common errors"; AWS, "Signature Version 4", written apart from how we sign.
"""

import hashlib
import hmac
import re
import secrets
from base64 import b64decode
from binascii import Error as NotBase64
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.utils import parseaddr
from urllib.parse import quote

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from journeys.clock import Clock
from workers.sandbox.faults import FaultRule, Faults
from workers.sandbox.letters import letter_shown
from workers.sandbox.mail_api import answered, struck, waits
from workers.sandbox.messages import MessageLog, Provider

_TOLERANCE = timedelta(minutes=5)
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<id>\w+)/(?P<scope>\d{8}/[\w-]+/(?:ses|sms-voice)/aws4_request),"
    r" ?SignedHeaders=(?P<names>[\w;-]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)
#: What a fault answers: status, SES's name for it, and its words.
_ERRORS = {
    "429": (429, "TooManyRequestsException", "Maximum sending rate exceeded."),
    "quota": (400, "LimitExceededException", "Daily message quota exceeded."),
    "paused": (400, "SendingPausedException", "Email sending is disabled for this account."),
    "rejected": (400, "MessageRejected", "Message failed to deliver because its content was rejected."),
    "unverified": (400, "MessageRejected", "Email address is not verified. The following identities failed the check."),
    "500": (500, "InternalFailure", "The request processing has failed because of an unknown error."),
    "503": (503, "ServiceUnavailable", "The request has failed due to a temporary failure of the server."),
}


@dataclass(frozen=True)
class Ses:
    """The provider: what it accepted and how it fails. Any access key id; the secret is told to senders."""

    log: MessageLog
    faults: Faults
    clock: Clock
    secret: str = field(repr=False)

    def routes(self) -> list[Route]:
        """Its one endpoint."""
        return [Route("/v2/email/outbound-emails", self.send, methods=["POST"])]

    async def send(self, request: Request) -> Response:
        """Send an email."""
        body = await request.body()
        if wrong := not_genuine(self.secret, request, body):
            return _error(403, *wrong)
        try:
            to, raw = _read(body)
        except ValueError as error:
            return _error(400, "BadRequestException", str(error))
        rule = self.faults.draw(Provider.SES, to)
        if refusal := await struck(request, rule, _refusal):
            return refusal
        taken = f"{secrets.token_hex(8)}-{secrets.token_hex(16)}-000000"
        fault = rule.fault if rule else None
        self.log.add(letter_shown(Provider.SES, raw, to, self.clock, provider_id=taken, fault=fault))
        return await answered(request, rule, JSONResponse({"MessageId": taken}))


def _read(body: bytes) -> tuple[str, bytes]:
    """The recipient and the letter.

    Raises:
        ValueError: what SES would not take.
    """
    told = orjson.loads(body)
    try:
        to, raw = told["Destination"]["ToAddresses"], b64decode(told["Content"]["Raw"]["Data"], validate=True)
    except (KeyError, TypeError, NotBase64):
        raise ValueError("1 validation error detected: the raw content or its destination is missing") from None
    letter = message_from_bytes(raw)
    if not isinstance(to, list) or len(to) != 1 or not str(to[0]).isascii():
        raise ValueError("Local address contains control or whitespace, or is not ASCII")
    if letter.defects or not letter["From"] or parseaddr(letter["From"])[1] != told.get("FromEmailAddress"):
        raise ValueError("Missing final '@domain', or a letter that is not MIME")
    if any(len(line) > 998 for line in raw.splitlines()):  # noqa: PLR2004 - RFC 5321
        raise ValueError("a line of the letter is too long")
    return str(to[0]), raw


def not_genuine(secret: str, request: Request, body: bytes) -> tuple[str, str] | None:
    """Amazon's name for what is wrong with a signature, and its words."""
    said = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    stamp = request.headers.get("x-amz-date", "")
    if said is None or not {"host", "x-amz-date"} <= set(said["names"].split(";")) or not re.fullmatch(r"\d{8}T\d{6}Z", stamp):
        return "IncompleteSignature", "Authorization header requires 'Credential', 'Signature' and 'SignedHeaders'."
    if abs(datetime.strptime(stamp, "%Y%m%dT%H%M%S%z") - datetime.now(UTC)) > _TOLERANCE:
        return "RequestExpired", "Signature expired"
    names = said["names"].split(";")
    asked = ["POST", quote(request.url.path), request.url.query, *(f"{name}:{request.headers[name]}" for name in names), ""]
    canonical = "\n".join([*asked, said["names"], hashlib.sha256(body).hexdigest()])
    to_sign = "\n".join(["AWS4-HMAC-SHA256", stamp, said["scope"], hashlib.sha256(canonical.encode()).hexdigest()])
    key = b"AWS4" + secret.encode()
    for part in said["scope"].split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    if not hmac.compare_digest(hmac.digest(key, to_sign.encode(), "sha256").hex(), said["signature"]):
        return "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided."
    return None


def _refusal(rule: FaultRule) -> Response | None:
    if rule.fault not in _ERRORS:
        return None
    return _error(*_ERRORS[rule.fault], headers=waits(rule))


def _error(status: int, name: str, words: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"message": words}, status, {"x-amzn-ErrorType": name, **(headers or {})})
