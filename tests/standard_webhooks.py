"""Verifying what was signed, as a receiver does: written from the specification alone, apart from how we sign."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime

TOLERANCE = 300.0


class NotGenuine(Exception):
    """It is not from whom it says, or too old."""


def verify(secret: str, headers: Mapping[str, str], body: bytes, now: datetime | None = None) -> None:
    sent = float(headers["webhook-timestamp"])
    if abs((now or datetime.now(UTC)).timestamp() - sent) > TOLERANCE:
        raise NotGenuine("too old, or ahead")
    mac = hmac.new(base64.b64decode(secret.split("_", 1)[1]), digestmod=hashlib.sha256)
    for part in (headers["webhook-id"], ".", headers["webhook-timestamp"], "."):
        mac.update(part.encode())
    mac.update(body)
    for each in headers["webhook-signature"].split(" "):
        version, _, told = each.partition(",")
        if version == "v1" and hmac.compare_digest(base64.b64decode(told), mac.digest()):
            return
    raise NotGenuine("no signature fits")
