"""Google's published descriptions of FCM and of its wallet: what we send has no field, type or word that they do not know."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from activities.channels import Address, Outgoing, PushContent
from activities.channels.push.fcm_payload import message
from activities.channels.wallet.content import Barcode, PassContent, PassField, Place
from activities.channels.wallet.google_object import emptied, google_pass
from tests.contracts import of_google, unlike

ISSUER, SERIAL = "3388000000022334455", UUID(int=7)
WHOLE = PushContent(
    title="Your cart",
    body="Still here",
    image="https://cdn.example/boots.jpg",
    link="shop://cart/c1",
    click_action="OPEN_CART",
    data={"product_id": "p1"},
    priority="normal",
    sound="bell.caf",
    badge=3,
    category="carts",
    collapse="cart",
    mutable=True,
)
PLAIN = PushContent(title="a", body="b")
STYLES = ("storeCard", "coupon", "eventTicket", "generic")
FIELDS = {
    area: (PassField(key=f"{area}1", label="Points", value="20", change="Now %@"), PassField(key=f"{area}2", value="Ana"))
    for area in ("header", "primary", "secondary", "auxiliary", "back")
}


@pytest.fixture(scope="module")
def fcm() -> dict[str, Any]:
    return of_google("fcm.v1")


@pytest.fixture(scope="module")
def wallet() -> dict[str, Any]:
    return of_google("walletobjects.v1")


@pytest.mark.parametrize("platform", [None, "android", "ios", "web"])
@pytest.mark.parametrize("content", [PLAIN, WHOLE])
@pytest.mark.parametrize("useful_for", [None, timedelta(hours=3)])
def test_a_push_is_one_that_google_describes(
    fcm: dict[str, Any], content: PushContent, platform: str | None, useful_for: timedelta | None
) -> None:
    address = Address(endpoint_id=UUID(int=1), value="d" * 22, platform=platform)
    outgoing = Outgoing(key="r/push:cart/1", address=address, content=content, useful_for=useful_for)
    assert unlike(fcm, "SendMessageRequest", {"message": message(outgoing, content)}) == []


def test_the_description_refuses_what_google_does_not_know(fcm: dict[str, Any]) -> None:
    for wrong in ({"tokn": "d"}, {"data": {"n": 1}}, {"android": {"priority": "LOUD"}}, {"notification": {"title": 1}}):
        assert unlike(fcm, "SendMessageRequest", {"message": wrong}), wrong


def shown(style: Any, **more: Any) -> dict[str, Any]:
    content = PassContent(style=style, organization="Shop", description="A card", logo="Shop", background="#102030", **more)
    return {**content.kept, "images": dict.fromkeys(("icon", "logo", "strip", "thumbnail"), "0" * 64)}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("whole", [False, True])
def test_a_pass_is_one_that_google_describes(wallet: dict[str, Any], style: str, whole: bool) -> None:
    more: dict[str, Any] = {
        "fields": FIELDS,
        "barcode": Barcode(format="qr", message="ana", text="Ana"),
        "places": (Place(latitude=40.4, longitude=-3.7, text="Near"),),
        "expires_at": datetime(2027, 1, 1, tzinfo=UTC),
        "relevant_at": datetime(2026, 12, 1, tzinfo=UTC),
        "language": "es",
        "voided": True,
    }
    callback = "https://shop.example/v1/webhooks/google-wallet" if whole else None
    told = shown(style, **more) if whole else shown(style)
    made = google_pass(ISSUER, "card", SERIAL, told, "https://shop.example/wallet/pictures/{}.png".format, callback)
    kind = made.kind.capitalize()
    assert unlike(wallet, f"{kind}Object", made.object) == []
    assert unlike(wallet, f"{kind}Class", made.of_class) == []


@pytest.mark.parametrize("style", STYLES)
def test_what_an_erasure_leaves_is_one_too(wallet: dict[str, Any], style: str) -> None:
    made = emptied(ISSUER, "card", SERIAL, style)
    assert unlike(wallet, f"{made.kind.capitalize()}Object", made.object) == []
    assert unlike(wallet, f"{made.kind.capitalize()}Class", made.of_class) == []
    assert unlike(wallet, "GenericObject", {"id": 1, "cardTitel": {}}), "it is looked at"
