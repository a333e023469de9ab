"""Limits that hold inside filters and loops, in memory and in time, whatever a customer's data says (A18)."""

import sys
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.templates import BrokenTemplate, Context, load_templates
from activities.templating.language import HTML, TEXT, Phrase
from activities.templating.values import Several
from journeys.contracts import Channel
from tests.activities.test_templates import push, written
from tests.extent import examples

MEGABYTES = 1024 * 1024
BIG = {"quantity": 1_000_000_000, "name": "x" * 30_000, "price": "1e999999999", "products": ["y" * 100] * 900}

ESCAPES = [
    "{{ (1..entry.quantity) | join }}",
    "{{ (1..entry.quantity) | size }}",
    "{% assign r = (1..entry.quantity) %}{{ r | reverse | first }}",
    "{% for i in (1..entry.quantity) reversed %}x{% endfor %}",
    "{% for i in (1..entry.quantity) reversed limit: 100000000 %}x{% endfor %}",
    "{% tablerow i in (1..entry.quantity) reversed %}x{% endtablerow %}",
    "{% assign r = (1..entry.quantity) %}{% for i in r reversed %}x{% endfor %}",
    "{{ entry.name | replace: 'x', entry.name }}",
    "{% assign n = entry.quantity %}{% for i in (1..900) %}{% assign n = n | times: n %}{% endfor %}",
    "{% assign s = entry.name %}{% for i in (1..900) %}{% assign s = s | append: s %}{% endfor %}",
    "{% assign l = entry.products %}{% for i in (1..900) %}{% assign l = l | concat: l %}{% endfor %}",
    "{{ entry.products | join: entry.name }}",
    "{{ entry.name | split: '' | size }}",
    "{{ entry.price | money: 'EUR' }}",
    "{{ 'NaN' | money: 'EUR' }}",
    "{{ entry.price | ceil }}",
    "{{ entry.quantity | times: entry.quantity | times: entry.quantity }}",
    "{{ '2026-11-24' | date: entry.name }}",
    "{% for a in (1..100) %}{% for b in (1..100) %}x{% endfor %}{% endfor %}",
    "{% capture s %}{% for a in (1..900) %}{{ entry.name }}{% endfor %}{% endcapture %}{{ s }}",
]


@pytest.mark.parametrize("text", ESCAPES)
def test_what_would_take_gigabytes_is_a_broken_template(tmp_path: Path, text: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(BrokenTemplate):
            push(tmp_path, f'title: t\nbody: "{text}"', Context(entry=BIG))
        assert tracemalloc.get_traced_memory()[1] < 50 * MEGABYTES
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("{{ (1..5) | join: ' ' }}", "1 2 3 4 5"),
        ("{% for i in (1..3) reversed %}{{ i }}{% endfor %}", "321"),
        ("{{ entry.products | size }}", "900"),
        ("{{ entry.name | truncate: 5 }}", "xx..."),
        ("{{ entry.quantity | divided_by: 1000 }}", "1000000"),
    ],
)
def test_what_people_write_stays_within_them(tmp_path: Path, text: str, shown: str) -> None:
    assert push(tmp_path, f'title: t\nbody: "{text}"', Context(entry=BIG)).body == shown


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["1e999999999", "-9" * 500]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["name", "price"]), inner, max_size=2),
    max_leaves=8,
)
arguments = st.lists(st.sampled_from(["entry.name", "entry.price", "entry.sku", "'x'", "3", "-999999999"]), max_size=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("filters")


@examples(200)
@given(name=st.sampled_from(sorted(TEXT.filters)), given_arguments=arguments, value=values, price=values)
def test_no_filter_fails_in_any_other_way(folder: Path, name: str, given_arguments: list[str], value: Any, price: Any) -> None:
    said = f": {', '.join(given_arguments)}" if given_arguments else ""
    text = f'title: t\nbody: "x{{{{ entry.name | {name}{said} }}}}"'
    templates = load_templates(written(folder, hi__push__yaml=text))
    try:
        content = templates.render(Channel.PUSH, "hi", Context(entry={"name": value, "price": price}))
    except BrokenTemplate:
        return
    assert "{'" not in content.body
    assert len(content.body) <= 100_001


def test_both_environments_have_the_same_filters() -> None:
    assert TEXT.filters.keys() == HTML.filters.keys()


HOSTILE = {
    "dots": "1.",
    "digits": "9",
    "tags": "<a ",
    "lines": "\n",
    "dashes": "-",
    "percent": "%E9",
    "words": "a ",
    "amps": "&amp;",
}


def calls_of(work: Callable[[], object]) -> int:
    """How many functions are called by some work: time, as any machine counts it."""
    counted = 0

    def count(*_: object) -> None:
        nonlocal counted
        counted += 1

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return counted


@pytest.mark.parametrize("name", sorted(TEXT.filters))
@pytest.mark.parametrize("kind", sorted(HOSTILE))
def test_no_filter_works_character_by_character(name: str, kind: str) -> None:
    """A date of 30,000 characters took a fifth of a second; 300 of them stopped a worker for a minute."""
    given_arguments = {"replace": ": '1', 'x'", "date": ": 'long'", "money": ": 'EUR'", "slice": ": 1, 9", "split": ": ' '"}
    text = f"{{{{ x | {name}{given_arguments.get(name, '')} | size }}}}"
    phrase = Phrase(TEXT.from_string(text), "f", 1)

    def render() -> None:
        with suppress(BrokenTemplate):
            phrase.render({"x": HOSTILE[kind] * (30_000 // len(HOSTILE[kind]))})

    render()
    assert calls_of(render) < 150_000, "which is five for each character"


@pytest.mark.parametrize(
    "text",
    [
        "{% for i in (1..300) %}{{ x | date: 'long' | size }}{% endfor %}",
        "{% for i in (1..300) %}{{ x | upcase | size }}{% endfor %}",
        "{% for i in (1..300) %}{% capture y %}{{ x }}{% endcapture %}{% endfor %}",
        "{% for i in (1..300) %}{% capture y %}{{ many }}{% endcapture %}{% endfor %}",
    ],
)
def test_one_text_may_do_so_much_and_no_more(text: str) -> None:
    values = {"x": "1." * 14_500, "many": Several(["a"] * 16_000)}
    for environment in (TEXT, HTML):
        with pytest.raises(BrokenTemplate, match=r"f:1: BadArgument: .* more than 3,000,000 characters; loop less"):
            Phrase(environment.from_string(text), "f", 1).render(values)
        short = {"x": "1 September 2026", "many": Several(["a"])}
        assert Phrase(environment.from_string(text), "f", 1).render(short) is not None, "and the next one has all of it again"


def test_a_long_letter_stays_within_it() -> None:
    row = "{{ i | append: ' thing' | capitalize }} {{ 24.9 | money: 'EUR' }} {{ '2026-09-01' | date: 'long' }}\n"
    shown = Phrase(HTML.from_string(f"{{% for i in (1..1000) %}}{row}{{% endfor %}}"), "f", 1).render({})
    assert shown.count("September") == 1000
