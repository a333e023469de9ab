"""Who comes to the demo's shop: invented customers with what they allowed and where they can be reached.

Promise: nobody real. Mail goes to example.com (RFC 2606), phone numbers are Ofcom's for drama (07700 900000 to 900999).
"""

from dataclasses import dataclass
from random import Random
from typing import Any

_FIRST_NAMES = (
    *("Adriana", "Aisha", "Alba", "Ana", "Beatriz", "Bruno", "Carla", "Carlos", "Chloe", "Daniel", "Diego", "Elena"),
    *("Emma", "Fatima", "Felix", "Greta", "Hugo", "Ines", "Irene", "Ivan", "Jonas", "Julia", "Karim", "Laura"),
    *("Leo", "Lucia", "Malik", "Marco", "Marta", "Mateo", "Nadia", "Nora", "Oliver", "Olga", "Pablo", "Paula"),
    *("Rafael", "Rosa", "Samir", "Sara", "Sofia", "Tariq", "Teresa", "Tomas", "Valeria", "Vera", "Yusuf", "Zoe"),
)
_LAST_NAMES = (
    *("Aguilar", "Bauer", "Castro", "Dubois", "Esteban", "Fischer", "Garcia", "Haddad", "Iglesias", "Jansen", "Keller"),
    *("Lopez", "Moreau", "Navarro", "Ortega", "Pereira", "Quiroga", "Romero", "Silva", "Torres", "Vidal", "Weber"),
)
#: As many as there are phone numbers for drama.
MOST_PEOPLE = 1000
_CITIES = ("Madrid", "Barcelona", "Valencia", "Sevilla", "Bilbao", "Malaga", "Granada", "Zaragoza")
_MODELS = {"ios": ("iPhone 15", "iPhone SE"), "android": ("Pixel 8", "Galaxy A54", "Moto G84")}


@dataclass(frozen=True, slots=True)
class Device:
    """A phone or tablet with the shop's app; `token` is None where push is not allowed."""

    id: str
    platform: str
    model: str
    token: str | None


@dataclass(frozen=True, slots=True)
class Person:
    """A customer, or a visitor who never says who they are (`user_id` None)."""

    user_id: str | None
    cookie: str
    first_name: str
    last_name: str
    city: str
    phone: str | None
    device: Device | None
    whatsapp: str | None
    email_news: str | None

    @property
    def email(self) -> str:
        """Their address."""
        return f"{self.first_name}.{self.last_name}.{self.cookie[:4]}@example.com".lower()

    def traits(self) -> dict[str, Any]:
        """What the shop knows of them (segment.com/docs/connections/spec/identify)."""
        known = {"firstName": self.first_name, "lastName": self.last_name, "email": self.email}
        return known | {"address": {"city": self.city, "country": "ES"}} | ({"phone": self.phone} if self.phone else {})

    def subscriptions(self) -> list[dict[str, str]]:
        """What they allowed, in the shape of Segment Engage's `context.messaging_subscriptions`."""
        said = [(self.email, "EMAIL", self.email_news), (self.phone, "WHATSAPP", self.whatsapp)]
        if self.device is not None:
            push = "SUBSCRIBED" if self.device.token else None
            said.append((self.device.token, f"{self.device.platform.upper()}_PUSH", push))
        return [{"key": key, "type": kind, "status": status} for key, kind, status in said if key and status]


def make_person(chance: Random, number: int, *, reachable: bool = False, known: bool = True) -> Person:
    """A customer at random; `reachable` ones have the app and a phone, and allow push, WhatsApp and email."""
    gives_phone = chance.random() < 0.93  # noqa: PLR2004 - nearly all
    return Person(
        user_id=f"customer-{number:04d}" if known else None,
        cookie=identifier(chance),
        first_name=chance.choice(_FIRST_NAMES),
        last_name=chance.choice(_LAST_NAMES),
        city=chance.choice(_CITIES),
        phone=f"+447700900{number % MOST_PEOPLE:03d}" if gives_phone or reachable else None,
        device=_device(chance, reachable=reachable),
        whatsapp=_answer(chance, yes=1 if reachable else 0.62, no=0.2),
        email_news=_answer(chance, yes=1 if reachable else 0.78, no=0.12),
    )


def identifier(chance: Random) -> str:
    """A random id in the shape of a UUID4."""
    digits = f"{chance.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def _device(chance: Random, *, reachable: bool) -> Device | None:
    platform = chance.choice(("ios", "android", "android"))
    model, id_, token = chance.choice(_MODELS[platform]), identifier(chance), _token(chance, platform)
    has_app, allows_push = chance.random() < 0.8, chance.random() < 0.85  # noqa: PLR2004 - most have it, most allow it
    if not (has_app or reachable):
        return None
    return Device(id_, platform, model, token if allows_push or reachable else None)


def _token(chance: Random, platform: str) -> str:
    """Apple's are bytes in hexadecimal."""
    number = f"{chance.getrandbits(96):024x}"
    return f"{platform}-{number}" if platform == "android" else f"{0:040x}{number}"


def _answer(chance: Random, *, yes: float, no: float) -> str | None:
    """Subscribed, asked and not subscribed, or never asked."""
    drawn = chance.random()
    if drawn < yes:
        return "SUBSCRIBED"
    return "DID_NOT_SUBSCRIBE" if drawn < yes + no else None
