"""Instants that others wrote, as they should be and as strangers make them up."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.channels.instants import header_date, since_1970
from tests.extent import examples

NINES = "9" * 400


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("Mon, 20 Nov 1995 19:12:08 -0500", datetime(1995, 11, 21, 0, 12, 8, tzinfo=UTC)),
        ("Fri, 31 Dec 2027 23:59:59 GMT", datetime(2027, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("Fri, 31 Dec 2027 23:59:59 -0000", datetime(2027, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("Mon, 20 Nov 1995 19:12:08 +99999999999999999999", None),
        ("Mon, 20 Nov 99999999999999999999 19:12:08 +0000", None),
        ("Fri, 31 Dec 9999 23:59:59 -1200", None),
        (f"Mon, 20 Nov 1995 {NINES}:12:08", None),
        ("soon", None),
        ("", None),
        (" ", None),
    ],
)
def test_a_date_of_a_header(text: str, at: datetime | None) -> None:
    assert header_date(text) == at


@given(
    st.lists(st.sampled_from(["Mon,", "20", "Nov", "1995", "19:12:08", "+", "-", "9" * 20, "0001", ":", ".", "\0", "é", "AM"]))
)
@examples(300)
def test_whatever_stands_there_is_an_instant_or_none(words: list[str]) -> None:
    for text in (" ".join(words), "".join(words)):
        at = header_date(text)
        assert at is None or at.tzinfo is UTC


@pytest.mark.parametrize(
    "told", [NINES, int(NINES), "-" + NINES, "nan", "inf", float("nan"), 1e308, "", "soon", "²", 253402300800]
)
def test_seconds_that_are_no_instant(told: float | str) -> None:
    assert since_1970(told) is None


def test_seconds_and_milliseconds() -> None:
    noon = datetime(2026, 11, 16, 12, tzinfo=UTC)
    assert since_1970("1794830400") == since_1970(1794830400) == since_1970(1794830400000, per_second=1000) == noon
