"""How customers are best reached, as it is declared: refused at its place, and the same from its JSON (CH-11, CH-13)."""

from collections.abc import Callable

import pytest

from segments import DefinitionError, did
from segments.predictions import BestChannel, BestHour, declared_from_json

ORDERED = did("Order Completed")


@pytest.mark.parametrize("declared", [BestChannel("b", ORDERED, ["push", "sms"], by=ORDERED), BestHour("b", ORDERED, sure=0.5)])
def test_json_says_all_of_it(declared: BestChannel | BestHour) -> None:
    again = declared_from_json(declared.to_json())
    assert type(again) is type(declared)
    assert (again.to_json(), again.version) == (declared.to_json(), declared.version)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda: BestChannel("b", ORDERED, ("push",)), "channels: are two or more, each once"),
        (lambda: BestChannel("b", ORDERED, ("push", "pigeon")), "unknown channel 'pigeon'"),
        (lambda: BestChannel("b", ORDERED, by="seen"), "by: goes by one of opened, clicked, answered, or by an event"),
        (lambda: BestChannel("b", ORDERED, by=ORDERED.within(days=3)), "soon= says how soon it follows"),
        (lambda: BestHour("b", ORDERED, zone="Mars/Olympus"), "is no IANA time zone"),
        (lambda: BestHour("b", ORDERED, sure=1.0), "sure: is a probability"),
        (lambda: BestChannel("b", ORDERED).crosses(0.5), "sorts customers and has no score"),
        (lambda: BestHour("b", ORDERED).is_("24"), "has no '24'; there are: 00, 01"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(wrong: Callable[[], object], told: str) -> None:
    with pytest.raises(DefinitionError, match=told):
        wrong()
