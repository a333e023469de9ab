"""A pass as Google's: a store card is a loyalty object, everything else a generic one, each with the class it belongs to.

Promise: pure; every field is one of the API's own description (`walletobjects:v1`). What Google has no place for on the card
stands below it, as a text with its header.
Sources: Google Wallet REST reference, `LoyaltyObject`, `LoyaltyClass`, `GenericObject`, `GenericClass`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from activities.channels.wallet.content import AREAS, PassContent, PassField

_FORMATS = {"qr": "QR_CODE", "aztec": "AZTEC", "pdf417": "PDF_417", "code128": "CODE_128"}

#: What stands where a text has to.
_ENDED = "This pass has ended"


@dataclass(frozen=True, slots=True)
class GooglePass:
    """An object and its class; `kind` is how the API's paths call them (`loyalty`, `generic`)."""

    kind: str
    object: dict[str, Any] = field(repr=False)
    of_class: dict[str, Any]


def google_pass(
    issuer: str,
    template: str,
    serial: UUID,
    kept: Mapping[str, Any],
    picture: Callable[[str], str],
    callback: str | None = None,
) -> GooglePass:
    """The pass in Google's words; `picture` tells the address of one by its digest, `callback` where news of it goes."""
    content = PassContent.model_validate({**kept, "images": {}})
    addresses = {name: picture(digest) for name, digest in kept["images"].items()}
    about = {
        "id": object_id(issuer, serial),
        "classId": class_id(issuer, template),
        "state": "EXPIRED" if content.voided else "ACTIVE",
        "barcode": _barcode(content),
        "heroImage": _image(addresses, "strip"),
        "validTimeInterval": {"end": {"date": content.expires_at.isoformat()}} if content.expires_at else None,
        "merchantLocations": [{"latitude": each.latitude, "longitude": each.longitude} for each in content.places] or None,
    }
    of_class: dict[str, Any] = {"id": about["classId"], "callbackOptions": {"url": callback} if callback else None}
    if content.style == "storeCard":
        return _loyalty(content, about, of_class, addresses)
    return GooglePass("generic", _clean(about | _generic(content, addresses)), _clean(of_class))


def emptied(issuer: str, template: str, serial: UUID, style: str) -> GooglePass:
    """The same pass once its customer is erased: it has expired, and shows nothing; its class is everybody's and stays."""
    about: dict[str, Any] = {"id": object_id(issuer, serial), "classId": class_id(issuer, template), "state": "EXPIRED"}
    of_class = {"id": about["classId"]}
    if style == "storeCard":
        return GooglePass("loyalty", about, of_class)
    return GooglePass("generic", about | {"cardTitle": _said(_ENDED, "en"), "header": _said(_ENDED, "en")}, of_class)


def object_id(issuer: str, serial: UUID) -> str:
    """What Google calls a pass."""
    return f"{issuer}.{serial}"


def class_id(issuer: str, template: str) -> str:
    """What Google calls the passes of a template."""
    return f"{issuer}.{template}"


def _loyalty(content: PassContent, about: dict[str, Any], of_class: dict[str, Any], addresses: Mapping[str, str]) -> GooglePass:
    first, rest = _first(content, "header", "primary")
    points = {"label": first.label, "balance": {"string": first.value}} if first else None
    shown = {"loyaltyPoints": points, "textModulesData": _texts(rest), "notifyPreference": "NOTIFY_ON_UPDATE"}
    named = {
        "issuerName": content.organization,
        "programName": content.logo or content.description,
        "programLogo": _image(addresses, "logo", "icon"),
        "hexBackgroundColor": content.background,
        "reviewStatus": "UNDER_REVIEW",
    }
    return GooglePass("loyalty", _clean(about | shown), _clean(of_class | named))


def _generic(content: PassContent, addresses: Mapping[str, str]) -> dict[str, Any]:
    first, rest = _first(content, "primary")
    language = content.language or "en"
    return {
        "cardTitle": _said(content.logo or content.organization, language),
        "header": _said(first.value if first else content.description, language),
        "subheader": _said(first.label, language) if first and first.label else None,
        "logo": _image(addresses, "logo", "icon"),
        "hexBackgroundColor": content.background,
        "textModulesData": _texts(rest),
    }


def _first(content: PassContent, *areas: str) -> tuple[PassField | None, list[PassField]]:
    """The foremost field of these areas, and all the others."""
    first = next((each for area in areas for each in content.fields.get(area, ())), None)
    return first, [each for area in AREAS for each in content.fields.get(area, ()) if each is not first]


def _texts(fields: list[PassField]) -> list[dict[str, str]] | None:
    return [{"id": each.key, "header": each.label, "body": each.value} for each in fields] or None


def _barcode(content: PassContent) -> dict[str, str] | None:
    if content.barcode is None:
        return None
    code = {"type": _FORMATS[content.barcode.format], "value": content.barcode.message}
    return code | ({"alternateText": content.barcode.text} if content.barcode.text else {})


def _image(addresses: Mapping[str, str], *names: str) -> dict[str, Any] | None:
    """The sharpest picture of the first of these that there is."""
    found = next(
        (addresses[f"{name}{size}"] for name in names for size in ("@3x", "@2x", "") if f"{name}{size}" in addresses), None
    )
    return {"sourceUri": {"uri": found}} if found else None


def _said(text: str, language: str) -> dict[str, Any]:
    return {"defaultValue": {"language": language, "value": text}}


def _clean(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value is not None}
