"""Webhooks of other systems as a source: who signs them, and what each type of theirs becomes.

Promise: declared once, by name; the secret stands in a setting. A mapping is data: paths into what is sent, and nothing is run.
Sources: Shopify, "Verify webhook deliveries"; Stripe, "Verify webhook signatures manually"; Standard Webhooks 1.0.0.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from journeys.errors import CatalogueError
from journeys.sources.source import NAME, SETTING

_PATH = re.compile(r"[^.\s]+(\.[^.\s]+)*")
#: Currencies whose smallest unit is the unit itself, or a thousandth of it (ISO 4217, as Stripe lists them).
_WHOLE = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"]
)
_THOUSANDTHS = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])
#: What follows the message id of the call with the traits.
TRAITS = "/traits"
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
#: Digits before the point that a number may have, at most: all whole ones are exact in JSON.
_DIGITS = 15


class Signed(StrEnum):
    """How a webhook is signed."""

    SHOPIFY = "shopify"  # X-Shopify-Hmac-SHA256: base64 of HMAC-SHA256 over the body
    STRIPE = "stripe"  # Stripe-Signature: t=…,v1=…, of the last five minutes
    STANDARD = "standard-webhooks"  # webhook-id, webhook-timestamp, webhook-signature
    HMAC = "hmac-sha256"  # a header of its own: hex or base64, with or without "sha256=" before it


class NoNumber(ValueError):
    """What stands where a number should; the message names the path and not the value."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number that may be sent as a text, such as an amount of money: "388.00" is 388."""

    path: str

    def read(self, sent: Any) -> float | int | None:
        """The number, exactly; nothing where there is none.

        Raises:
            NoNumber: it is none, or JSON has none that is exactly this.
        """
        return _as_json(self.path, _decimal(self.path, at(sent, self.path)))


@dataclass(frozen=True, slots=True)
class Minor:
    """An amount in the smallest unit of a currency (cents), as a number of units; `currency` is the path to its code."""

    path: str
    currency: str

    def read(self, sent: Any) -> float | int | None:
        """The amount, exactly; nothing where there is none.

        Raises:
            NoNumber: it is none, or JSON has none that is exactly this.
        """
        amount = _decimal(self.path, at(sent, self.path))
        code = str(at(sent, self.currency) or "").upper()
        places = 0 if code in _WHOLE else 3 if code in _THOUSANDTHS else 2
        return _as_json(self.path, amount and amount.scaleb(-places))


@dataclass(frozen=True, slots=True)
class Each:
    """A list, of whose items some fields are taken, each under a name: `Each("line_items", {"sku": "sku"})`."""

    path: str
    fields: "Mapping[str, str | Number | Minor]"

    def read(self, sent: Any) -> Any:
        """The items, each with those of its fields that there are.

        Raises:
            NoNumber: a number of one is none.
        """
        found = at(sent, self.path)
        items = [_given(self.fields, each) for each in found] if isinstance(found, list) else []
        return items or None


Value = str | Number | Minor | Each


@dataclass(frozen=True, slots=True)
class Earlier:
    """The customer of an earlier event of the same source: of this type, whose `named` property is what stands at `path`."""

    event: str
    named: str
    path: str


@dataclass(frozen=True, slots=True)
class Takes:
    """What one type of webhook becomes: an event, traits of its customer, or both.

    Args:
        event: The type of the event; left out, there are only traits.
        user_id: Path to the user id; where there is none, `anonymous_id`.
        properties: Name and path of what the event holds.
        traits: Name and path of what becomes known of the customer.
        at: Path to when it happened; left out, when it came.
        anonymous_id: Path to an anonymous id.
        earlier: Where it names nobody itself: the earlier event whose customer it is about, as a refund's is its order's.
    """

    event: str | None = None
    user_id: str = ""
    properties: Mapping[str, Value] = field(default_factory=dict)
    traits: Mapping[str, Value] = field(default_factory=dict)
    at: str | None = None
    anonymous_id: str | None = None
    earlier: Earlier | None = None

    def who(self, sent: Any) -> dict[str, str]:
        """Whom it names itself, as the Segment spec has it; nobody: empty."""
        user = _text(at(sent, self.user_id)) if self.user_id else None
        if user is not None:
            return {"userId": user}
        visitor = _text(at(sent, self.anonymous_id)) if self.anonymous_id is not None else None
        return {"anonymousId": visitor} if visitor is not None else {}

    def calls(self, sent: Any, message_id: str, who: Mapping[str, str]) -> "Iterator[tuple[dict[str, Any], str | None]]":
        """The calls of the Segment spec that a webhook about somebody stands for, each with its time as it was sent.

        Beside a call whose number is none stands what is wrong; it is without what could not be read.
        """
        when = {} if self.at is None else {"timestamp": at(sent, self.at)}
        if self.traits:
            traits, wrong = _told(self.traits, sent)
            yield {"type": "identify", "messageId": f"{message_id}{TRAITS}", **who, **when, "traits": traits}, wrong
        if self.event is not None:
            properties, wrong = _told(self.properties, sent)
            told = {"event": self.event, "properties": properties}
            yield {"type": "track", "messageId": message_id, **who, **when, **told}, wrong


@dataclass(frozen=True)
class WebhookSource:
    """Webhooks of another system, which come to `POST /v1/hooks/{name}`.

    Args:
        name: Lower case; it stands at events and traits as where they came from.
        signed: How they are signed.
        secret: The name of the setting with what signs them; several, comma separated, while one is replaced.
        takes: What each type becomes; other types are answered and left. `"*"` is any type.
        type_at: Path to the type in the body; left out, where its kind of signature has it.
        id_at: Path to the id, by which each counts once; left out, where its kind of signature has it, else the body's hash.
        header: Of `Signed.HMAC`: the header with the signature.

    Example:
        desk = WebhookSource("desk", Signed.HMAC, "DESK_SECRET", header="X-Desk-Signature", type_at="event", id_at="id",
                             takes={"ticket.created": Takes("Ticket Opened", user_id="requester.external_id",
                                                            properties={"subject_id": "ticket.category"})})
    """

    name: str
    signed: Signed
    secret: str
    takes: Mapping[str, Takes]
    type_at: str | None = None
    id_at: str | None = None
    header: str | None = None

    def __post_init__(self) -> None:
        for holds, fault, remedy in self._rules():
            if not holds:
                raise CatalogueError(f"WebhookSource({self.name!r}): {fault}", remedy=remedy)

    def taken(self, type_: str) -> Takes | None:
        """What a type becomes; None where it is left."""
        return self.takes.get(type_, self.takes.get("*"))

    def _rules(self) -> Iterator[tuple[bool, str, str]]:
        called = isinstance(self.name, str) and bool(NAME.fullmatch(self.name))
        yield called, "is no name for a source", 'write it in lower case: WebhookSource("shop", …)'
        setting = isinstance(self.secret, str) and bool(SETTING.fullmatch(self.secret))
        yield setting, "secret= is the name of a setting, not the secret", 'write secret="SHOP_WEBHOOK_SECRET", and set that'
        yield (
            bool(self.takes),
            "takes= says nothing",
            'write takes={"order.paid": Takes("Order Completed", user_id="buyer.id")}',
        )
        hmac = self.signed is Signed.HMAC
        yield hmac is (self.header is not None), "header= belongs to Signed.HMAC, which needs it", 'write header="X-Signature"'
        typed = not hmac or self.type_at is not None or set(self.takes) == {"*"}
        yield typed, "nothing says where the type stands", 'write type_at="event", or takes={"*": …}'
        for type_, takes in self.takes.items():
            whose = f"takes[{type_!r}]"
            yield (
                bool(takes.user_id or takes.anonymous_id or takes.earlier),
                f"{whose} names nobody",
                'write user_id="customer.id"',
            )
            yield bool(takes.event or takes.traits), f"{whose} becomes nothing", "name an event=, or traits="
            paths = [takes.user_id, takes.at, takes.anonymous_id, *_paths(takes.properties), *_paths(takes.traits)]
            paths += [takes.earlier.path] if takes.earlier is not None else []
            wrong = next((path for path in paths if path and not _PATH.fullmatch(path)), None)
            yield wrong is None, f"{whose} has no path such as {wrong!r}", 'a path is names with dots between: "customer.id"'


def at(sent: Any, path: str) -> Any:
    """What stands at a path, or nothing; a number counts within a list."""
    for step in path.split("."):
        if isinstance(sent, Mapping):
            sent = sent.get(step)
        elif isinstance(sent, list) and step.isascii() and step.isdecimal() and int(step) < len(sent):
            sent = sent[int(step)]
        else:
            return None
    return sent


def shopify(*, setting: str = "SHOPIFY_WEBHOOK_SECRET", name: str = "shopify", user_id: str = "customer.id") -> WebhookSource:
    """Shopify's orders, refunds, checkouts and customers; `user_id` is the path to the user id within an order.

    Source: Shopify, Admin API reference, webhook topics and their payloads.
    """
    items: dict[str, str | Number | Minor] = {"product_id": "product_id", "sku": "sku", "name": "title"}
    products = Each("line_items", items | {"price": Number("price"), "quantity": Number("quantity")})
    total = Number("total_price")
    order: dict[str, Value] = {"order_id": "id", "revenue": total, "currency": "currency", "products": products}
    order |= {"discount": Number("total_discounts"), "tax": Number("total_tax"), "coupon": "discount_codes.0.code"}
    person: dict[str, Value] = {"email": "email", "phone": "phone", "firstName": "first_name", "lastName": "last_name"}
    checkout: dict[str, Value] = {"checkout_id": "token", "value": total, "currency": "currency", "products": products}
    refund: dict[str, Value] = {"order_id": "order_id", "total": Number("transactions.0.amount")}
    refund |= {"currency": "transactions.0.currency"}
    ordered = Earlier("Order Completed", "order_id", "order_id")  # a refund names its order and no customer
    takes = {
        "orders/create": Takes("Order Completed", user_id, order, at="created_at"),
        "orders/cancelled": Takes("Order Cancelled", user_id, order, at="cancelled_at"),
        "refunds/create": Takes("Order Refunded", properties=refund, at="created_at", earlier=ordered),
        "checkouts/create": Takes("Checkout Started", user_id, checkout, at="created_at", anonymous_id="token"),
        "customers/create": Takes("Customer Created", "id", traits=person, at="created_at"),
        "customers/update": Takes(None, "id", traits=person, at="updated_at"),
    }
    return WebhookSource(name, Signed.SHOPIFY, setting, takes)


def stripe(
    *, setting: str = "STRIPE_WEBHOOK_SECRET", name: str = "stripe", user_id: str = "data.object.metadata.user_id"
) -> WebhookSource:
    """Stripe's checkouts, invoices, refunds and subscriptions; `user_id` is the path to what the shop has put there.

    Source: Stripe, API reference, types of events and their objects.
    """
    of = "data.object"

    def paid(amount: str, id_: str) -> dict[str, Value]:
        code = f"{of}.currency"
        return {"order_id": f"{of}.{id_}", "revenue": Minor(f"{of}.{amount}", code), "currency": code}

    plan: dict[str, Value] = {"subscription_id": f"{of}.id", "status": f"{of}.status", "ends": f"{of}.cancel_at_period_end"}
    back: dict[str, Value] = {"order_id": f"{of}.payment_intent", "total": Minor(f"{of}.amount_refunded", f"{of}.currency")}
    ordered = Earlier("Order Completed", "order_id", f"{of}.payment_intent")
    takes = {
        "checkout.session.completed": Takes(
            "Order Completed", f"{of}.client_reference_id", paid("amount_total", "payment_intent"), at="created"
        ),
        "invoice.paid": Takes("Invoice Paid", user_id, paid("amount_paid", "id"), at="created"),
        "invoice.payment_failed": Takes("Payment Failed", user_id, paid("amount_due", "id"), at="created"),
        "charge.refunded": Takes(
            "Order Refunded", user_id, back | {"currency": f"{of}.currency"}, at="created", earlier=ordered
        ),
        "customer.subscription.created": Takes("Subscription Started", user_id, plan, at="created"),
        "customer.subscription.updated": Takes("Subscription Changed", user_id, plan, at="created"),
        "customer.subscription.deleted": Takes("Subscription Ended", user_id, plan, at="created"),
    }
    return WebhookSource(name, Signed.STRIPE, setting, takes)


def _given(mapping: Mapping[str, Any], sent: Any) -> dict[str, Any]:
    """What there is of what a mapping names."""
    read = {name: _read(value, sent) for name, value in mapping.items()}
    return {name: value for name, value in read.items() if value is not None}


def _told(mapping: Mapping[str, Any], sent: Any) -> tuple[dict[str, Any], str | None]:
    """The same, and what is wrong with what could not be read."""
    told: dict[str, Any] = {}
    problem: str | None = None
    for name, value in mapping.items():
        try:
            told |= _given({name: value}, sent)
        except NoNumber as wrong:
            problem = problem or str(wrong)
    return told, problem


def _read(value: Any, sent: Any) -> Any:
    return at(sent, value) if isinstance(value, str) else value.read(sent)


def _decimal(path: str, found: Any) -> Decimal | None:
    if found is None or found == "":
        return None
    text = "" if isinstance(found, bool | list | Mapping) else str(found).strip()
    if not _NUMBER.fullmatch(text):
        raise NoNumber(f"what stands at {path} is no number")
    return Decimal(text)


def _as_json(path: str, number: Decimal | None) -> float | int | None:
    if number is None or not number:
        return None if number is None else 0
    if number.adjusted() < _DIGITS:
        read = int(number) if number == number.to_integral_value() else float(number)
        if Decimal(repr(read)) == number:
            return read
    raise NoNumber(f"the number at {path} is larger, or has more digits, than can be kept exactly")


def _paths(mapping: "Mapping[str, Any]") -> Iterator[str]:
    for value in mapping.values():
        yield value if isinstance(value, str) else value.path
        if isinstance(value, Minor):
            yield value.currency
        elif isinstance(value, Each):
            yield from _paths(value.fields)


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) and value != "" else None
