"""Webhooks of other systems as a source: who signs them, and what each type of theirs becomes.

Promise: declared once, by name; the secret stands in a setting. A mapping is data: paths into what is sent, and nothing is run.
Sources: Shopify, "Verify webhook deliveries"; Stripe, "Verify webhook signatures manually"; Standard Webhooks 1.0.0.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
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


class Signed(StrEnum):
    """How a webhook is signed."""

    SHOPIFY = "shopify"  # X-Shopify-Hmac-SHA256: base64 of HMAC-SHA256 over the body
    STRIPE = "stripe"  # Stripe-Signature: t=…,v1=…, of the last five minutes
    STANDARD = "standard-webhooks"  # webhook-id, webhook-timestamp, webhook-signature
    HMAC = "hmac-sha256"  # a header of its own: hex or base64, with or without "sha256=" before it


@dataclass(frozen=True, slots=True)
class Minor:
    """An amount in the smallest unit of a currency (cents), as a number of units; `currency` is the path to its code."""

    path: str
    currency: str

    def read(self, sent: Any) -> Any:
        """The amount, or nothing where it is none."""
        try:
            amount = Decimal(str(at(sent, self.path)))
        except InvalidOperation:
            return None
        code = str(at(sent, self.currency) or "").upper()
        places = 0 if code in _WHOLE else 3 if code in _THOUSANDTHS else 2
        return float(amount.scaleb(-places))


@dataclass(frozen=True, slots=True)
class Each:
    """A list, of whose items some fields are taken, each under a name: `Each("line_items", {"sku": "sku"})`."""

    path: str
    fields: Mapping[str, str]

    def read(self, sent: Any) -> Any:
        """The items, each with those of its fields that there are."""
        found = at(sent, self.path)
        items = [_given(self.fields, each) for each in found] if isinstance(found, list) else []
        return items or None


Value = str | Minor | Each


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
    """

    event: str | None = None
    user_id: str = ""
    properties: Mapping[str, Value] = field(default_factory=dict)
    traits: Mapping[str, Value] = field(default_factory=dict)
    at: str | None = None
    anonymous_id: str | None = None

    def calls(self, sent: Any, message_id: str) -> Iterator[dict[str, Any]]:
        """The calls of the Segment spec that a webhook stands for, each with its time as it was sent."""
        who = {"userId": _text(at(sent, self.user_id)) if self.user_id else None}
        if who["userId"] is None and self.anonymous_id is not None:
            who = {"anonymousId": _text(at(sent, self.anonymous_id))}
        when = {} if self.at is None else {"timestamp": at(sent, self.at)}
        if self.traits:
            yield {"type": "identify", "messageId": f"{message_id}/traits", **who, **when, "traits": _given(self.traits, sent)}
        if self.event is not None:
            told = {"event": self.event, "properties": _given(self.properties, sent)}
            yield {"type": "track", "messageId": message_id, **who, **when, **told}


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
        named = isinstance(self.name, str) and bool(NAME.fullmatch(self.name))
        yield named, "is no name for a source", 'write it in lower case: WebhookSource("shop", …)'
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
            yield bool(takes.user_id or takes.anonymous_id), f"{whose} names nobody", 'write user_id="customer.id"'
            yield bool(takes.event or takes.traits), f"{whose} becomes nothing", "name an event=, or traits="
            paths = [takes.user_id, takes.at, takes.anonymous_id, *_paths(takes.properties), *_paths(takes.traits)]
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
    items = {"product_id": "product_id", "sku": "sku", "name": "title", "price": "price", "quantity": "quantity"}
    products = Each("line_items", items)
    order: dict[str, Value] = {"order_id": "id", "revenue": "total_price", "currency": "currency", "products": products}
    order |= {"discount": "total_discounts", "tax": "total_tax", "coupon": "discount_codes.0.code"}
    person: dict[str, Value] = {"email": "email", "phone": "phone", "firstName": "first_name", "lastName": "last_name"}
    checkout: dict[str, Value] = {"checkout_id": "token", "value": "total_price", "currency": "currency", "products": products}
    refund: dict[str, Value] = {"order_id": "order_id", "total": "transactions.0.amount", "currency": "transactions.0.currency"}
    takes = {
        "orders/create": Takes("Order Completed", user_id, order, at="created_at"),
        "orders/cancelled": Takes("Order Cancelled", user_id, order, at="cancelled_at"),
        "refunds/create": Takes("Order Refunded", user_id, refund, at="created_at"),
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
    takes = {
        "checkout.session.completed": Takes(
            "Order Completed", f"{of}.client_reference_id", paid("amount_total", "payment_intent"), at="created"
        ),
        "invoice.paid": Takes("Invoice Paid", user_id, paid("amount_paid", "id"), at="created"),
        "invoice.payment_failed": Takes("Payment Failed", user_id, paid("amount_due", "id"), at="created"),
        "charge.refunded": Takes("Order Refunded", user_id, back | {"currency": f"{of}.currency"}, at="created"),
        "customer.subscription.created": Takes("Subscription Started", user_id, plan, at="created"),
        "customer.subscription.updated": Takes("Subscription Changed", user_id, plan, at="created"),
        "customer.subscription.deleted": Takes("Subscription Ended", user_id, plan, at="created"),
    }
    return WebhookSource(name, Signed.STRIPE, setting, takes)


def _given(mapping: Mapping[str, Any], sent: Any) -> dict[str, Any]:
    """What there is of what a mapping names."""
    read = {name: value.read(sent) if isinstance(value, Minor | Each) else at(sent, value) for name, value in mapping.items()}
    return {name: value for name, value in read.items() if value is not None}


def _paths(mapping: Mapping[str, Value]) -> Iterator[str]:
    for value in mapping.values():
        yield value if isinstance(value, str) else value.path


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) and value != "" else None
