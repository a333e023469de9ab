"""The language: what it says, what it refuses, and that it survives being written down."""

import ast
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

import segments
from segments import DefinitionError, Predicate, Segment, check_goal, did, prop, purchases, trait
from segments.language.edges import Edge
from segments.language.moves import event_types, trait_names, windows
from segments.language.wire import ORDER, predicate_from_json, readers
from tests.extent import examples
from tests.segments.strategies import predicates

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
cart = did("Product Added").within(hours=24) & ~purchases.since_last("Product Added")

READS_LIKE = [
    (cart, 'did "Product Added" within 24 hours and did not do "Order Completed" since the last "Product Added"'),
    (trait("age") >= 25, "age is at least 25"),
    (~(trait("age") >= 25), "not (age is at least 25)"),
    (trait("city").in_("Madrid", "Bilbao"), 'city is one of "Bilbao", "Madrid"'),
    (trait("address.city").exists(), "address.city exists"),
    (did("A").at_least(3).within(days=7), 'did "A" at least 3 times within 7 days'),
    (did("A").more_than(3), 'did "A" at least 4 times'),
    (did("A").at_most(1), 'did "A" at most 1 time'),
    (did("A").exactly(2).where(prop("price") > 50), 'did "A" exactly 2 times where price is more than 50'),
    (did("A").at_least(2).at_most(4), 'did "A" between 2 and 4 times'),
    (did("A").within(timedelta(minutes=90)), 'did "A" within 1 hour 30 minutes'),
    ((trait("a") == 1) | (trait("b") == True) & did("C"), 'a is 1 or (b is true and did "C")'),  # noqa: E712
]


@pytest.mark.parametrize(("predicate", "english"), READS_LIKE, ids=[english for _, english in READS_LIKE])
def test_it_reads_like_english(predicate: Predicate, english: str) -> None:
    assert str(predicate) == english


REFUSED: list[tuple[Any, str]] = [
    (lambda: did("A").within(hours=0), r"did\('A'\)\.within: the window must be longer than zero"),
    (lambda: did("A").within(days=-1), "longer than zero"),
    (lambda: did("A").within(days=-1), "not -1 days"),
    (lambda: did("A").within(seconds=-5), "not -5 seconds"),
    (lambda: did("A").within(months=1), r"within: months= has no fixed length: days=30"),
    (lambda: did("A").within(hour=1), r"within: hour= is written hours="),
    (lambda: did("A").within(days="x"), r"days= needs a number, not 'x'"),
    (lambda: trait("age") > 25 & trait("x") == 1, "write each comparison in brackets"),
    (lambda: 5 | did("A"), r"^\|: needs a predicate on both sides, not 5; compare it first, each comparison in brackets"),
    (lambda: did("A").total("x") | did("B"), "write each comparison in brackets"),
    (lambda: ~trait("x"), "has no truth by itself; compare it"),
    (lambda: did("A").within(), "longer than zero"),
    (lambda: did("A").within(days=10**6), r"at most 36525 days"),
    (lambda: did("A").within(days=10**12), r"did\('A'\)\.within"),
    (lambda: did("A").within(DAY, hours=1), "not both"),
    (lambda: did("A").within("1 day"), "needs a timedelta"),
    (lambda: did(""), "event name must be a text that is not empty"),
    (lambda: did("x" * 201), "longer than 200"),
    (lambda: did("A").since_last(" "), r"did\('A'\)\.since_last: the event name"),
    (lambda: did("A").at_least(0), r"did\('A'\)\.at_least: needs a whole number from 1"),
    (lambda: did("A").at_most(-1), r"did\('A'\)\.at_most"),
    (lambda: did("A").at_least(1.5), "whole number"),
    (lambda: did("A").at_least(True), "whole number"),
    (lambda: did("A").at_least(3).at_most(2), "can never both be true"),
    (lambda: did("A").where(), "at least one condition"),
    (lambda: did("A").where(trait("x") == 1), r"prop\(…\)"),
    (lambda: did("A").where(did("B")), r"prop\(…\)"),
    (lambda: did("A").where({"price": 50}), "needs a predicate"),
    (lambda: trait(""), "not empty"),
    (lambda: trait("a..b"), r"trait\('a\.\.b'\)"),
    (lambda: trait("x") == {"a": 1}, r"trait\('x'\): cannot compare with \{'a': 1\}"),
    (lambda: trait("x") == None, "cannot compare with None"),  # noqa: E711 - the definition under test
    (lambda: trait("x").in_(float("nan")), "cannot compare with nan"),
    (lambda: trait("x") > True, "no meaning for a boolean"),
    (lambda: trait("x") > datetime(2026, 1, 1), "no time zone"),  # noqa: DTZ001 - the definition under test
    (lambda: trait("x") == "a\x00b", "NUL"),
    (lambda: trait("x") == "\ud800", "surrogate"),
    (lambda: trait("x").in_(), "at least one value"),
    (lambda: trait("x").in_([]), "at least one value"),
    (lambda: trait("x").contains(""), "not empty"),
    (lambda: trait("x").contains(date(2026, 1, 1)), "contains takes"),
    (lambda: did("A") & trait("x"), "needs a predicate on both sides"),
    (lambda: did("A") and did("B"), "write & | ~"),
    (lambda: not did("A"), "write & | ~"),
    (lambda: 18 <= trait("age") <= 30, "write & | ~"),
    (lambda: bool(trait("x")), r"ask whether it exists\(\)"),
    (lambda: Segment("Bad Name", did("A")), r"Segment\('Bad Name'\)"),
    (lambda: Segment("", did("A")), "a name has"),
    (lambda: Segment("x", "did A"), "segment 'x': needs a predicate"),
    (lambda: Segment("x", prop("price") > 1), r"prop\(…\) belongs inside"),
    (lambda: check_goal(trait("x") == 1), "a goal is made of"),
    (lambda: check_goal(~did("A")), "true before anything has happened"),
    (lambda: check_goal(did("A").at_most(3)), "true before anything has happened"),
]


@pytest.mark.parametrize(("definition", "message"), REFUSED, ids=range(len(REFUSED)))
def test_what_cannot_mean_anything_is_refused_with_its_place(definition: Any, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        definition()


WRONG_JSON: list[tuple[Any, str]] = [
    ({"all": [{"did": "A"}, {"did": "B", "within": 0}]}, r"segment 's', predicate\.all\[1\]\.did\('B'\)\.within: "),
    ({"not": {"did": "A", "withn": 5}}, r"predicate\.not\.withn: unknown here"),
    ({"did": "A", "where": {"property": "x", "is": "~", "value": 1}}, r"where\.property\('x'\): unknown operator '~'"),
    ({"trait": "x", "is": ">"}, r"trait\('x'\): cannot compare with None"),
    ({"trait": "x", "is": "==", "value": {"a": 1}}, "cannot read"),
    ({"trait": "x", "is": "in", "value": "a"}, "in needs a list of values to choose from, not 'a'; for one value use =="),
    (
        {"trait": "x", "is": "not in", "value": ["a"]},
        r'unknown operator \'not in\'; write {"not": {…, "is": "in", …}}, in Python ~',
    ),
    ({"trait": "x", "is": "not_contains", "value": "a"}, r'write {"not": {…, "is": "contains", …}}'),
    ({"trait": "x", "is": "startswith", "value": "a"}, "did you mean 'starts_with'"),
    ({"trait": "x", "is": "=", "value": "a"}, "did you mean '=='"),
    ({"trait": "x", "is": "gte", "value": 1}, "did you mean '>='"),
    ({"did": "A", "within": -1}, "and at most 36525 days, not -1 seconds"),
    ({"did": "A", "at_hours": 9}, "at_hours: needs an object with keys such as from, to, zone, otherwise, not 9"),
    ({"trait": 5, "is": "=="}, "needs a name"),
    ({"did": 5}, "event name"),
    ({"did": "A", "within": "1 day"}, "number of seconds"),
    ({"did": "A", "within": float("inf")}, "number of seconds"),
    ({"any": []}, r"any: needs a list"),
    ({"didd": "A"}, "needs one of the keys"),
    ("did A", "needs an object"),
]


@pytest.mark.parametrize(("plain", "message"), WRONG_JSON, ids=range(len(WRONG_JSON)))
def test_json_that_is_no_definition_is_refused_with_its_place(plain: Any, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        Segment.from_json({"name": "s", "predicate": plain})


def test_json_nested_too_deeply_is_refused() -> None:
    plain: dict[str, Any] = {"did": "A"}
    for _ in range(5_000):
        plain = {"not": plain}
    with pytest.raises(DefinitionError, match="nested deeper"):
        predicate_from_json(plain)


@examples(50)
@given(predicate=predicates)
def test_json_there_and_back_is_the_same(predicate: Predicate) -> None:
    segment = Segment("s", predicate, "why")
    back = Segment.from_json(segment.to_json())
    assert back == segment
    assert back.version == segment.version
    assert str(back) == str(segment)
    assert hash(back) == hash(segment)


def test_operands_that_json_has_no_word_for_survive() -> None:
    moment = datetime(2026, 1, 1, 12, tzinfo=UTC)
    predicate = trait("x").in_(Decimal("1.10"), moment, date(2026, 1, 1))
    assert predicate_from_json(predicate.to_json()) == predicate


def test_the_version_is_of_the_meaning_and_stable() -> None:
    assert Segment("a", cart).version == Segment("b", cart, "other words").version == "93571b66c57fb5fd"
    assert Segment("a", trait("x").in_({"a", "b", "c"})).version == Segment("a", trait("x").in_("c", "b", "a")).version
    assert Segment("a", trait("x") == 1).version != Segment("a", trait("x") == True).version  # noqa: E712
    assert did("A").at_least(1) == did("A")


def test_what_a_predicate_depends_on() -> None:
    predicate = cart | (trait("address.city") == "Madrid") & ~did("Gone").within(days=7)
    assert event_types(predicate) == {"Product Added", "Order Completed", "Gone"}
    assert windows(predicate) == {Edge("Product Added", DAY), Edge("Gone", 7 * DAY)}
    assert trait_names(predicate) == {"address"}
    assert {leaf.type for leaf in predicate.triggers()} == {"Product Added"}
    assert {leaf.type for leaf in (~predicate).triggers()} == {"Order Completed", "Gone"}


def test_narrowing_makes_a_new_predicate() -> None:
    first = did("A")
    first.within(hours=1)
    assert first == did("A")
    with pytest.raises(AttributeError):
        first.window = HOUR  # type: ignore[misc]


def test_whatever_is_looked_for_in_json_is_a_kind_of_predicate() -> None:
    assert set(ORDER) <= set(readers())


def test_the_door_is_pure() -> None:
    forbidden = "{'sqlalchemy', 'asyncpg', 'store', 'pydantic'}"
    check = f"import sys, segments; print(sorted({forbidden} & {{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_pure_modules_ask_no_clock() -> None:
    folder = Path(segments.__file__).parent
    rooms = [path for room in ("language", "leaves", "time") for path in (folder / room).glob("*.py")]
    for path in [*rooms, *folder.glob("*.py"), *(folder.parent / "workers" / "workflows").glob("*.py")]:
        calls = {
            f"{node.func.value.id}.{node.func.attr}"
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name)
        }
        assert not calls & {"datetime.now", "datetime.utcnow", "date.today", "time.time", "random.random"}, path.name
