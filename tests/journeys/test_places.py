"""Places of a page: what is refused when one is made, or when its catalogue is loaded; and which rule fits whom."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from journeys import CatalogueError, Place, Show, did
from journeys.onsite.places import Standing
from tests.command_line import freshly

SEEN = did("Page Viewed")
HALF = {"a": 0.5, "b": 0.5}


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (lambda: Place("Home", Show("a")), "a place has no name such as 'Home'"),
        (lambda: Place("home"), 'Place("home") takes one rule or more'),
        (lambda: Place("home", "a"), 'Place("home") takes one rule or more'),  # type: ignore[arg-type]
        (
            lambda: Place("home", Show("a"), Show("b")),
            "no rule behind a is ever asked, because it suits everybody; put it last",
        ),
        (Show, "a rule shows either a template or the arms of an experiment"),
        (lambda: Show("a", experiment="x", arms=HALF), "a rule shows either a template or the arms of an experiment"),
        (lambda: Show(experiment="x", arms={"a": 1}), "experiment x needs two arms or more"),
        (lambda: Show(experiment="x", arms={"a": 0.5, "b": 0.4}), "the shares add up to 0.9, not to 1"),
        (lambda: Show("a", when="vip"), "when= takes a segment or a predicate, not 'vip'"),  # type: ignore[arg-type]
        (lambda: Show("a", after="push:x"), "after= and before= are about a journey; name it: running=cart_abandonment"),
    ],
)
def test_what_cannot_work_is_refused_when_it_is_made(made: Callable[[], object], told: str) -> None:
    with pytest.raises(CatalogueError) as refused:
        made()
    assert told in str(refused.value)


def test_a_rule_is_for_who_is_between_two_messages_of_a_journey() -> None:
    rule = Show("a", running="cart", after="push:one", before="push:two")
    sent = (), ("push:one",), ("push:one", "push:two")
    assert [rule.is_at([Standing("cart", frozenset(steps))]) for steps in sent] == [False, True, False]
    assert not rule.is_at([Standing("other", frozenset({"push:one"}))])
    assert not rule.is_at([])
    assert Show("a").is_at([])


def test_an_arm_that_there_is_not_any_more_is_drawn_anew() -> None:
    rule = Show(experiment="look", arms=HALF)
    assert rule.drawn({"look": "b"}, UUID(int=1)).template == "b"
    assert rule.drawn({"look": "gone"}, UUID(int=1)) == rule.drawn({}, UUID(int=1))
    assert {rule.drawn({}, UUID(int=n)).template for n in range(20)} == {"a", "b"}
    assert rule.drawn({}, UUID(int=1)).share == 0.5


CATALOGUE = """\
from journeys import Journey, Place, Show, did, journey, purchases

@journey(goal=purchases)
async def cart(j: Journey) -> None:
    await j.push("hello")

"""
WRONG = {
    'Show("helo", when=purchases)': "there is no in_app template helo; did you mean hello?",
    'Show("hello", running="card")': "place p1 names the journey card, which the catalogue lacks; did you mean cart?",
    'Show("hello", running=cart, after="push:helo")': "place p2: cart has no step 'push:helo'; did you mean push:hello?",
    'Show("week", when=purchases)': "place p3: the in_app template week (acme/week.in-app.yaml): the journey does not pass",
    'Show("thing", when=purchases)': "place p4: thing asks for a product, which messages have and places have not",
    'Show(experiment="x", arms={"hello": 0.5, "helo": 0.5})': "place p5: there is no in_app template helo",
}


def written(folder: Path, *rules: str) -> None:
    package = folder / "acme"
    package.mkdir()
    places = "".join(f'p{n} = Place("p{n}", {rule})\n' for n, rule in enumerate(rules))
    (package / "__init__.py").write_text(CATALOGUE + places)
    (package / "hello.push.yaml").write_text("title: a\nbody: b\n")
    (package / "hello.in-app.yaml").write_text("title: a\nbody: b\n")


def test_what_a_place_names_is_there_or_told_with_its_line(tmp_path: Path) -> None:
    written(tmp_path, *WRONG)
    (tmp_path / "acme" / "week.in-app.yaml").write_text("params: [week]\ntitle: a\nbody: '{{ params.week }}'\n")
    (tmp_path / "acme" / "thing.in-app.yaml").write_text("product: {relation: similar, to: last purchase}\ntitle: a\nbody: b\n")
    finished = freshly("check", "acme", cwd=tmp_path)
    assert finished.returncode == 1
    lines = [line for line in finished.stdout.splitlines() if line.startswith("acme/__init__.py:")]
    for n, (line, told) in enumerate(zip(lines, WRONG.values(), strict=True)):
        assert line.startswith(f"acme/__init__.py:{7 + n}:1: place p{n}"), line
        assert told in line


def test_a_catalogue_says_how_many_places_it_has(tmp_path: Path) -> None:
    written(tmp_path, 'Show("hello", running=cart, after="push:hello")')
    assert freshly("check", "acme", cwd=tmp_path).stdout == "acme: 1 journey, 0 segments, 1 place, 2 templates; it loads\n"
