"""The Graph API's errors: codes, titles and HTTP statuses, as answers and inside `failed` statuses.

Source: Meta's "WhatsApp Business Platform: Error codes".
"""

import secrets
from typing import Any

from starlette.responses import JSONResponse, Response

_HREF = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"
#: code → HTTP status, title, details
_ERRORS = {
    2: (503, "API Service", "Temporary due to downtime or due to being overloaded."),
    100: (400, "Invalid parameter", "The request included one or more unsupported or misspelled parameters."),
    190: (401, "Access token has expired", "Your access token has expired."),
    130429: (429, "Rate limit hit", "Cloud API message throughput has been reached."),
    131000: (500, "Something went wrong", "Message failed to send due to an unknown error."),
    131008: (400, "Required parameter is missing", "The request is missing a required parameter."),
    131026: (400, "Message undeliverable", "Message Undeliverable."),
    131047: (
        400,
        "Re-engagement message",
        "Message failed to send because more than 24 hours have passed since the customer last replied to this number.",
    ),
    131049: (
        400,
        "This message was not delivered to maintain healthy ecosystem engagement.",
        "In order to maintain a healthy ecosystem engagement, the message failed to be delivered.",
    ),
    131009: (400, "Parameter value is not valid", "One or more parameter values are invalid."),
    131051: (400, "Unsupported message type", "Message type is currently not supported."),
    131053: (400, "Media upload error", "Unable to upload the media used in the message."),
    132012: (400, "Parameter format does not match", "The parameter format does not match the created template."),
    132015: (400, "Template is paused", "Template is paused due to low quality so it cannot be sent."),
    132016: (400, "Template is disabled", "Template has been paused too many times due to low quality and is now disabled."),
    132001: (404, "Template name does not exist in the translation", "The template does not exist in this language."),
}


def answer(code: int, title: str | None = None, details: str | None = None, retry_after: int | None = None) -> Response:
    """An error as the Graph API answers it."""
    status, usual_title, usual_details = _ERRORS[code]
    error = {
        "message": f"(#{code}) {title or usual_title}",
        "type": "OAuthException",
        "code": code,
        "error_data": {"messaging_product": "whatsapp", "details": details or usual_details},
        "fbtrace_id": _trace_id(),
    }
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return JSONResponse({"error": error}, status, headers)


def unauthorized(message: str) -> Response:
    """Code 190, which carries no error_data."""
    error = {"message": message, "type": "OAuthException", "code": 190, "fbtrace_id": _trace_id()}
    return JSONResponse({"error": error}, 401, {"WWW-Authenticate": f'OAuth "Facebook Platform" "invalid_token" "{message}"'})


def in_webhook(code: int) -> dict[str, Any]:
    """An error as a `failed` status carries it."""
    _, title, details = _ERRORS[code]
    return {"code": code, "title": title, "message": title, "error_data": {"details": details}, "href": _HREF}


def _trace_id() -> str:
    return "A" + secrets.token_urlsafe(16)
