"""What is drawn in the terminal: bars to the eighth of a character, and what a part saw in words."""

from datetime import UTC, date, datetime
from io import StringIO

import pytest
from rich.console import Console

from store.segments.rows import Day
from workers.cli.segments.pictures import bar, days
from workers.cli.tables import words

AT = datetime(2026, 11, 16, 12, tzinfo=UTC)


def test_a_bar_is_as_long_as_its_share_and_nobody_has_none() -> None:
    assert (bar(0, 10), bar(0, 0), bar(10, 10)) == ("", "", "█" * 40)
    assert (bar(1, 1_000_000), bar(5, 10), bar(33, 64)) == ("▏", "█" * 20, "█" * 20 + "▋")
    assert [len(bar(n, 320)) for n in (8, 9, 16)] == [1, 2, 2]


def test_days_are_drawn_with_their_sum() -> None:
    console = Console(width=100, record=True, file=StringIO())
    for part in days("vip", [Day(date(2026, 11, 1), 3, 0, 3), Day(date(2026, 11, 2), 1_200, 3, 1_200)]):
        console.print(part)
    told = [line.rstrip() for line in console.export_text().splitlines()]
    assert told[1] == " 2026-11-01       +3     ·      3  ▏"
    assert told[2] == " 2026-11-02   +1,200    -3  1,200  " + "█" * 40
    assert told[3] == "vip, 2026-11-01 to 2026-11-02: 1,200 at the end, 1,203 entered, 3 left"


@pytest.mark.parametrize(
    ("saw", "said"),
    [
        ({"count": 2, "last_at": AT}, "count 2, last at 2026-11-16 12:00:00 UTC"),
        ({"count": 0, "last_at": None}, "count 0, last at never"),
        ({"score": 3, "points": {"buys": 3}}, "score 3, points (buys 3)"),
        ({"listed": True, "user_ids": [], "threshold": None}, "listed yes, user ids none, threshold none"),
        ("gold", '"gold"'),
        (["a", 1, True], "a, 1, yes"),
        (12.5, "12.5"),
        (None, "nothing"),
        ({}, "nothing"),
    ],
)
def test_what_a_part_saw_is_told_in_words(saw: object, said: str) -> None:
    assert words(saw) == said
