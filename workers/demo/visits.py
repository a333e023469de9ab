"""Visits as Segment calls: what the web shop's and the app's SDKs send while a person looks around, logs in and buys."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

from workers.demo.people import Person, identifier
from workers.demo.products import CURRENCY, SHOP, Product
from workers.demo.recording import Line

_LIBRARIES = {
    "web": {"name": "analytics.js", "version": "2.11.1"},
    "ios": {"name": "analytics-swift", "version": "1.7.3"},
    "android": {"name": "analytics-kotlin", "version": "1.19.2"},
    "server": {"name": "analytics-python", "version": "2.3.3"},
}
_PATHS = {"Home": "/", "Cart": "/cart", "Account": "/account"}


@dataclass(slots=True)
class Tape:
    """Where the calls of a shop's week are written down, in any order."""

    chance: Random
    lines: list[Line] = field(default_factory=list)
    _orders: int = 0

    def add(self, at: int, call: dict[str, Any], *, sent: int | None = None) -> None:
        """A call that happened at a second of the week; `sent` later where the device was offline."""
        called = {"type": call.pop("type"), "messageId": identifier(self.chance), **call}
        self.lines.append(Line(at if sent is None else sent, at, called))

    def order_number(self) -> str:
        """The next order's."""
        self._orders += 1
        return f"order-{self._orders:05d}"

    def sorted(self) -> list[Line]:
        """The calls in the order in which they are sent; those of one second as they were written down."""
        return sorted(self.lines, key=lambda line: line.sent)


@dataclass(slots=True)
class Visit:
    """A person on one surface: `web`, the app on their device (`app`), or the shop's back office (`server`).

    `offline` is how many seconds later than they happen the calls are sent.
    """

    tape: Tape
    person: Person
    surface: str = "web"
    logged_in: bool = True
    offline: int = 0

    def identify(self, at: int, subscriptions: Sequence[dict[str, str]] = ()) -> None:
        """They log in, or their data changes; from now on the calls carry their user id."""
        self.logged_in = True
        context = self._context() | ({"messaging_subscriptions": list(subscriptions)} if subscriptions else {})
        self._send(at, {"type": "identify", "traits": self.person.traits(), "context": context})

    def alias(self, at: int) -> None:
        """They log in with an old version of the app or site, which sends an alias instead."""
        self._send(at, {"type": "alias", "previousId": self.person.cookie, "userId": self.person.user_id})
        self.logged_in = True

    def look(self, at: int, products: Sequence[Product]) -> int:
        """They come in and look at products, a minute or so each; returns the second of the last look."""
        self.show(at, "Home")
        for product in products:
            at += 25 + self.tape.chance.randrange(70)
            self.track(at, "Product Viewed", product.properties())
        return at

    def show(self, at: int, name: str) -> None:
        """A page of the site, or a screen of the app."""
        path = _PATHS.get(name, f"/{name.lower()}")
        call: dict[str, Any] = {"type": "screen", "name": name}
        if self.surface == "web":
            call = {"type": "page", "name": name, "properties": {"url": SHOP + path, "path": path, "title": name}}
        self._send(at, call | {"context": self._context()})

    def add_to_cart(self, at: int, product: Product, quantity: int = 1) -> None:
        """Into the cart."""
        cart = {"cart_id": f"cart-{self.person.cookie[:8]}"}
        self.track(at, "Product Added", cart | product.properties() | {"quantity": quantity})

    def order(self, at: int, products: Sequence[Product]) -> None:
        """They buy."""
        total = float(sum((product.price for product in products), Decimal(0)))
        money = {"revenue": total, "total": total, "currency": CURRENCY}
        bought = [product.properties() | {"quantity": 1} for product in products]
        self.track(at, "Order Completed", {"order_id": self.tape.order_number(), **money, "products": bought})

    def track(self, at: int, event: str, properties: dict[str, Any]) -> None:
        """Anything else that they do."""
        self._send(at, {"type": "track", "event": event, "properties": properties, "context": self._context()})

    def _send(self, at: int, call: dict[str, Any]) -> None:
        names: dict[str, Any] = {}
        if self.surface != "server" and call["type"] != "alias":
            names["anonymousId"] = self._installation()
        if self.logged_in and call["type"] != "alias":
            names["userId"] = self.person.user_id
        self.tape.add(at, call | names, sent=at + self.offline if self.offline else None)

    def _installation(self) -> str:
        return self.person.device.id if self.surface == "app" and self.person.device else self.person.cookie

    def _context(self) -> dict[str, Any]:
        device = self.person.device
        if self.surface == "server":
            return {"library": _LIBRARIES["server"]}
        if self.surface == "web" or device is None:
            return {"library": _LIBRARIES["web"], "page": {"url": f"{SHOP}/"}, "locale": "es-ES"}
        told = {"id": device.id, "type": device.platform, "model": device.model}
        app = {"name": "Northwind", "version": "4.2.0"}
        return {
            "library": _LIBRARIES[device.platform],
            "app": app,
            "device": told | ({"token": device.token} if device.token else {}),
            "locale": "es-ES",
        }
