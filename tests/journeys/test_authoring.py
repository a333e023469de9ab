"""Declaring a journey, and what is refused."""

from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel

from journeys import Budget, Cap, InvalidParams, Journey, QuietHours, after, journey, per_key
from segments import Segment, did

bought = did("Order Completed")
carts = Segment("carts", did("Product Added").within(hours=1))


class Params(BaseModel):
    offer: Literal["a", "b"]
    note: str = ""
    amount: int = 3


@journey(params=Params)
async def with_params(j: Journey) -> None:
    await j.wait(hours=j.params.amount)


def test_a_journey_takes_its_name_and_description_from_its_function() -> None:
    assert with_params.name == "with_params"
    assert with_params.spec.reentry.__class__.__name__ == "Once"


def test_params_are_validated_with_a_pointer() -> None:
    with pytest.raises(InvalidParams) as error:
        with_params.accept({"offer": "c"})
    assert error.value.problems[0][0] == "/params/offer"


def test_params_for_a_journey_that_takes_none_are_refused() -> None:
    @journey()
    async def plain(j: Journey) -> None:
        await j.wait(hours=1)

    with pytest.raises(InvalidParams, match="takes no parameters"):
        plain.accept({"x": 1})


def test_free_text_never_reaches_a_history() -> None:
    accepted = with_params.accept({"offer": "a", "note": "Ana, Calle Mayor 1", "amount": 5})
    assert accepted["note"] == "Ana, Calle Mayor 1"
    assert with_params.branchable(accepted) == {"offer": "a", "amount": 5}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"holdout": 1.0}, "holdout cannot be 1.0"),
        ({"useless_after": timedelta(0)}, "useless_after is not positive"),
        ({"reentry": after(days=-1)}, "after(…) is negative"),
        ({"reentry": per_key("cart_id")}, "needs an entry segment"),
        ({"ends_on_leave": True}, "needs an entry segment"),
        ({"entry": "Not A Name"}, "entry='Not A Name': a name has 1 to 100 lower-case letters"),
        ({"entry": bought}, "entry is a Segment or the name of one, not"),
        ({"caps": (Cap(0, timedelta(days=1)),)}, "a cap of nothing"),
        ({"quiet_hours": QuietHours("22:00", "25:00")}, "quiet hours are not"),
        ({"quiet_hours": QuietHours("22:00\n", "08:00")}, "quiet hours are not"),
        ({"budget": Budget(messages=-1)}, "a budget's messages are not -1"),
        ({"quiet_hours": QuietHours("22:00", "22:00")}, "quiet hours are not"),
        ({"timezone": "Europe/Atlantis"}, "no IANA time zone"),
    ],
)
def test_a_declaration_that_cannot_work_names_the_journey(arguments: dict[str, object], message: str) -> None:
    async def broken(j: Journey) -> None: ...

    problems = journey(**arguments)(broken).problems  # type: ignore[arg-type]
    assert [message in problem.text for problem in problems] == [True]
    assert (problems[0].text[:16], Path(problems[0].file).name) == ("journey broken: ", "test_authoring.py")


def test_an_entry_may_be_the_name_of_a_segment_that_is_defined_elsewhere() -> None:
    @journey(entry="vip-at-risk", reentry=per_key("ticket"))
    async def by_name(j: Journey) -> None: ...

    assert (by_name.spec.entry, by_name.spec.entered_by, with_params.spec.entered_by) == ("vip-at-risk", "vip-at-risk", None)


def test_a_journey_is_an_async_function() -> None:
    def broken(j: Journey) -> None: ...

    (problem,) = journey(entry=carts, goal=bought)(broken).problems  # type: ignore[arg-type]
    assert problem.remedy == "write async def"
