"""`journeys choices show`: who was drawn evenly, and of how many of them it is known what came, a column each."""

import re
from io import StringIO

from rich.console import Console

from api.choices.views import ChoiceDetail, OptionView
from workers.cli.operating.choices import _drawn


def test_who_was_drawn_evenly_is_told_beside_those_of_whom_the_reward_is_known() -> None:
    given = OptionView(option="gift", given={"floor": 8, "learned": 13}, people=5, mean=0.25)
    found = ChoiceDetail.model_construct(
        name="offer", journey="winback", state="learns", method="beta-binomial", reward="orders", shares=[],
        results=[given, OptionView(option="none", given={"floor": 4}, people=0, mean=None)], compared=[], regret=None,
        budgets={}, measured_by=[],
    )  # fmt: skip
    console = Console(file=(drawn := StringIO()), width=200)
    for part in _drawn(found):
        console.print(part)
    cells = [[cell.strip() for cell in re.split("[┃│]", line)[1:-1]] for line in drawn.getvalue().splitlines()]
    heads, *rows = [row for row in cells if row]
    assert heads == ["option", "share now", "given", "drawn evenly", "known so far", "their mean"]
    assert rows == [["gift", "0.0%", "21", "8", "5", "0.25"], ["none", "0.0%", "4", "4", "0", "-"]]
