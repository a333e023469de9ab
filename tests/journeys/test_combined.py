"""Branches that hang on several values at once: each way that the code tells apart is walked, and its edge says which it is."""

import re
import xml.etree.ElementTree as ET
from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, model_validator

from journeys import Journey, JourneyDefinition, Service, journey
from journeys.rules import Rule
from journeys.walk.explore import explore
from journeys.walk.graph import Graph, graph_of
from journeys.walk.lint import lint
from journeys.walk.picture import svg
from journeys.walk.seen import message_calls
from segments import purchases

LIMIT = 5_000


class Credit(BaseModel):
    tier: Literal["a", "b", "c"]
    limit: int
    country: Literal["es", "de", "fr"] = "es"


class Narrow(BaseModel):
    tier: Literal["a", "b"]
    limit: int = 0

    @model_validator(mode="after")
    def only_b_has_much(self) -> "Narrow":
        if self.limit > 10 and self.tier != "b":
            raise ValueError("too much")
        return self


credit = Service("credit", gives=Credit)


def answers(graph: Graph) -> dict[str, set[str]]:
    """What stands at the edges to each thing that it does."""
    names = {node.id: node.what for node in graph.nodes}
    found: dict[str, set[str]] = {}
    for edge in graph.edges:
        found.setdefault(names[edge.target], set()).add(edge.answer)
    return found


def templates(definition: JourneyDefinition) -> set[str]:
    return {call.template for call in message_calls(definition)}


def test_fields_of_an_answer_are_combined_as_far_as_the_code_asks_for_them() -> None:
    @journey(goal=purchases)
    async def by_credit(j: Journey) -> None:
        answer = await j.fetch(credit)
        if not answer:
            return
        if answer.value.tier == "a":
            await j.push("a")
        elif answer.value.tier == "b":
            await j.push("b")
        elif answer.value.limit > 50:
            await j.push("c")

    assert templates(by_credit) == {"a", "b", "c"}
    assert lint(by_credit) == []
    explored = explore(by_credit)
    assert explored.complete
    assert len(explored.paths) < 13, "limit is not varied where nobody looks at it, and country never"
    drawn = answers(graph_of(by_credit))
    assert drawn["push a"] == {"answered and tier = a"}
    assert drawn["push b"] == {"answered and tier = b"}
    assert drawn["push c"] == {"answered and tier = c and limit from 51"}


def test_fields_of_the_entering_event_and_of_parameters_are_combined() -> None:
    @journey(goal=purchases, params=Narrow)
    async def by_both(j: Journey[Credit]) -> None:
        if j.entry.tier == "c" and j.entry.limit >= LIMIT and j.params.tier == "b" and j.params.limit > 10:
            await j.push("rich")

    assert templates(by_both) == {"rich"}
    assert lint(by_both) == []


def test_numbers_that_are_told_with_a_task_are_walked_on_both_sides() -> None:
    @journey(goal=purchases)
    async def called(j: Journey) -> None:
        task = j.task("Call", to="care", choices=("yes", "no"), values=("seats", "sure"))
        answer = await j.wait_for(task, timeout=timedelta(days=1))
        if answer is None:
            return
        if answer.outcome == "yes" and answer.answer.get("seats", 0) > 50:
            await j.push("large")
        elif answer.answer.get("sure"):
            await j.push("sure")

    assert templates(called) == {"large", "sure"}
    assert answers(graph_of(called))["push large"] == {"it: yes and seats from 51"}


def test_a_condition_stands_at_the_edge_also_after_other_steps_and_after_branches() -> None:
    async def ask(j: Journey) -> str:
        answer = await j.fetch(credit)
        return answer.value.tier if answer else "c"

    @journey(goal=purchases)
    async def later(j: Journey) -> None:
        vip = await j.is_in("vip")
        tier, _ = await j.together(ask(j), j.wait(days=1))
        if tier == "a":
            await j.push("a")
        await j.wait(days=2)
        if vip:
            await j.push("vip")

    drawn = answers(graph_of(later))
    assert drawn["push a"] == {"tier = a"}
    assert drawn["push vip"] == {"in vip?: yes"}


def test_alternatives_are_each_said() -> None:
    @journey(goal=purchases)
    async def either(j: Journey[Credit]) -> None:
        if j.entry.tier == "a" or j.entry.limit > 50:
            await j.push("either")

    assert answers(graph_of(either))["push either"] == {"tier = a or limit from 51"}


def test_a_number_that_is_one_of_those_tried_is_not_said_as_a_range() -> None:
    @journey(goal=purchases)
    async def nothing(j: Journey[Credit]) -> None:
        if j.entry.limit == 0:
            await j.push("none")
        else:
            await j.push("some")

    drawn = answers(graph_of(nothing))
    assert drawn["push none"] == {"limit 0"}
    assert drawn["push some"] == {"limit not 0"}


def test_what_is_compared_with_what_only_a_run_knows_is_not_doubted() -> None:
    def enough(limit: int) -> bool:
        return limit > 7_000

    @journey(goal=purchases)
    async def helped(j: Journey[Credit]) -> None:
        if enough(j.entry.limit):
            await j.push("enough")
        answer = await j.fetch(credit)
        if answer and enough(answer.value.limit):
            await j.push("enough")

    assert not [each for each in lint(helped) if each.rule is Rule.UNREACHED]


def test_what_stands_behind_a_long_loop_is_not_said_to_be_on_no_path() -> None:
    @journey(goal=purchases)
    async def long(j: Journey) -> None:
        for n in range(250):
            await j.push(f"a{n}")
            await j.wait(days=1)
        await j.email("last")

    (doubt,) = [each for each in lint(long) if each.rule is Rule.UNREACHED]
    assert "that were walked, and so is not checked" in doubt.text


def test_what_comes_after_a_wait_for_somebody_may_be_as_late_as_that() -> None:
    @journey(goal=purchases)
    async def waits(j: Journey) -> None:
        if await j.wait_for(j.entered("vip"), timeout=timedelta(days=3)):
            await j.push("soon")
            await j.at(days=4)
            await j.push("then")

    assert {node.what: node.when for node in graph_of(waits).nodes if node.kind == "message"} == {
        "push soon": "0 s to 3 d",
        "push then": "4 d",
    }


def test_what_edges_say_does_not_print_over_each_other_and_a_loop_runs_behind_no_box() -> None:
    @journey(goal=purchases)
    async def wide(j: Journey) -> None:
        answer = await j.fetch(credit)
        if answer and answer.value.tier == "a":
            await j.push("a")
        elif answer and answer.value.tier == "b":
            await j.push("b")
        elif answer and answer.value.limit > 50:
            await j.push("c")
        async for _ in j.every(days=7, times=3):
            await j.push("x") or await j.email("x")

    drawn = ET.fromstring(svg(graph_of(wide)))
    space = "{http://www.w3.org/2000/svg}"
    said = [
        (float(each.get("x", 0)), float(each.get("y", 0)), each.text or "")
        for each in drawn.iter(f"{space}text")
        if each.get("class") == "a"
    ]
    assert len(said) > 5
    for n, (x, y, text) in enumerate(said):
        for other_x, other_y, other in said[n + 1 :]:
            beside = x + 5 * len(text) < other_x or other_x + 5 * len(other) < x
            assert beside or abs(y - other_y) >= 11, (text, other)
    boxes = [[float(each.get(name, 0)) for name in ("x", "y", "width", "height")] for each in drawn.iter(f"{space}rect")]
    (back,) = [each.get("d", "") for each in drawn.iter(f"{space}path") if " H" in each.get("d", "")]
    _, _, down, lane, up, into, _ = map(float, re.findall(r"-?[\d.]+", back))
    for x, y, width, height in boxes:
        assert not (x < lane < x + width and up < y + height and y < down)
        assert not any(y < level < y + height for level in (down, up)), into
