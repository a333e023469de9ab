"""A request to Amazon, signed as Signature Version 4 has it.

Promise: a pure function of request, credentials and instant, so that it can be held against Amazon's own library.
Source: AWS, "Signature Version 4 signing process" (Create a signed AWS API request).
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from urllib.parse import quote, urlsplit

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access key; `token` where it is a temporary one."""

    key_id: str
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)


def signed(
    url: str,
    body: bytes,
    service: str,
    region: str,
    credentials: Credentials,
    at: datetime,
    more: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, str]:
    """The headers of a POST of JSON, its signature among them; `more` are others that are signed."""
    parts, stamp = urlsplit(url), at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = {"content-type": "application/json", "host": parts.netloc, "x-amz-date": stamp, **more}
    if credentials.token:
        headers["x-amz-security-token"] = credentials.token
    names = ";".join(sorted(headers))
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    text = "\n".join([_ALGORITHM, stamp, scope, _hash(_canonical(parts.path, headers, names, body))])
    key = _key(credentials.secret, scope)
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    said = f"{_ALGORITHM} Credential={credentials.key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    return headers | {"authorization": said}


def _canonical(path: str, headers: Mapping[str, str], names: str, body: bytes) -> bytes:
    lines = [f"{name}:{headers[name].strip()}\n" for name in sorted(headers)]
    return "\n".join(["POST", quote(path or "/"), "", "".join(lines), names, _hash(body)]).encode()


def _key(secret: str, scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
