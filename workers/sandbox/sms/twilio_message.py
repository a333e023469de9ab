"""A text message as Twilio's API takes it: its form, and the words for each violation.

Source: Twilio's OpenAPI description of the API 2010-04-01 (`CreateMessage`); its "Error and Warning Dictionary".
"""

import re
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from starlette.responses import JSONResponse

_ERRORS = {
    20003: (401, "Authenticate"),
    20404: (404, "The requested resource was not found"),
    20429: (429, "Too Many Requests"),
    20500: (500, "Internal Server Error"),
    20503: (503, "Service unavailable"),
    21211: (400, "The 'To' number is not a valid phone number."),
    21212: (400, "The 'From' number is not a valid phone number, shortcode, or alphanumeric sender ID."),
    21408: (403, "Permission to send an SMS has not been enabled for the region indicated by the 'To' number."),
    21602: (400, "Message body is required."),
    21603: (400, "A 'From' phone number is required."),
    21604: (400, "A 'To' phone number is required."),
    21606: (400, "The From phone number is not a valid, SMS-capable inbound phone number or short code for your account."),
    21609: (400, "The 'StatusCallback' URL is not a valid URL."),
    21610: (400, "Attempt to send to unsubscribed recipient"),
    21611: (429, "This 'From' number has exceeded the maximum number of queued messages"),
    21612: (400, "The 'To' phone number is not currently reachable using the 'From' phone number via SMS"),
    21614: (400, "'To' number is not a valid mobile number"),
    21617: (400, "The concatenated message body exceeds the 1600 character limit"),
}
_KNOWN = frozenset({"To", "From", "MessagingServiceSid", "Body", "StatusCallback", "ValidityPeriod"})
_NUMBER = re.compile(r"\+[1-9]\d{6,14}")
_FROM = re.compile(r"\+[1-9]\d{6,14}|\d{3,8}|(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}")
_POOL = re.compile(r"MG[0-9a-fA-F]{32}")
_MOST = 1_600
#: The room of a text of one segment, and of each of several: in 16-bit words, or septets.
_ROOM = {False: (70, 67), True: (160, 153)}
_GSM_ESCAPED = "\f^{}\\[~]|€"
_GSM = bytes(range(0x20, 0x7F)).decode().replace("`", "") + "\n\r\fÄÅÆÇÉÑÖØÜßàäåæèéìñòöøùü¡¿£¤¥§€ΓΔΘΛΞΠΣΦΨΩ"
_NOTHING_OF_GSM = dict.fromkeys(map(ord, _GSM))
_LONGEST = 36_000


def sid(prefix: str = "SM") -> str:
    """A fresh id in Twilio's shape."""
    return prefix + secrets.token_hex(16)


def segments(body: str) -> int:
    """How many segments a text has; what Twilio bills."""
    words = _words(body)
    single, joined = _ROOM[_is_gsm(body)]
    if sum(map(len, words)) <= single:
        return 1
    filled = [0]
    for word in words:
        filled = [*filled, 0] if filled[-1] + len(word) > joined else filled
        filled[-1] += len(word)
    return len(filled)


def told(body: str) -> str:
    """The same, for a person."""
    count = segments(body)
    return f"{count} segment{'' if count == 1 else 's'}, {'GSM-7' if _is_gsm(body) else 'UCS-2'}"


def _is_gsm(body: str) -> bool:
    return not body.translate(_NOTHING_OF_GSM)


def _words(body: str) -> list[str]:
    """What cannot be cut, a letter for each septet or 16-bit word of it."""
    if _is_gsm(body):
        return ["ab" if each in _GSM_ESCAPED else "a" for each in body]
    return ["a" * (len(each.encode("utf-16-be")) // 2) for each in body]


def error(code: int, retry_after: int | None = None) -> JSONResponse:
    """An error as Twilio words it."""
    status, message = _ERRORS[code]
    told: dict[str, Any] = {"code": code, "message": message, "status": status}
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    if status == 401:  # noqa: PLR2004 - RFC 9110, 15.5.2
        headers["WWW-Authenticate"] = 'Basic realm="Twilio API"'
    return JSONResponse(told | {"more_info": f"https://www.twilio.com/docs/errors/{code}"}, status, headers)


def violation(form: Mapping[str, str]) -> int | None:
    """The code of the first rule that a form breaks."""
    sender, pool, body = form.get("From", ""), form.get("MessagingServiceSid", ""), form.get("Body", "")
    rules = (
        (bool(form.get("To")), 21604),
        (_NUMBER.fullmatch(form.get("To", "")) is not None, 21211),
        (bool(sender or pool), 21603),
        (not sender or _FROM.fullmatch(sender) is not None, 21212),
        (not pool or _POOL.fullmatch(pool) is not None, 21606),
        (bool(body), 21602),
        (len(body) <= _MOST, 21617),
        (_is_callback(form.get("StatusCallback")), 21609),
        (_is_validity(form.get("ValidityPeriod", "1")), 20500),
        (set(form) <= _KNOWN, 20500),  # Twilio drops what it does not know: here it is loud
    )
    return next((code for holds, code in rules if not holds), None)


def _is_callback(url: str | None) -> bool:
    parts = urlsplit(url or "http://none.example")
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "_" not in str(parts.hostname)


def _is_validity(text: str) -> bool:
    return text.isdecimal() and 1 <= int(text) <= _LONGEST
