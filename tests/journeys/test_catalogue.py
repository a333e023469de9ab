"""Loading a catalogue: what is found, and what is refused with a sentence."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from journeys import CatalogueError
from journeys.catalogue import load
from workers.definitions import load_definitions

JOURNEY = """
from journeys import Journey, Segment, did, journey
seg = Segment("carts", did("Product Added"))

@journey(entry=seg)
async def {name}(j: Journey) -> None:
    await j.wait(hours=1)
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "some_catalogue"
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    load.cache_clear()
    for name in [n for n in sys.modules if n.startswith("some_catalogue")]:
        del sys.modules[name]


def test_the_reference_catalogue() -> None:
    catalogue = load("definitions")
    assert {"cart_abandonment", "cart_discount"} <= set(catalogue.journeys)
    assert "abandoned-cart" in catalogue.segments
    assert [d.name for d in catalogue.entered_by("abandoned-cart")] == ["cart_abandonment"]


def test_submodules_are_found(package: Path) -> None:
    (package / "deep").mkdir()
    (package / "deep" / "__init__.py").write_text(JOURNEY.format(name="deep_journey"))
    assert set(load("some_catalogue").journeys) == {"deep_journey"}


def test_two_journeys_of_one_name(package: Path) -> None:
    (package / "a.py").write_text(JOURNEY.format(name="twice"))
    (package / "b.py").write_text(JOURNEY.format(name="twice").replace("hours=1", "hours=2"))
    with pytest.raises(CatalogueError, match=r"some_catalogue/b\.py:1:1: two different journeys are called 'twice'"):
        load("some_catalogue")


def test_a_module_that_is_not_there() -> None:
    with pytest.raises(CatalogueError, match=r"there is no module 'nowhere_at_all', which JOURNEYS_CATALOGUE names"):
        load("nowhere_at_all")


def test_a_module_that_raises(package: Path) -> None:
    (package / "broken.py").write_text("1 / 0")
    with pytest.raises(CatalogueError, match=r"broken\.py:1:1: module some_catalogue\.broken raises ZeroDivisionError"):
        load("some_catalogue")


def test_an_unknown_journey_is_answered_with_those_that_exist() -> None:
    with pytest.raises(CatalogueError, match=r"no journey 'cart'.*cart_abandonment"):
        load("definitions").journey("cart")


ONLY = """
from journeys import Journey, Segment, journey, trait
{top}
@journey()
async def picky(j: Journey) -> None:
    await j.push("hi", only=Segment("vips", trait("tier") == "gold"))
"""


@pytest.mark.parametrize(
    ("top", "problem"),
    [
        ("", "picky names segment 'vips', which the catalogue lacks; keep it under a name of its own"),
        ('vips = Segment("vips", trait("tier") == "silver")', "'vips', but another segment of the catalogue has that name"),
    ],
)
def test_a_message_only_for_a_segment_that_its_worker_would_not_find(package: Path, top: str, problem: str) -> None:
    (package / "__init__.py").write_text(ONLY.format(top=top))
    (package / "hi.push.yaml").write_text("title: Hi\nbody: Hi\n")
    with pytest.raises(CatalogueError, match=problem):
        load_definitions("some_catalogue")
