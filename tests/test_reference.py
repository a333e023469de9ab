"""docs/journeys.md is what the code says of the handle, the code shows each word, and each rule is told."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from journeys.check.reference import reference, words_of
from journeys.handle import Journey
from journeys.rules import SENTENCES, Rule
from workers.cli.main import app

PAGE = Path(__file__).parents[1] / "docs" / "journeys.md"
WORDS = {name: word for kind in Journey.__mro__ for name, word in words_of(kind).items()}


def test_the_page_is_what_the_code_says() -> None:
    assert PAGE.read_text() == reference(), "journeys reference > docs/journeys.md"


def test_the_command_prints_it() -> None:
    assert CliRunner().invoke(app, ["reference"]).output == reference()


@pytest.mark.parametrize("name", sorted(WORDS))
def test_a_word_has_its_place_and_an_example_that_says_it(name: str) -> None:
    _, _, example = (WORDS[name].__doc__ or "").partition("Example:\n")
    assert re.search(rf"\bj\.{name}\b", example), f"j.{name}: write an example under Example: in its docstring"
    assert f"### `j.{name}`" in reference()


def test_every_rule_of_check_and_lint_is_told() -> None:
    page = PAGE.with_name("authoring.md").read_text()
    assert [rule for rule in Rule if f"| `{rule}` | {SENTENCES[rule]} |" not in page] == []
