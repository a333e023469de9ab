"""Which variables a template may name: traits, the entry event's properties, params, constants, answers, and a product.

Promise: names are those that the SDKs send, letter by letter (Segment writes `firstName`), so that there is one
spelling.
Sources: Segment spec, "Identify: traits" and "E-commerce events" (version 2).
"""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

_NAME_PARTS = 2  # root and first name: customer.firstName

_WORDS_OF_TRAITS = """
address address.city address.country address.postalCode address.state address.street age avatar birthday
company company.name company.id company.industry company.employee_count company.plan createdAt description email
firstName gender id lastName name phone title username website
"""
_WORDS_OF_PROPERTIES = """
affiliation brand cart_id category checkout_id coupon currency discount image_url list_id name order_id path position
price product_id products promotion_id quantity query referrer revenue search shipping sku subtotal tax title total url
value variant wishlist_id wishlist_name
"""

TRAITS = frozenset(_WORDS_OF_TRAITS.split())
PROPERTIES = frozenset(_WORDS_OF_PROPERTIES.split())
#: What a template that asks for a product may name besides: the product offered, and the last one bought, or in the cart.
OFFERED: Mapping[str, frozenset[str]] = {
    "product": frozenset({"id", "name", "price", "currency", "url", "image_url", "attributes"}),
    "bought": frozenset({"id", "name"}),
    "added": frozenset({"id", "name"}),
}

#: What stands among a customer's traits, and is none: the userId by which the company knows them.
USER_ID = "user_id"

#: Under which name templates find what contexts tell.
CONTEXT = "context"

#: How names of one's own are declared.
_DECLARED = {"customer": "Traits", "entry": "Properties"}


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The known names; `shop` holds constants with their values, `params` what any template may use undeclared.

    `fetched` is what services give, `around` what contexts tell, `wallet` the passes to which a message may link.
    """

    traits: frozenset[str] = TRAITS
    properties: frozenset[str] = PROPERTIES
    params: frozenset[str] = frozenset()
    shop: Mapping[str, str] = field(default_factory=dict)
    fetched: frozenset[str] = frozenset()
    wallet: frozenset[str] = frozenset()
    around: frozenset[str] = frozenset()

    def extended(
        self,
        *,
        traits: Iterable[str] = (),
        properties: Iterable[str] = (),
        fetched: Iterable[str] = (),
        around: Iterable[str] = (),
    ) -> "Vocabulary":
        """With names of one's own added; `pet.name` also makes `pet` known."""
        added = {"traits": traits, "properties": properties, "fetched": fetched, "around": around}
        return replace(self, **{kind: getattr(self, kind) | _with_parents(names) for kind, names in added.items()})

    def roots(self, params: Iterable[str], extra: Iterable[str] = ()) -> dict[str, frozenset[str]]:
        """The names below each root, for a template that declares these params; `extra` roots stand alone."""
        below = {
            "customer": self.traits | {USER_ID},
            "entry": self.properties,
            "params": self.params | set(params),
            "shop": frozenset(self.shop),
        }
        rest = {"fetched": self.fetched, "wallet": self.wallet, CONTEXT: self.around}
        below |= {name: known for name, known in rest.items() if known}
        return below | {name: frozenset[str]() for name in extra}


def _with_parents(names: Iterable[str]) -> set[str]:
    return {".".join(name.split(".")[:parts]) for name in names for parts in (1, _NAME_PARTS)}


def unknown(path: tuple[str | int, ...], roots: Mapping[str, frozenset[str]]) -> tuple[str, str] | None:
    """What is wrong with a variable and what to do, or nothing."""
    root, *rest = (str(part) for part in path)
    if root in OFFERED and root not in roots:
        to = "last added" if root == "added" else "last purchase"
        return f"{_dotted(path)} needs a product", f"write product: {{relation: …, to: {to}}} in this template"
    if root not in roots:
        return f"unknown variable {_dotted(path)}", _near(root, roots)
    if not rest:
        return (f"{root} alone is not a text", f"name one of {_listed(roots[root])}") if roots[root] else None
    return None if _known(rest, roots[root]) else _unknown_below(root, rest, roots[root])


def _known(rest: list[str], names: frozenset[str]) -> bool:
    if rest[0] not in names:
        return False
    described = any(name.startswith(f"{rest[0]}.") for name in names)
    return len(rest) == 1 or not described or ".".join(rest[:_NAME_PARTS]) in names


def _unknown_below(root: str, rest: list[str], names: frozenset[str]) -> tuple[str, str]:
    name = ".".join(rest[:_NAME_PARTS]) if rest[0] in names else rest[0]
    own = f'One of your own is declared in the catalogue: own = {_DECLARED[root]}("{name}"). ' if root in _DECLARED else ""
    return f"unknown variable {root}.{'.'.join(rest)}", _near(name, names, f"{root}.", own)


def _near(name: str, known: Iterable[str], prefix: str = "", own: str = "") -> str:
    names = sorted(known)
    folded = {candidate.casefold().replace("_", ""): candidate for candidate in names}
    matches = difflib.get_close_matches(name.casefold().replace("_", ""), folded, n=1)
    guess = f"did you mean {prefix}{folded[matches[0]]}? " if matches else ""
    return f"{guess}{own}Known{f' in {prefix[:-1]}' if prefix else ''}: {_listed(names)}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


def _dotted(path: tuple[str | int, ...]) -> str:
    return ".".join(str(part) for part in path)
