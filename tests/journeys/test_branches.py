"""Branches without a server: walked without being multiplied, drawn, numbered, ended together, refused where they are none."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

import pytest

from journeys import Journey, JourneyDefinition, journey
from journeys.catalogue import Catalogue
from journeys.check.purity import impurities
from journeys.contracts import Channel, Purpose
from journeys.errors import CatalogueError
from journeys.handle.branch import Branch
from journeys.simulate import World
from journeys.simulate.providers import Answer, Kind
from journeys.simulate.run import Run
from journeys.walk.explore import explore
from journeys.walk.graph import graph_of, mermaid
from journeys.walk.lint import lint
from journeys.walk.seen import look_through
from segments import did

MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


async def several(j: Journey, messages: int) -> None:
    for n in range(messages):
        await j.push(f"note-{n}")
        await j.wait(hours=1)


async def answered(j: Journey) -> bool:
    return await j.wait_for(did("Rated"), timeout=HOUR) is not None


def begun(definition: JourneyDefinition, fault: Kind | None = None) -> Run:
    world = World(Catalogue("here", MappingProxyType({definition.name: definition}), MappingProxyType({})), MONDAY)
    ana = world.join("ana")
    for channel in Channel:
        ana.reached_at(channel, "ana", MONDAY)
        ana.said(channel, "granted", (Purpose.MARKETING,), MONDAY)
    world.changed(ana, frozenset(), new=True)
    if fault is not None:
        world.providers.will(Answer(fault, 2 * HOUR), Channel.PUSH, ana)
    run = world.begin(definition.name, ana)
    assert isinstance(run, Run)
    list(world.passes(MONDAY + 30 * HOUR))
    return run


def test_branches_that_return_nothing_do_not_multiply_paths() -> None:
    @journey()
    async def together(j: Journey) -> None:
        await j.together(several(j, 4), several(j, 4), several(j, 4))
        await j.email("note")

    explored = explore(together)
    assert explored.complete
    assert len(explored.paths) == (3 * (2**4 - 1) + 1) * 2  # each branch's for itself, and the letter sent and not


def test_what_branches_return_is_combined() -> None:
    @journey()
    async def both(j: Journey) -> None:
        if await j.together(answered(j), answered(j)) == [True, True]:
            await j.email("note")

    paths = [[effect.answer for effect in path.effects if effect.answer] for path in explore(both).paths]
    assert [path[:2] for path in paths].count(["it", "it"]) == 2
    assert len(paths) == 5


def test_too_many_paths_are_cut_and_it_is_said() -> None:
    async def counts(j: Journey) -> int:
        return sum([bool(await j.push(f"note-{n}")) for n in range(5)])

    @journey()
    async def many(j: Journey) -> None:
        await j.together(counts(j), counts(j))

    explored = explore(many)
    assert len(explored.paths) < 1_000
    assert not explored.complete


def test_a_graph_shows_where_branches_part_and_meet() -> None:
    @journey()
    async def drawn(j: Journey) -> None:
        await j.together(several(j, 1), answered(j), j.email("note"))
        await j.whatsapp("note")

    graph = graph_of(drawn)
    ids = {node.what: node.id for node in graph.nodes}
    leads = {(edge.source, edge.target) for edge in graph.edges}
    fork, join = ids["3 at once"], ids["all have ended"]
    assert {(fork, ids[what]) for what in ("push note-0", "email note")} <= leads
    assert {(ids[what], join) for what in ("wait 1 h", "email note")} <= leads
    assert (join, ids["whatsapp note"]) in leads
    assert (fork, join) not in leads
    assert "3 at once" in mermaid(graph)
    (whatsapp,) = [node for node in graph.nodes if node.what == "whatsapp note"]
    assert whatsapp.when == "1 h"  # when the last branch has ended; the others do not add up


def test_what_a_branch_raises_ends_the_others_and_is_raised() -> None:
    @journey()
    async def caught(j: Journey) -> None:
        async def fails() -> None:
            await j.wait(hours=1)
            raise KeyError("a fault of the author's")

        try:
            await j.together(fails(), several(j, 9))
        except KeyError:
            await j.wait(hours=3)
            await j.email("note")

    run = begun(caught)
    assert [message.step for message in run.messages] == ["push:note-0", "email:note"]
    assert run.strands == run.strands[:1]
    run = begun(caught, Kind.LATER)  # a provider has it: it is settled, and nothing more is done
    assert [(message.step, message.state) for message in run.messages] == [("push:note-0", "sent"), ("email:note", "sent")]


def test_what_no_branch_catches_stops_the_run() -> None:
    @journey()
    async def raises(j: Journey) -> None:
        async def fails() -> None:
            await j.wait(hours=1)
            raise KeyError("a fault of the author's")

        await j.together(several(j, 2), fails())

    with pytest.raises(KeyError):
        begun(raises)


@pytest.mark.parametrize("wrong", ["j.push", "await j.push('note')", "3"])
def test_what_is_no_branch_is_refused(wrong: str) -> None:
    @journey()
    async def refused(j: Journey) -> None:
        await j.together(*[await j.push("note") if wrong.startswith("await") else j.push])  # type: ignore[list-item]

    (problem,) = look_through(refused).problems.values()
    assert "takes steps that are not awaited yet" in problem.text


def test_nothing_at_all_is_done_at_once() -> None:
    @journey()
    async def fans_out(j: Journey) -> None:
        if await j.together(*[]) == []:
            await j.push("note")

    assert not look_through(fans_out).problems


def test_too_deep_is_refused() -> None:
    @journey()
    async def deep(j: Journey) -> None:
        async def deeper(left: int) -> None:
            if left:
                await j.together(deeper(left - 1))

        await deeper(4)

    (problem,) = look_through(deep).problems.values()
    assert "nested too deep" in problem.text


def test_tasks_of_ones_own_are_refused_by_the_word_that_does_it(tmp_path: Path) -> None:
    (file := tmp_path / "a.py").write_text("import asyncio\nasync def a(j): await asyncio.gather(j.push('a'))\n")
    (found,) = impurities(file)
    assert "await j.together(…)" in str(found)


def test_a_number_is_not_given_twice() -> None:
    root = Branch()
    branches = [*root.fork("abc"), *root.fork("ab")]
    deeper = [each for branch in branches for each in branch.fork("ab")]
    numbers = [branch.next("step") for branch in [root, *branches, *deeper] for _ in range(9)]
    assert len(set(numbers)) == len(numbers)
    with pytest.raises(CatalogueError):
        root.fork("x" * 100)


def test_what_a_branch_raises_hides_nothing_that_the_others_do() -> None:
    async def bad(j: Journey) -> None:
        await j.wait(hours=5)
        raise ValueError

    async def good(j: Journey) -> None:
        await j.wait(hours=1)
        await j.push("seen-all-the-same")

    @journey(goal=did("Order Completed"))
    async def parts(j: Journey) -> None:
        await j.together(bad(j), good(j))

    seen = look_through(parts)
    assert [call.request.template for call in seen.calls.values()] == ["seen-all-the-same"]
    assert len(seen.problems) == 1
    assert "push seen-all-the-same" in {node.what for node in graph_of(parts).nodes}
    assert not [problem for problem in lint(parts) if "on no path" in str(problem)]
