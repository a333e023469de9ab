"""Random journeys as an author would write them: a catalogue's source, in which every word of the handle comes up.

A word that is new gets a piece here, or `test_differential.py` fails: each must come up in a hundred cases.
"""

import random
import shutil
from collections.abc import Callable
from datetime import datetime
from itertools import chain
from pathlib import Path
from textwrap import indent

TEMPLATES = Path(__file__).parents[1] / "trial_catalogue"
HEAD = '''"""Random journeys, seed {seed}."""

from datetime import UTC, date, datetime, timedelta
from typing import Literal

from pydantic import BaseModel

from journeys import (
    Budget,
    Cap,
    Context,
    GlobalHoldout,
    Journey,
    Option,
    Prices,
    QuietHours,
    Segment,
    Service,
    Window,
    after,
    did,
    entered,
    journey,
    left,
    once,
    per_day,
    prop,
    ramp,
    restart,
    trait,
    whenever,
    within,
)

BEGAN = datetime({began:%Y, %-m, %-d, %-H}, tzinfo=UTC)
gold = Segment("gold", trait("tier") == "gold")
prices = Prices(push="0.02", whatsapp="0.05", email="0.03", sms="0.04", web_push="0.01", wallet="0.01", in_app=0)
{holdout}



class Rated(BaseModel):
    """What is known of a rating."""

    score: int


class Points(BaseModel):
    """What a service knows of a customer."""

    balance: int


class Weather(BaseModel):
    """What it is like where a customer is."""

    degrees: float


points = Service("points", gives=Points, sample=Points(balance=10))
weather = Context("weather", gives=Weather, otherwise=Weather(degrees=20), url="https://weather.example/now", by=["tier"])
cold = weather.where(prop("degrees") < 12, because="climate")


class Choice(BaseModel):
    """What a start may ask for."""

    route: Literal["push", "email"] = "push"


@journey(reentry=after(minutes=0))
async def other(j: Journey) -> None:
    """Another journey, to start, to end and to go through."""
    await j.wait(hours=3, minutes=3)
    await j.whatsapp("note")

'''
JOURNEY = '''
@journey({declared})
async def {name}(j: Journey{model}) -> None:
    """Drawn by lot."""
{steps}
'''
PURCHASE = "did('Order Completed')"
EVENTS = (PURCHASE, "did('Something Else')", "did('Something Else') & did('Rated')", "trait('tier') == 'platinum'", "gold")
CHANNELS = ("push", "whatsapp", "email", "sms", "web_push")
#: Hours of waits: with deeds at odd minutes nothing falls together with them. And spans by which the timers of a run keep off
#: those of another of the same customer (`other`, 3 minutes past): the stage turns what is within 100 s in either order.
HOURS = ("0.5", "1", "2.5", "6", "11", "26")
SPANS = ("timedelta(hours=2, minutes=7)", "timedelta(hours=7, minutes=37)", "timedelta(days=1, minutes=7)")


class Author:
    """Writes steps, with dice."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self._names = 0

    def steps(self, pieces: int, depth: int = 0) -> str:
        """So many pieces, one after the other."""
        return "\n".join(self.piece(depth) for _ in range(pieces))

    def piece(self, depth: int) -> str:
        """One piece; deep inside another only what is flat."""
        pieces = FLAT if depth > 1 else {**FLAT, **DEEP}
        (write,) = self.dice.choices(list(pieces), list(pieces.values()))
        return write(self, depth)

    def one(self, *of: str) -> str:
        """One of these."""
        return self.dice.choice(of)

    def name(self) -> str:
        """A name that is not taken."""
        self._names += 1
        return f"x{self._names}"

    def inside(self, depth: int, pieces: int = 1) -> str:
        """What a block holds."""
        return indent(self.steps(pieces, depth + 1), "    ")


def message(a: Author, _: int) -> str:
    more = a.one(*PLAIN, ", priority=-1", ", window=Window('09:00', '12:00')", ", send_time=within(hours=6)")
    return f"await j.{a.one(*CHANNELS)}('note'{more})"


ONLY = (", only=gold", ", only=cold")
PLAIN = ("", "", "", *[", transactional=True"] * 2, *ONLY, ", useless_after=timedelta(hours=2, minutes=13)")


def in_app(a: Author, _: int) -> str:
    """In the shop's own inbox, which takes all: no provider meets it, and nobody needs an address."""
    return f"await j.in_app('note'{a.one(*PLAIN)})"


def wallet(a: Author, _: int) -> str:
    """A card, and the same one again."""
    return f"await j.wallet('card', points={a.one('1', '2')}, used='no'{a.one(*PLAIN)})"


def falls_back(a: Author, _: int) -> str:
    first, second = a.dice.sample(CHANNELS, 2)
    return f"await j.{first}('note') or await j.{second}('note')"


def reach(a: Author, _: int) -> str:
    by = tuple(a.dice.sample(CHANNELS, 2))
    return f"await j.reach('note', by={by}{a.one('', f', undelivered_after={a.one(*SPANS)}')})"


def wait(a: Author, _: int) -> str:
    return f"await j.wait(hours={a.one(*HOURS)})"


def at(a: Author, _: int) -> str:
    return f"await j.at(hours={a.one('4', '30', '51')})"


def until(a: Author, _: int) -> str:
    moment = a.one(
        "'09:30'",
        "'09:30', weekday='sat'",
        "'18:00', weekday=('tue', 'thu')",
        "trait='birthday', before=timedelta(days=3), at='10:00'",
    )
    more = a.one("trait='trial_ends', yearly=False", "date(2030, 1, 1)", "date(2020, 1, 1), '10:00'")
    chosen = a.one(moment, moment, moment, more)
    return f"if not await j.until({chosen}):\n    await j.email('note')" if "date(2030" not in chosen else wait(a, 0)


def window(a: Author, _: int) -> str:
    hours = a.one("'09:00', '12:00'", "'12:00', '20:00'", "'22:00', '06:00'")
    return f"await j.window({hours + a.one('', ', weekdays=(0, 2)')})".replace("(0, 2)", "('mon', 'wed')")


def every(a: Author, depth: int) -> str:
    return f"async for n in j.every(hours={a.one('3', '12', '24')}, times={a.one('2', '3')}):\n{a.inside(depth)}"


def asked(a: Author) -> str:
    asks = ("await j.reached(did('Something Else'))", "await j.reached(trait('tier') == 'gold')", "await j.is_in(gold)")
    clock = ("j.now - j.entered_at < timedelta(hours=9)", "j.entered_at.hour < 12", *["j.changed('by-lot')"] * 2)
    return a.one(*asks, *asks[2:], *clock, "await j.foretold('a prediction that nobody made')")


def branches(a: Author, depth: int) -> str:
    return f"if {asked(a)}:\n{a.inside(depth)}\nelse:\n{a.inside(depth)}"


def experiment(a: Author, depth: int) -> str:
    arms = f"async with j.experiment('{a.one('x', 'y', 'z')}', one=0.5, two=0.5) as arm:"
    return f"{arms}\n    if arm == 'one':\n{indent(a.inside(depth), '    ')}\n    else:\n{indent(a.inside(depth), '    ')}"


def choose(a: Author, depth: int) -> str:
    name, reward = a.one("p", "q"), "reward=did('Something Else')"
    if a.one(True, False):
        asked = f"await j.choose('{name}', ['one', 'two'], {reward}, control=0.2) == 'one'"
        return f"if {asked}:\n{a.inside(depth)}\nelse:\n{a.inside(depth)}"
    offers = "{'none': None, 'ten': Option(only=trait('tier') == 'gold')}"
    decided = f"picked = await j.decide('{name}', channel=['push', 'email'], offer={offers}, {reward})"
    return f"{decided}\nif picked and picked.offer == 'none':\n{a.inside(depth)}\nelse:\n{a.inside(depth)}"


def wait_for(a: Author, depth: int) -> str:
    since = a.one("", ", since=j.now")
    return f"if await j.wait_for({a.one(*EVENTS)}, timeout={a.one(*SPANS)}{since}):\n{a.inside(depth)}"


def first(a: Author, depth: int) -> str:
    name, answer = a.name(), a.name()
    send = f"{name} = await j.{a.one(*CHANNELS)}('note')"
    come = [f"j.{news}({a.one(name, name, '')})" for news in ("delivered", "opened", "clicked", "replied", "undelivered")]
    come += ["j.entered(gold)", "j.left('gold')", *EVENTS[:4]]
    awaited = a.dice.sample(come, 3)
    listed = ", ".join(f"{key}={each}" for key, each in zip("abc", awaited, strict=True))
    ask = f"{answer} = await j.first({listed}, timeout={a.one(*SPANS)})"
    decides = a.one("a", "b", "c", "timed_out")
    return f"{send}\n{ask}\nif {answer}.{decides}:\n{a.inside(depth)}\nelif {answer}.which:\n{a.inside(depth)}"


def news(a: Author, depth: int) -> str:
    name = a.name()
    word = a.one("delivered", "opened", "clicked", "replied", "undelivered")
    told = f"await j.wait_for(j.{word}({name}), timeout={a.one(*SPANS)})"
    return f"{name} = await j.{a.one(*CHANNELS)}('note')\nif {told}:\n{a.inside(depth)}"


def moves(a: Author, depth: int) -> str:
    return f"if await j.wait_for(j.{a.one('entered', 'left')}(gold), timeout={a.one(*SPANS)}):\n{a.inside(depth)}"


def task(a: Author, depth: int) -> str:
    name = a.name()
    asks = "j.task('Call the customer', to='care', by=timedelta(hours=5), escalate='lead', choices=('won', 'lost'))"
    answer = f"{name} = await j.first(called={asks}, bought={PURCHASE}, timeout={a.one(*SPANS)})"
    return f"{answer}\nif {name}.called and {name}.called.outcome == 'won':\n{a.inside(depth)}\nelse:\n{a.inside(depth)}"


def set_traits(a: Author, _: int) -> str:
    traits = a.one("tier='gold'", "tier='silver', seen=1", "seen=2")
    return f"await j.set_traits({traits})\nawait j.wait(hours=0.5)"


def track(a: Author, _: int) -> str:
    then = a.one("\nawait j.wait(hours=0.5)", "")
    return f"await j.track({a.one('Something Else', 'Told')!r}, n=1){then}"


def ask(a: Author, depth: int) -> str:
    name = a.name()
    so = a.one(f"{name}", f"{name}.other", f"{name}.timed_out", f"{name}.number is None")
    asked = f"{name} = await j.ask('note', number=(0, 10), within={a.one(*SPANS)})"
    return f"{asked}\nif {so}:\n{a.inside(depth)}\nelse:\n{a.inside(depth)}"


def start(_: Author, __: int) -> str:
    return "if await j.start(other):\n    await j.wait(hours=0.5)"


def end(a: Author, _: int) -> str:
    begin = a.one("await j.start(other)\nawait j.wait(hours=0.5)\n", "")
    return f"{begin}if await j.end('other'):\n    await j.wait(hours=0.5)"


def hold_others(a: Author, depth: int) -> str:
    begin = a.one("await j.start(other)\nawait j.wait(hours=1)\n", "")
    return f"{begin}async with j.hold_others():\n    await j.wait(hours={a.one('1.1', '2.6')})\n{a.inside(depth)}"


def webhook(_: Author, __: int) -> str:
    return "if not await j.webhook(points, 'lead.qualified', score=7):\n    await j.email('note')"


def fetch(a: Author, depth: int) -> str:
    name = a.name()
    so = f"{name} and {name}.value.balance >= 10"
    return f"{name} = await j.fetch(points)\nif {so}:\n{a.inside(depth)}\nelse:\n{a.inside(depth)}"


def context(a: Author, depth: int) -> str:
    name = a.name()
    return f"{name} = await j.context(weather)\nif {name} and {name}.value.degrees < 12:\n{a.inside(depth)}"


def goes_through(_: Author, __: int) -> str:
    return "await other(j)"


def together(a: Author, depth: int) -> str:
    """Branches on channels and at hours of their own, since who is first at a cap or at a fault is nobody's promise."""
    names, written = [a.name(), a.name()], []
    hours = a.dice.choice((("0.5", "2.5"), ("1", "2.5"), ("6", "1"), ("6", "2.5")))
    for name, channel, wait in zip(names, a.dice.sample(CHANNELS, 2), hours, strict=True):
        steps = f"await j.wait(hours={wait})\nfor _ in range(2):\n    await j.{channel}('note')\n    await j.wait(hours={wait})"
        waits = a.one(f"came = await j.wait_for(did('Something Else'), timeout={a.one(*SPANS)})", "came = None")
        written.append(f"async def {name}() -> bool:\n{indent(steps, '    ')}\n    {waits}\n    return came is not None")
    joined = f"if any(await j.together({names[0]}(), {names[1]}())):\n{a.inside(depth)}"
    return "\n".join([*written, joined])


def entering(a: Author, depth: int) -> str:
    return f"if j.entry.score >= 5:\n{a.inside(depth)}\nelse:\n{a.inside(depth)}"


def choosing(a: Author, depth: int) -> str:
    return f"if j.params.route == 'push':\n{a.inside(depth)}\nelse:\n{a.inside(depth)}"


Piece = Callable[[Author, int], str]
FLAT: dict[Piece, int] = {
    message: 10,
    in_app: 4,
    wallet: 4,
    falls_back: 3,
    reach: 7,
    wait: 4,
    at: 4,
    until: 5,
    window: 4,
    set_traits: 5,
    track: 5,
    start: 5,
    end: 5,
    goes_through: 2,
    webhook: 5,
}
DEEP: dict[Piece, int] = {
    every: 4,
    branches: 10,
    experiment: 5,
    choose: 5,
    wait_for: 4,
    first: 5,
    news: 16,
    ask: 6,
    moves: 6,
    task: 6,
    hold_others: 4,
    together: 5,
    fetch: 5,
    context: 5,
}
#: What journeys declare besides. A budget is one customer's, because who is first of several is nobody's promise.
MORE = (
    "quiet_hours=QuietHours('22:00', '08:00')",
    "caps=(Cap(2, timedelta(hours=10)),)",
    "caps=(Cap(1, calendar='day', channel='push'),)",
    *["holdout=0.3"] * 2,
    "useless_after=timedelta(hours=3, minutes=13)",
    "most=3",
    "priority=5",
    "window=Window('08:00', '21:00')",
    "send_time=within(hours=6)",
    "budget=Budget(messages=2, per='day')",
    "budget=Budget(messages=3, when_spent='wait', per='day')",
    "exits={'other': did('Other'), 'no gold': left(gold), 'too long': timedelta(hours=40)}",
    "exits={'gold': entered(gold), 'else': did('Something Else')}",
    "budget=Budget(money='0.12', per='day')",
    "budget=Budget(money='0.1', when_spent='wait', per='day')",
    "timezone='Europe/Madrid'",
)
#: Whom they let in: so is a line one customer's. Openings are at minutes of their own: half a day later nobody's window opens.
LIMITS = (
    *["capacity=1, max_wait=timedelta(hours=20)"] * 3,
    *["entry_hours=Window('10:00', '18:00')"] * 2,
    "rate=per_day(1)",
    *["share=0.6"] * 2,
    "closes=BEGAN + timedelta(hours=5)",
    "rate=per_day(1), closes=BEGAN + timedelta(hours=30), max_wait=timedelta(hours=20)",
    "opens=BEGAN + timedelta(minutes=208), max_wait=timedelta(hours=9)",
    "opens=BEGAN + timedelta(minutes=208), share=ramp(0.3, 0.7, 1.0, every=timedelta(hours=7)), max_wait=timedelta(hours=12)",
    "opens=BEGAN, rate=ramp(per_day(1), per_day(2), every=timedelta(minutes=1_228)), max_wait=timedelta(hours=30)",
)
GOALS = ("", "", f"goal={PURCHASE}", f"goal={PURCHASE}", f"goal={{'bought': {PURCHASE}, 'rated': did('Rated')}}")
REENTRY = ("restart()", "whenever()", "once()")
#: Where these are declared, branches would race for what is left.
SCARCE = ("caps", "budget")


def source(seed: int, journeys: int, began: datetime) -> str:
    """A catalogue of random journeys for cases that begin then: most are started over the API, some by an event."""
    dice = random.Random(seed)
    holdout = "nobody = GlobalHoldout(0.2)" if seed % 4 == 1 else ""
    return HEAD.format(seed=seed, holdout=holdout, began=began) + "".join(_journey(dice, n) for n in range(journeys))


def _journey(dice: random.Random, n: int) -> str:
    author, by_event = Author(dice), n % 5 == 4
    # A segment of its own: who is first of two journeys that one event brings in is nobody's promise.
    raters = f"Segment('raters-{n}', did('Rated {n}').within(hours={author.one('1', '3')}))"
    how = f"entry={raters}" if by_event else "params=Choice" if n % 5 == 3 else ""
    more = dice.sample(MORE, dice.choice((0, 1, 2, 2))) + dice.choice(([], [dice.choice(LIMITS)]))
    again = author.one(*REENTRY) if by_event else "after(minutes=0)"
    begin = entering if by_event else choosing if how else None
    steps = [begin(author, 0)] if begin else []
    steps += ["await j.push('note')" if n % 2 else message(author, 0), author.steps(4)]
    if any(each.startswith(SCARCE) for each in more):
        steps = [each for each in steps if "j.together" not in each] or ["await j.push('note')"]
    declared = {each.partition("=")[0]: each for each in (f"reentry={again}", how, author.one(*GOALS), *more) if each}
    return JOURNEY.format(
        declared=", ".join(declared.values()),
        name=f"drawn_{n}",
        model="[Rated]" if by_event else "",
        steps=indent("\n".join(steps), "    "),
    )


def with_templates(package: Path, source: str) -> None:
    """Write a catalogue with the templates that it sends."""
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(source)
    for template in chain(TEMPLATES.glob("note.*"), TEMPLATES.glob("card.wallet*")):
        shutil.copy(template, package)
