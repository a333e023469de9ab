"""A request to APNs: its headers, limits and Apple's reason for each violation.

Source: Apple's "Sending notification requests to APNs", "Generating a remote notification".
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from workers.sandbox.push.http2 import Request

_PATH = re.compile(r"/3/device/([^/?]*)")
_TOKEN = re.compile(r"([0-9a-fA-F]{2}){16,100}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PUSH_TYPES = frozenset(
    {"alert", "background", "complication", "controls", "fileprovider", "liveactivity", "location", "mdm", "pushtotalk", "voip"}
    | {"widgets"}
)
_MOST_BYTES = 4096
_MOST_COLLAPSE = 64


class Violation(Exception):
    """The request breaks a rule: the status, and Apple's reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def check_token(request: Request) -> str:
    """The device's token, out of the path."""
    if request.method != "POST":
        raise Violation(405, "MethodNotAllowed")
    found = _PATH.fullmatch(request.path)
    if found is None:
        raise Violation(404, "BadPath")
    if not found[1]:
        raise Violation(400, "MissingDeviceToken")
    if not _TOKEN.fullmatch(found[1]):
        raise Violation(400, "BadDeviceToken")
    return found[1]


def check_headers(headers: Mapping[str, str], topic: str) -> None:
    """The first header that Apple would not take."""
    given = {name: headers.get(f"apns-{name}") for name in ("topic", "id", "expiration", "priority", "push-type")}
    if given["topic"] is None:
        raise Violation(400, "MissingTopic")
    if given["topic"] != topic:
        raise Violation(400, "TopicDisallowed")
    rules: dict[str, tuple[Callable[[str], object], str]] = {
        "id": (_UUID.fullmatch, "BadMessageId"),
        "expiration": (re.compile(r"\d{1,10}").fullmatch, "BadExpirationDate"),
        "priority": (re.compile(r"1|5|10").fullmatch, "BadPriority"),
        "push-type": (_PUSH_TYPES.__contains__, "InvalidPushType"),
    }
    for name, (fits, reason) in rules.items():
        if (value := given[name]) is not None and not fits(value):
            raise Violation(400, reason)
    if given["push-type"] is None:
        raise Violation(400, "InvalidPushType")
    if len(headers.get("apns-collapse-id", "").encode()) > _MOST_COLLAPSE:
        raise Violation(400, "BadCollapseId")


def check_payload(body: bytes) -> None:
    """A dictionary with `aps` in it, not larger than Apple takes."""
    if len(body) > _MOST_BYTES:
        raise Violation(413, "PayloadTooLarge")
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        told = None
    if not aps_of(told):
        raise Violation(400, "PayloadEmpty")


def aps_of(told: Any) -> dict[str, Any]:
    """Apple's part of a payload."""
    aps = told.get("aps") if isinstance(told, dict) else None
    return aps if isinstance(aps, dict) else {}
