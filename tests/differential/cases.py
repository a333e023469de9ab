"""Cases: a customer in a random journey, with what happens to them at a few instants; the same on simulator and Temporal.

Only such are taken as do three things or more, and meet something: a provider's fault, news of a message, a task that is done.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from journeys.catalogue import Catalogue
from journeys.contracts import Outcome
from tests.differential.crowd import in_fews
from tests.differential.traced import Trace
from tests.journeys.random_scripts import ZONES
from workers.testing import Customer
from workers.testing.rehearsal import Rehearsal
from workers.testing.services import Service
from workers.testing.simulated import Simulated

MINUTE = timedelta(minutes=1)
#: When something is done, after the beginning: at minutes of the half hour that are no other's, so that no timer which began
#: at one of them, or stands at a full hour of somebody's clock, is due within minutes of another.
BEATS = tuple(MINUTE * each for each in (2, 96, 250, 494, 858, 1_582, 2_996))
#: Doubts and holds shift what is due by a few minutes: in which case that comes so shortly before a beat, it is not taken.
NEAR = MINUTE * 2
#: How long it goes on then; it ends at such a minute, too.
THEN = MINUTE * 7_203
FAULTS = ("refuses", "is_busy", "keeps_silent", "knows_nobody")
SERVICES = ("answers", "refuses", "is_busy", "keeps_silent")
NEWS = ("receives", "opens", "clicks", "replies", "misses")
EVENTS = (("Something Else", {}), ("Something Else", {}), ("Order Completed", {}), ("Rated", {"score": 3}), ("Other", {}))
CHANNELS = ("push", "whatsapp", "email", "sms", "web_push")
DEEDS = {"does": 5, "is late": 1, "becomes": 3, "comes back": 8, "task is done": 3, "says no": 0.5, "again": 1.5}
EFFECTS = 3


@dataclass(frozen=True)
class Case:
    """Who, in which journey, and what is done at each beat: the beat's number, what, and how."""

    name: str
    journey: str
    channels: tuple[str, ...]
    traits: dict[str, Any]
    deeds: tuple[tuple[int, str, tuple[Any, ...]], ...]
    faults: tuple[tuple[str, str, int], ...]
    service: tuple[str, int] | None

    def act(self, shop: Rehearsal, beat: int) -> bool:
        """Do what is due at a beat; whether it met anything."""
        who = shop.customer(self.name, channels=self.channels, **self.traits)
        met = False
        if beat == 0:
            if shop._stage.catalogue.contexts:
                shop.context("weather").tells({"degrees": 4}, at={"tier": "gold"})  # of anywhere else nothing is told
            for channel, fault, times in self.faults:
                getattr(shop.provider(channel), fault)(to=who, times=times)
            if self.service is not None:
                _has_answer(shop.service("points"), who, *self.service)
        for _, what, how in [each for each in self.deeds if each[0] == beat]:
            met |= bool(_do(shop, who, what, how))
        return met


def _has_answer(points: Service, who: Customer, how: str, times: int) -> None:
    if how == "answers":
        points.answers({"balance": times}, to=who)
    else:
        getattr(points, how)(to=who, times=times)


def _do(shop: Rehearsal, who: Customer, what: str, how: tuple[Any, ...]) -> bool:
    match what:
        case "enters":
            who.does(how[0], score=how[1])
        case "starts":
            shop.starts(how[0], who, **how[1])
        case "does":
            who.does(how[0], **how[1])
        case "is late":
            who.does(how[0], at=shop.now - how[2] * MINUTE, **how[1])
        case "becomes":
            who.becomes(tier=how[0])
        case "says no":
            who.says_no(how[0])
        case "comes back" if how[1] in who.inbox:
            getattr(who, how[0])(how[1])
            return True
        case "task is done" if shop._stage.completes(who.name, "called", how[0], {}):
            return True
    return False


def cases(seed: int, journeys: Sequence[str], each: int) -> Iterator[Case]:
    """So many of each journey."""
    dice = random.Random(seed)
    for n in range(each):
        for journey in journeys:
            yield _case(dice, f"s{seed}n{n}{journey}".replace("_", ""), journey)


def _case(dice: random.Random, name: str, journey: str) -> Case:
    known = {
        "timezone": dice.choice(ZONES),
        "tier": dice.choice(("silver", "gold", "gold", "platinum", None)),
        "birthday": dice.choice(("1990-01-09", "1990-07-13", "2000-02-29", None)),
    }
    by_event = journey.endswith(("4", "9"))
    begin = (
        (0, "enters", (f"Rated {journey.rpartition('_')[2]}", dice.choice((2, 9))))
        if by_event
        else (0, "starts", (journey, _params(dice, journey)))
    )
    earlier = dice.choice(((), (), ((0, "is late", ("Something Else", {}, 35)),)))
    again = begin[1], begin[2]
    later = tuple((beat, *_deed(dice, again)) for beat in range(1, len(BEATS)) if dice.random() < 0.8)
    drawn = dice.sample(CHANNELS, dice.choice((0, 1, 1, 2)))
    return Case(
        name,
        journey,
        dice.choice([CHANNELS] * 6 + [("email",), ("push", "email")]),
        {trait: value for trait, value in known.items() if value is not None},
        (*earlier, begin, *later),
        tuple((channel, dice.choice(FAULTS), dice.choice((1, 1, 2))) for channel in drawn),
        dice.choice((None, None, (dice.choice(SERVICES), dice.choice((1, 3))))),
    )


def _params(dice: random.Random, journey: str) -> dict[str, Any]:
    return {"route": dice.choice(("push", "email"))} if journey.endswith(("3", "8")) else {}


def _deed(dice: random.Random, again: tuple[str, tuple[Any, ...]]) -> tuple[str, tuple[Any, ...]]:
    what = dice.choices(list(DEEDS), list(DEEDS.values()))[0]
    return again if what == "again" else (what, _how(dice, what))


def _how(dice: random.Random, what: str) -> tuple[Any, ...]:
    match what:
        case "does":
            return dice.choice(EVENTS)
        case "is late":
            return (*dice.choice(EVENTS), dice.choice((4, 35)))
        case "becomes":
            return (dice.choice(("silver", "gold", "platinum")),)
        case "comes back":
            return (dice.choice(NEWS), f"{dice.choice(CHANNELS)}:note")
        case "task is done":
            return (dice.choice(("won", "lost")),)
    return (dice.choice(CHANNELS),)


def performed(
    shop: Rehearsal, cases: Sequence[Case], instant: Callable[[Sequence[str]], AbstractContextManager[None]] = nullcontext
) -> dict[str, bool]:
    """Play cases on a stage, all of them beat by beat, a few at a time; by name whether a case met something."""
    began, met = shop.now, dict.fromkeys((case.name for case in cases), False)
    for beat, after in enumerate(BEATS):
        shop.passes(seconds=(began + after - shop.now).total_seconds())
        for few in in_fews(cases):
            with instant([case.name for case in few]):
                for case in few:
                    met[case.name] |= case.act(shop, beat)
    shop.passes(minutes=THEN / MINUTE)
    return met


class Watched(Simulated):
    """A simulation that sees whose runs have something due so shortly before a beat that elsewhere it may be after it."""

    def __init__(self, catalogue: Catalogue, now: datetime) -> None:
        super().__init__(catalogue, now)
        self.pressed: set[str] = set()

    def passes(self, until: datetime) -> None:
        self.pressed |= {name for at, name in self.steps(until) if until - at < NEAR}


def worthy(stage: Watched, trace: Trace, case: Case, met: bool) -> bool:
    """Whether it does three things or more, meets something, and is nowhere in a race with a beat."""
    if case.name in stage.pressed:
        return False
    runs = stage.world.runs.of(stage.world.customers[case.name])
    faulted = any(message.state not in (Outcome.SENT, Outcome.WITHHELD) for run in runs for message in run.messages)
    return (met or faulted) and sum(len(trace.effects[run.start.run_id]) for run in runs) >= EFFECTS
