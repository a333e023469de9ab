"""Google Wallet's REST API, and APNs for the news of passes: what they take, what they have, how they fail.

APNs knows the sender by the certificate of the connection; here there is no TLS, and the topic is what is looked at.
Sources: Google's description `walletobjects:v1`; Apple's "Updating a Pass".
"""

import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from journeys.clock import Clock
from workers.sandbox.accounts import ServiceAccount
from workers.sandbox.faults import FaultRule, Faults
from workers.sandbox.mail_api import answered, struck, waits
from workers.sandbox.messages import Message, MessageLog, Provider
from workers.sandbox.push.apns_request import Violation, check_token
from workers.sandbox.push.http2 import Answer
from workers.sandbox.push.http2 import Request as H2Request
from workers.sandbox.wallet.account import IDENTIFIER, ISSUER

_STATES = {"ACTIVE", "COMPLETED", "EXPIRED", "INACTIVE"}
_IMAGE = {"sourceUri", "contentDescription"}
_CLASS = {"id", "callbackOptions", "textModulesData", "merchantLocations", "multipleDevicesAndHoldersAllowedStatus"}
_OBJECT = {
    *("id", "classId", "state", "barcode", "heroImage", "validTimeInterval", "merchantLocations", "textModulesData"),
    *("linksModuleData", "messages", "groupingInfo", "passConstraints"),
}
#: The fields of each resource that are known here, and those that must be there.
_KNOWN: dict[str, tuple[set[str], set[str]]] = {
    "loyaltyClass": (
        _CLASS | {"issuerName", "programName", "programLogo", "hexBackgroundColor", "reviewStatus", "heroImage", "countryCode"},
        {"id", "issuerName", "programName", "programLogo", "reviewStatus"},
    ),
    "genericClass": (_CLASS, {"id"}),
    "loyaltyObject": (
        _OBJECT | {"loyaltyPoints", "accountId", "accountName", "notifyPreference", "secondaryLoyaltyPoints"},
        {"id", "classId", "state"},
    ),
    "genericObject": (
        _OBJECT | {"cardTitle", "header", "subheader", "logo", "hexBackgroundColor", "notifications", "genericType"},
        {"id", "classId", "cardTitle", "header"},
    ),
}
_BARCODES = {"QR_CODE", "AZTEC", "PDF_417", "CODE_128"}
_ERRORS = {
    "401": (401, "UNAUTHENTICATED"),
    "403": (403, "PERMISSION_DENIED"),
    "429": (429, "RESOURCE_EXHAUSTED"),
    "500": (500, "INTERNAL"),
    "503": (503, "UNAVAILABLE"),
    "invalid": (400, "INVALID_ARGUMENT"),
}
_REASONS = {
    "429": (429, "TooManyRequests"),
    "500": (500, "InternalServerError"),
    "503": (503, "ServiceUnavailable"),
    "unregistered": (410, "Unregistered"),
    "unregistered_long_ago": (410, "Unregistered"),
}
_LONG_AGO = {"unregistered_long_ago": timedelta(days=365)}


@dataclass
class Wallet:
    """Both providers: what they have."""

    account: ServiceAccount
    log: MessageLog
    faults: Faults
    clock: Clock
    #: By resource (`loyaltyObject`) and id.
    has: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def routes(self) -> list[Route]:
        """Google's."""
        base = "/walletobjects/v1/{resource}"
        return [
            Route(base, self.insert, methods=["POST"]),
            Route(f"{base}/{{id}}", self.get, methods=["GET"]),
            Route(f"{base}/{{id}}", self.put, methods=["PUT"]),
        ]

    async def get(self, request: Request) -> Response:
        """A resource."""
        found = self.has.get((request.path_params["resource"], request.path_params["id"]))
        return JSONResponse(found) if found and self._may(request) else _error(404, "NOT_FOUND")

    async def insert(self, request: Request) -> Response:
        """A new one."""
        return await self._taken(request, request.path_params["resource"], None)

    async def put(self, request: Request) -> Response:
        """In the place of one that there is."""
        return await self._taken(request, request.path_params["resource"], request.path_params["id"])

    async def push(self, request: H2Request) -> Answer | None:
        """APNs: an empty push to a device that has a pass."""
        id_ = str(uuid4()).upper()
        try:
            device = check_token(request)
        except Violation as violation:
            return _apns(violation.status, violation.reason)
        if request.headers.get("apns-topic") != IDENTIFIER or bytes(request.body) != b"{}":
            return _apns(400, "TopicDisallowed" if bytes(request.body) == b"{}" else "PayloadEmpty")
        rule = self.faults.draw(Provider.WALLET, device)
        if rule is not None and rule.fault in _REASONS:
            return _apns(*_REASONS[rule.fault], dead=_LONG_AGO.get(rule.fault, timedelta(0)))
        self.log.add(self._message(device, id_, "apns", {}, rule))
        return Answer(200, {"apns-id": id_})

    async def _taken(self, request: Request, resource: str, id_: str | None) -> Response:
        if not self._may(request):
            return _error(401, "UNAUTHENTICATED")
        body = orjson.loads(await request.body())
        if resource not in _KNOWN or not isinstance(body, dict) or (wrong := self._wrong(resource, body)):
            return _error(400, "INVALID_ARGUMENT", wrong if resource in _KNOWN else "no such resource")
        if id_ is not None and (id_ != body["id"] or (resource, id_) not in self.has):
            return _error(404, "NOT_FOUND")
        if id_ is None and (resource, body["id"]) in self.has:
            return _error(409, "ALREADY_EXISTS")
        rule = self.faults.draw(Provider.WALLET, body["id"])
        if refusal := await struck(request, rule, _refusal):
            return refusal
        self.has[resource, body["id"]] = body
        if resource.endswith("Object"):
            self.log.add(self._message(body["id"], body["id"], resource, body, rule))
        return await answered(request, rule, JSONResponse(body))

    def _may(self, request: Request) -> bool:
        return self.account.accepts(request.headers.get("authorization", "").removeprefix("Bearer "))

    def _wrong(self, resource: str, body: dict[str, Any]) -> str:
        """What Google would not take."""
        known, needed = _KNOWN[resource]
        if strange := sorted(body.keys() - known) or sorted(needed - body.keys()):
            return f"{strange[0]}: Cannot find field, or it is required."
        if not re.fullmatch(rf"{ISSUER}\.[\w.-]+", str(body["id"])):
            return "the id must be issuer.identifier, of letters, digits, '.', '_' and '-'"
        if resource.endswith("Object") and (resource.replace("Object", "Class"), body["classId"]) not in self.has:
            return "the class is not there"
        if body.get("state", "ACTIVE") not in _STATES or body.get("barcode", {}).get("type", "QR_CODE") not in _BARCODES:
            return "Invalid value"
        if len(body.get("merchantLocations", [])) > 10:  # noqa: PLR2004 - Google's limit
            return "too many merchantLocations"
        images = [body[name] for name in ("heroImage", "programLogo", "logo") if name in body]
        return "" if all(set(each) <= _IMAGE and each["sourceUri"]["uri"] for each in images) else "an image has no address"

    def _message(self, to: str, id_: str, sender: str, body: dict[str, Any], rule: FaultRule | None) -> Message:
        real = datetime.now(UTC)
        return Message(
            provider=Provider.WALLET,
            provider_id=id_,
            sender=sender,
            to=to,
            accepted_at=self.clock.business(real),
            received_at=real,
            title=body.get("classId", IDENTIFIER),
            fault=rule.fault if rule else None,
            raw=body,
        )


def _refusal(rule: FaultRule) -> Response | None:
    return _error(*_ERRORS[rule.fault], headers=waits(rule)) if rule.fault in _ERRORS else None


def _error(status: int, name: str, words: str = "", headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": {"code": status, "status": name, "message": words}}, status, headers)


def _apns(status: int, reason: str, dead: timedelta = timedelta(0)) -> Answer:
    """An answer of APNs's; of a dead token since when it is."""
    gone = {"timestamp": int((time.time() - dead.total_seconds()) * 1000)} if status == 410 else {}  # noqa: PLR2004 - Gone
    return Answer(status, {"content-type": "application/json"}, orjson.dumps({"reason": reason} | gone))
