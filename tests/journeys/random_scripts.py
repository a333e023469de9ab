"""Random days of customers of the trial catalogue: what they do, what providers answer, what the company does, by the minute.

A script is data, so that the same one can be performed on the simulator and on real servers.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from workers.testing import Customer, Rehearsal

MINUTE = timedelta(minutes=1)
#: Journeys that are started over the API, with the parameters of one start.
STARTED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("by_choice", {"route": "push"}),
    ("by_choice", {"route": "email"}),
    ("urgent", {}),
    ("lets_people_sleep", {}),
    ("capped", {}),
    ("held_out", {}),
    ("held_out_of_both", {}),
    ("held_out_at_night", {}),
    ("asks", {}),
    ("asks_who_it_is", {}),
    ("asks_for_a_segment", {}),
    ("short_lived", {}),
    ("experiments", {}),
    ("weekly", {}),
    ("until_it_arrives", {}),
    ("waits_for_one_of_several", {}),
    ("waits_for_one_of_several", {}),
    ("asks_the_team", {}),
    ("asks_people", {}),
    ("waits_once", {}),
    ("waits_for_two_of_one_change", {}),
    ("by_the_clock", {}),
    ("by_the_clock", {}),
    ("acts", {}),
    ("speaks_alone", {}),
    ("follows_up", {}),
    ("follows_up", {}),
    ("never_stops", {"on": True}),
    ("ends_many_ways", {}),
    ("ends_many_ways", {}),
    ("calls_out", {"note": "by hand"}),
    ("calls_out", {}),
    ("tells_nobody_of_the_holdout", {}),
    ("in_the_daytime", {}),
    ("in_the_daytime", {}),
)
EVENTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Product Added", {"cart_id": "c-1"}),
    ("Product Viewed", {}),
    ("Product Viewed", {}),
    ("Cart Updated", {"cart_id": "c-1"}),
    ("Cart Updated", {"cart_id": "c-2"}),
    ("Cart Updated", {}),
    ("Order Completed", {}),
    ("Order Completed", {}),
    ("Rated", {"score": 9}),
    ("Rated", {"score": 2}),
    ("Rated", {"score": "no number"}),
    ("Searched", {}),
    ("Searched", {}),
    ("Something Else", {}),
)
#: How a service replies, and with what.
REPLIES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("answers", {"answer": {"balance": 120, "tier": "gold", "greeting": "Hi"}}),
    ("answers", {"answer": {"balance": "many", "tier": "gold"}}),
    ("refuses", {"status": 404}),
    ("refuses", {"status": 422}),
    ("is_busy", {}),
    ("is_busy", {"after": timedelta(minutes=4)}),
    ("keeps_silent", {}),
)
STEPS = ("push:note", "whatsapp:note", "email:note")
ZONES = ("UTC", "Europe/Madrid", "America/New_York", "Asia/Tokyo", None)


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that is done about a customer, so long after the beginning."""

    after: timedelta
    name: str
    what: str
    how: tuple[Any, ...] = ()


def script(seed: int, customers: int, deeds: int, days: int = 3) -> tuple[dict[str, dict[str, Any]], list[Deed]]:
    """Customers with their traits and channels, and what is done, in order."""
    dice = random.Random(seed)
    people = {f"s{seed}u{n}": _person(dice) for n in range(customers)}
    found = [deed for name in people for deed in _life(dice, name, deeds, days)]
    return people, sorted(found, key=lambda deed: (deed.after, deed.name))


def perform(shop: Rehearsal, people: dict[str, dict[str, Any]], deeds: list[Deed], then: timedelta) -> None:
    """Do all of it, each at its minute."""
    began = shop.now
    who = {name: shop.customer(name, **how) for name, how in people.items()}
    for deed in deeds:
        shop.passes(seconds=(began + deed.after - shop.now).total_seconds())
        _DEEDS[deed.what](shop, who[deed.name], *deed.how)
    shop.passes(seconds=then.total_seconds())


def _person(dice: random.Random) -> dict[str, Any]:
    channels = dice.choice([("push", "whatsapp", "email")] * 6 + [("email",), ("push", "email"), ("whatsapp",), ()])
    zone, tier = dice.choice(ZONES), dice.choice(("silver", "gold", "platinum", None))
    born = dice.choice(("1990-01-09", "1990-01-13", "2000-02-29", None))
    known = {"timezone": zone, "tier": tier, "birthday": born}
    traits = {name: value for name, value in known.items() if value is not None}
    return {"channels": channels} | traits


def _life(dice: random.Random, name: str, deeds: int, days: int) -> Iterator[Deed]:
    minutes = sorted(dice.sample(range(1, days * 24 * 60 // 7), deeds))
    for minute in minutes:  # every seventh minute at most: what follows from a deed in the first seconds is over by the next
        yield Deed(minute * 7 * MINUTE, name, *_deed(dice))


def _deed(dice: random.Random) -> tuple[str, tuple[Any, ...]]:  # noqa: PLR0911 - a table
    what = dice.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
    match what:
        case "does":
            return what, dice.choice(EVENTS)
        case "is late":
            return what, (*dice.choice(EVENTS), dice.choice((5, 90, 200, 400)))
        case "becomes":
            return what, (dice.choice(("silver", "gold", "platinum")),)
        case "starts":
            return what, dice.choice(STARTED)
        case "comes back":
            return what, (dice.choice(("receives", "opens", "clicks", "replies", "misses")), dice.choice(STEPS))
        case "meets":
            faults = ("refuses", "is_busy", "keeps_silent", "knows_nobody")
            return what, (dice.choice(("push", "whatsapp", "email")), dice.choice(faults), dice.choice((1, 1, 2)))
        case "service":
            return what, (dice.choice(("points", "crm")), *dice.choice(REPLIES), dice.choice((1, 2, 5, 9)))
        case "is in doubt":
            return what, (dice.choice((1, 2, 5)),)
        case "task is done":
            outcome = {"asks_the_team": ("sold", "lost"), "asks_people": ("won", "lost")}
            journey = dice.choice(list(outcome))
            return what, (journey, dice.choice(outcome[journey]), dice.choice((1, 2)))
    return what, (dice.choice(("push", "whatsapp", "email")),)  # says no, says yes


def _come_back(_: Rehearsal, who: Customer, how: str, step: str) -> None:
    if step in who.inbox:
        getattr(who, how)(step)


def _task(shop: Rehearsal, who: Customer, journey: str, outcome: str, calls: int) -> None:
    if who.waits(journey):
        shop.completes(who, "called", outcome, calls=calls)


def _doubt(shop: Rehearsal, who: Customer, times: int) -> None:
    """A receipt of which nobody knows whether it got through."""
    shop.provider("email").keeps_silent(to=who, times=times)
    shop.starts("urgent", who)


def _service(shop: Rehearsal, who: Customer, name: str, how: str, told: dict[str, Any], times: int) -> None:
    """A service replies so, and is called."""
    getattr(shop.service(name), how)(**told, to=who, times=times)
    shop.starts("calls_out", who)


def _late(shop: Rehearsal, who: Customer, event: str, properties: dict[str, Any], minutes: int) -> None:
    who.does(event, at=shop.now - minutes * MINUTE, **properties)


_WEIGHTS = {
    "does": 30,
    "is late": 6,
    "becomes": 9,
    "starts": 30,
    "comes back": 22,
    "meets": 12,
    "task is done": 8,
    "is in doubt": 4,
    "service": 6,
    "says no": 3,
    "says yes": 3,
}
_DEEDS: dict[str, Callable[..., None]] = {
    "does": lambda _, who, event, properties: who.does(event, **properties),
    "is late": _late,
    "becomes": lambda _, who, tier: who.becomes(tier=tier),
    "starts": lambda shop, who, journey, params: shop.starts(journey, who, **params),
    "comes back": _come_back,
    "meets": lambda shop, who, channel, fault, times: getattr(shop.provider(channel), fault)(to=who, times=times),
    "task is done": _task,
    "is in doubt": _doubt,
    "service": _service,
    "says no": lambda _, who, channel: who.says_no(channel),
    "says yes": lambda _, who, channel: who.says_yes(channel),
}
