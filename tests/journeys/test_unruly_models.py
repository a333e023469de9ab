"""An author's model may raise anything, or never return: that refuses what it was given, and stops nobody else."""

from typing import Any

import pytest
from pydantic import BaseModel, field_validator

from journeys import Journey, JourneyDefinition, journey
from journeys.deadline import TookTooLong
from journeys.entering import UnlikeDeclared, accepted
from journeys.errors import InvalidParams

NUMBERS = list(range(10))


class Ticket(BaseModel):
    number: int = 0

    @field_validator("number")
    @classmethod
    def listed(cls, given: int) -> int:
        if given == 10:
            raise SystemExit
        while given == 11:
            pass
        return NUMBERS[given]


@journey(params=Ticket)
async def by_number(j: Journey) -> None:
    await j.push("hello")


@pytest.mark.parametrize(("number", "kind"), [(5_000, IndexError), (10, SystemExit), (11, TookTooLong)])
def test_whatever_a_model_raises_is_a_fault_of_what_it_was_given(number: int, kind: type[BaseException]) -> None:
    with pytest.raises(UnlikeDeclared) as unlike:
        accepted(Ticket, {"number": number})
    assert unlike.value.fields == {"": kind.__name__}
    assert isinstance(by_number, JourneyDefinition)
    with pytest.raises(InvalidParams) as invalid:
        by_number.accept({"number": number})
    assert invalid.value.problems == [("/params", f"Ticket cannot say whether it takes them ({kind.__name__})")]


def test_what_it_takes_is_taken() -> None:
    given: dict[str, Any] = {"number": 9}
    assert accepted(Ticket, given) == given
