"""The seeded generator of the demo's shop: `python -m workers.demo.generator --seed 20 --customers 240 > shop.jsonl`.

Promise: the same seed and number of customers give the same calls, byte for byte; the recorded shop is held to it by a test.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from workers.demo import stories
from workers.demo.people import MOST_PEOPLE, make_person
from workers.demo.recording import CUSTOMERS, SEED, Line, to_text, write
from workers.demo.stories import DAY, HOUR, MINUTE, Scene, Story
from workers.demo.visits import Tape, Visit

#: The shop opens, and its back office sends the customers it knows.
OPENING = 8 * HOUR
#: How busy each hour from 9 to 22 is; a small peak at lunch, a large one in the evening.
_BUSY = (3, 4, 5, 6, 8, 7, 5, 5, 6, 8, 10, 11, 9, 5)
_FIRST_HOUR = 9
#: The last cart is filled on Thursday at 14:00, so that the last email is out on Sunday.
LAST_CART = 3 * DAY + 14 * HOUR
_FEWEST = 40


@dataclass(frozen=True, slots=True)
class Share:
    """How many of a hundred people live a story, and what it asks of them."""

    story: Story
    percent: float
    reachable: bool = False
    known: bool = True
    new: bool = False
    before: int = LAST_CART


SHARES: tuple[Share, ...] = (
    Share(stories.buys_at_once, 6),
    Share(stories.orders_before_the_push, 8),
    Share(stories.orders_after_the_push, 9),
    Share(stories.orders_after_the_whatsapp, 5),
    Share(stories.orders_elsewhere_after_the_whatsapp, 2, reachable=True),
    Share(stories.orders_after_the_email, 3, before=DAY + 22 * HOUR),
    Share(stories.never_orders, 20),
    Share(stories.cart_on_the_web_push_in_the_app, 2, reachable=True),
    Share(stories.cart_on_the_web_order_in_the_app, 3, reachable=True),
    Share(stories.logs_in_through_an_old_site, 1, reachable=True),
    Share(stories.logs_in_the_next_day, 3),
    Share(stories.never_logs_in, 3, known=False),
    Share(stories.signs_up, 3, new=True),
    Share(stories.unsubscribes_after_the_push, 2),
    Share(stories.lends_the_tablet, 1, reachable=True),
    Share(stories.fills_two_carts, 1, reachable=True),
    Share(stories.order_arrives_late, 0.8, reachable=True),
    Share(stories.cart_arrives_late, 0.8, reachable=True),
    Share(stories.cart_arrives_too_late, 0.8, reachable=True),
    Share(stories.fills_another_cart, 1, before=DAY + 22 * HOUR),
    Share(stories.orders_and_comes_back, 1, before=DAY + 22 * HOUR),
    Share(stories.browses_unknown, 4, known=False),
)
#: What everybody else does.
_OTHERWISE = Share(stories.browses, 0)


def generate(seed: int, customers: int) -> list[Line]:
    """A shop's week, in the order in which it is sent.

    Raises:
        ValueError: too few customers for every story to be told, or more than there are phone numbers for drama.
    """
    if not _FEWEST <= customers <= MOST_PEOPLE:
        raise ValueError(f"--customers {customers}: choose {_FEWEST} to {MOST_PEOPLE}")
    tape = Tape(Random(seed))  # noqa: S311 - reproducible on purpose
    shares = list(_cast(customers))
    tape.chance.shuffle(shares)
    for number, share in enumerate(shares, start=1):
        _tell(tape, number, share)
    return _with_trouble(tape)


def _cast(customers: int) -> Iterator[Share]:
    told = 0
    for share in SHARES:
        count = max(1, round(share.percent * customers / 100))
        told += count if share.known else 0
        yield from (share for _ in range(count))
    yield from (_OTHERWISE for _ in range(customers - told))


def _tell(tape: Tape, number: int, share: Share) -> None:
    person = make_person(tape.chance, number, reachable=share.reachable, known=share.known)
    if share.known and not share.new:
        office = Visit(tape, person, "server")
        office.identify(OPENING + tape.chance.randrange(5 * MINUTE), person.subscriptions())
    share.story(Scene(tape, person, _cart_time(tape.chance, share.before)))


def _cart_time(chance: Random, before: int) -> int:
    while True:
        (hour,) = chance.choices(range(_FIRST_HOUR, _FIRST_HOUR + len(_BUSY)), _BUSY)
        at = chance.randrange(-(-before // DAY)) * DAY + hour * HOUR + chance.randrange(HOUR)
        if OPENING + HOUR < at < before:
            return at


def _with_trouble(tape: Tape) -> list[Line]:
    """What every real shop sends as well: retries of what had arrived, and calls that are broken."""
    lines = tape.sorted()
    retried = [tape.chance.choice(lines) for _ in range(3)]
    again = [Line(line.sent + 5 * MINUTE, line.happened, line.call) for line in retried]
    broken = [Line(at, at, call) for at, call in zip(_broken_times(tape.chance), _BROKEN, strict=True)]
    return sorted([*lines, *again, *broken], key=lambda line: line.sent)


def _broken_times(chance: Random) -> list[int]:
    return sorted(chance.randrange(DAY, 3 * DAY) for _ in _BROKEN)


_BROKEN: tuple[dict[str, Any], ...] = (
    {"type": "track", "messageId": "broken-without-a-name", "userId": "customer-0001", "properties": {}},
    {"type": "page", "messageId": "broken-without-a-visitor", "name": "Home"},
    {
        "type": "track",
        "messageId": "broken-date",
        "event": "Product Viewed",
        "userId": "customer-0002",
        "timestamp": "yesterday",
    },
    {"type": "purchase", "messageId": "broken-type", "userId": "customer-0003"},
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a shop's week to a file, or as text to the terminal."""
    parser = argparse.ArgumentParser(prog="python -m workers.demo.generator", description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--customers", type=int, default=CUSTOMERS)
    parser.add_argument("--output", type=Path, help="a .jsonl.gz file; without it the calls are printed")
    asked = parser.parse_args(arguments)
    try:
        lines = generate(asked.seed, asked.customers)
    except ValueError as error:
        parser.error(str(error))
    if asked.output is None:
        sys.stdout.write(to_text(lines))
    else:
        write(asked.output, lines)


if __name__ == "__main__":
    main()
