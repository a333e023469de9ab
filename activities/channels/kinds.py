"""The channels, a row each: all that the house knows of one besides its provider's protocol and its template's language.

Promise: whoever asks what a channel is like reads its row; no other module switches on a channel's name. The two files that a
row names are loaded when they are needed, so that reading the table costs nothing.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, cast

from activities.channels.errors import Misconfigured
from journeys.contracts import Channel, Purpose, longest_attempt
from store.addresses import AddressKind

if TYPE_CHECKING:
    from activities.channels.base import Provider, ProviderClass
    from activities.channels.carriers import Carriers
    from activities.templating.base import TemplateClass


class Bounce(StrEnum):
    """What it means that a provider calls an address dead."""

    NOTHING = "nothing"
    DEAD = "dead"  # for this customer, until they are heard of there again
    SUPPRESSED = "suppressed"  # dead, and nobody who owns it later is written to either


class WayOut(StrEnum):
    """How a customer gets out of a channel's marketing."""

    LINK = "unsubscribe link"
    STOP = "STOP"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Template:
    """How a message is written: the end of its file's name, that of a second file beside it, and the class that reads them."""

    suffix: str
    reader: str
    beside: str | None = None
    pictures: str | None = None  # what stands between its name and that of a picture: card.wallet.icon.png

    @property
    def kind(self) -> "TemplateClass":
        """The class."""
        return cast("TemplateClass", resolve_name(self.reader))


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One channel. Without a template and a provider it only has addresses and consents: nothing is sent on it."""

    name: str
    address: AddressKind
    opt_in: frozenset[Purpose] = frozenset()
    bounce: Bounce = Bounce.NOTHING
    way_out: WayOut = WayOut.NONE
    shows_read: bool = False  # whether customers see that what they wrote was read
    legal_hours: bool = False  # whether countries say when marketing may be sent on it
    subscriptions: Mapping[str, str | None] = field(default_factory=dict)  # Segment's types for it, each with its platform
    template: Template | None = None
    providers: tuple[str, ...] = ()  # those of them that are configured carry its messages
    silent: frozenset[str] = frozenset()  # those of them that tell nobody whether a message arrived

    @property
    def channel(self) -> Channel:
        """What journeys call it."""
        return Channel(self.name)

    @property
    def patience(self) -> timedelta:
        """How long one attempt may last."""
        return longest_attempt(self.channel)

    @property
    def provider_classes(self) -> "tuple[ProviderClass, ...]":
        """Who may carry its messages, the usual one first."""
        return tuple(cast("ProviderClass", resolve_name(provider)) for provider in self.providers)

    def insist(self, settings: Any) -> None:
        """See that each provider of which one setting is given has all the others that it cannot do without.

        Raises:
            Misconfigured: one lacks some; says which.
        """
        shared = Counter(names for provider in self.provider_classes for names in provider.goes_with)
        for provider in self.provider_classes:
            missing = [names for names in provider.goes_with if not _is_set(settings, names)]
            if _is_set(settings, provider.needs):
                if missing:
                    raise Misconfigured(f"{provider.needs} is set, and not what goes with it: {', '.join(missing)}")
            elif own := [names for names in provider.goes_with if shared[names] == 1 and names not in missing]:
                raise Misconfigured(f"{own[0]} is set, and not {provider.needs}, without which {provider.name} is not used")

    def carriers(self, settings: Any) -> "Carriers | None":
        """The providers that the settings describe, with the weights that they give; none: the channel has no way out.

        Raises:
            Misconfigured: they describe half of one.
        """
        self.insist(settings)
        found = [each for provider in self.provider_classes if (each := provider.configured(settings)) is not None]
        together = cast("list[Provider]", resolve_name(_BY_PLATFORM)(found))
        made = resolve_name(_CARRIERS)(*together, weights=settings.provider_weights) if together else None
        return cast("Carriers | None", made)


#: Who makes one out of those that each reach some platforms, and who shares messages among several.
_BY_PLATFORM = "activities.channels.platforms:by_platform"
_CARRIERS = "activities.channels.carriers:Carriers"
_MARKETING = frozenset({Purpose.MARKETING})

_ROWS = (
    Kind(
        name="email",
        address=AddressKind.EMAIL,
        opt_in=_MARKETING,
        bounce=Bounce.SUPPRESSED,
        way_out=WayOut.LINK,
        subscriptions={"EMAIL": None},
        template=Template(".email.mjml", "activities.templating.email:EmailTemplate", beside=".email.txt"),
        providers=(
            "activities.channels.email.smtp:Smtp",
            "activities.channels.email.ses:Ses",
            "activities.channels.email.resend:Resend",
        ),
        silent=frozenset({"smtp"}),
    ),
    Kind(
        name="sms",
        address=AddressKind.PHONE,
        opt_in=_MARKETING,
        bounce=Bounce.DEAD,
        way_out=WayOut.STOP,
        legal_hours=True,
        subscriptions={"SMS": None},
        template=Template(".sms.yaml", "activities.templating.sms:SmsTemplate"),
        providers=("activities.channels.sms.twilio:Twilio", "activities.channels.sms.aws:AwsSms"),
    ),
    Kind(
        name="whatsapp",
        address=AddressKind.PHONE,
        opt_in=_MARKETING,
        bounce=Bounce.DEAD,
        way_out=WayOut.STOP,
        shows_read=True,
        subscriptions={"WHATSAPP": None},
        template=Template(".whatsapp.yaml", "activities.templating.whatsapp:WhatsAppTemplate"),
        providers=("activities.channels.whatsapp.cloud:WhatsApp",),
    ),
    Kind(
        name="push",
        address=AddressKind.TOKEN,
        opt_in=_MARKETING,
        bounce=Bounce.DEAD,
        subscriptions={"IOS_PUSH": "ios", "ANDROID_PUSH": "android"},
        template=Template(".push.yaml", "activities.templating.push:PushTemplate"),
        providers=("activities.channels.push.fcm:Fcm", "activities.channels.push.apns:Apns"),
        silent=frozenset({"fcm", "apns"}),
    ),
    Kind(
        name="web_push",
        address=AddressKind.BROWSER,
        opt_in=_MARKETING,
        bounce=Bounce.DEAD,
        subscriptions={"WEB_PUSH": "web"},
        template=Template(".web-push.yaml", "activities.templating.web_push:WebPushTemplate"),
        providers=("activities.channels.web_push.web_push:WebPush",),
    ),
    Kind(
        name="in_app",
        address=AddressKind.NONE,
        subscriptions={"IN_APP": None},
        template=Template(".in-app.yaml", "activities.templating.in_app:InAppTemplate"),
        providers=("activities.channels.in_app.inbox:Inbox",),
    ),
    Kind(
        name="wallet",
        address=AddressKind.NONE,
        subscriptions={"WALLET": None},
        template=Template(".wallet.yaml", "activities.templating.wallet:WalletTemplate", pictures=".wallet."),
        providers=("activities.channels.wallet.passes:Passes",),
    ),
)

#: Every channel by its name.
KINDS: dict[str, Kind] = {row.name: row for row in _ROWS}


def sending() -> tuple[Kind, ...]:
    """The channels on which messages go out."""
    return tuple(kind for kind in KINDS.values() if kind.providers)


def provider_names() -> frozenset[str]:
    """All who can carry messages, whether they are configured or not."""
    return frozenset(each.name for kind in sending() for each in kind.provider_classes)


def silent_providers() -> frozenset[str]:
    """Those who tell nobody whether a message arrived: of theirs that is unknown until somebody opens it."""
    return frozenset(name for kind in KINDS.values() for name in kind.silent)


def lacking(weights: Mapping[str, int], carriers: "Mapping[Channel, Carriers]") -> dict[str, str]:
    """Providers that are given a weight and are not configured: each with the setting that is missing."""
    there = {part.name for each in carriers.values() for provider in each.all for part in provider.parts}
    classes = (each for kind in sending() for each in kind.provider_classes)
    return {each.name: each.needs for each in classes if each.name in weights and each.name not in there}


def _is_set(settings: Any, names: str) -> bool:
    """Whether one of `A or B` is set; what is empty is not."""
    return any(getattr(settings, name.removeprefix("JOURNEYS_").lower(), None) for name in names.split(" or "))


def addressed() -> tuple[Kind, ...]:
    """The channels that reach a customer at an address."""
    return tuple(kind for kind in KINDS.values() if kind.address is not AddressKind.NONE)


def of_address(address: AddressKind) -> tuple[Kind, ...]:
    """The channels that reach a customer at an address of a kind."""
    return tuple(kind for kind in KINDS.values() if kind.address is address)
