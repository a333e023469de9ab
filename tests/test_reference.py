"""docs/journeys.md is what the code says of the handle, the code shows each word, and each rule is told."""

import json
import re
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

import journeys
import segments
import workers.reference
from activities.templates import load_templates
from api.agents.answers import LARGEST, size
from api.agents.reference import PAGE as SHIPPED
from api.agents.reference import shipped
from journeys.check.reference import reference, words_of
from journeys.contracts import Channel
from journeys.handle import Journey
from journeys.rules import SENTENCES, Rule
from segments.language.wire import predicate_from_json, readers
from workers.cli.main import app
from workers.reference import declared
from workers.reference.page import page, sections
from workers.reference.segments import examples

PAGE = Path(__file__).parents[1] / "docs" / "journeys.md"
PICTURE = Path(__file__).with_name("trial_catalogue") / "card.wallet.icon.png"
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


def test_the_whole_page_is_what_the_code_says_and_the_one_that_ships() -> None:
    whole = PAGE.with_name("reference.md")
    assert whole.read_text() == page(get_command(app)), "journeys reference --all > docs/reference.md"
    assert SHIPPED.resolve() == whole
    assert CliRunner().invoke(app, ["reference", "--all"]).output == whole.read_text()


def test_what_a_journey_is_declared_with_is_told_and_a_least_template_of_each_channel_loads(tmp_path: Path) -> None:
    told = "".join(each.text for each in declared.sections())
    words = set(journeys.__all__) - set(segments.__all__)
    given = {
        "Around",
        "CatalogueError",
        "Channel",
        "Decided",
        "Fetched",
        "InvalidParams",
        "Journey",
        "JourneyDefinition",
        "JourneyError",
    }
    given |= {"Outcome", "Purpose", "Reason", "Receipt"}  # what the engine gives, and what it raises
    given |= {"Audience", "BucketDestination", "HttpDestination", "MetaAudience"}  # docs/audiences.md
    given |= {
        "DerivedTrait",
        "Each",
        "Earlier",
        "Minor",
        "Number",
        "Persona",
        "Signed",
        "Source",
        "Takes",
        "WebhookSource",
    }  # docs/sources.md
    given |= {"shopify", "stripe"}
    assert words - set(re.findall(r"^### `(\w+)`", told, re.MULTILINE)) == given & words
    assert "quiet_hours: QuietHours | None=None" in told
    assert "`ana.got(step: str" in told
    templates = (Path(workers.reference.__file__).with_name("templates.md")).read_text()
    files = re.findall(r"^`(hello\.[\w.-]+)`.*?^```\w+\n(.*?)^```", templates, re.MULTILINE | re.DOTALL)
    (tmp_path / "shop").mkdir()
    for name, text in files:
        (tmp_path / "shop" / name).write_text(text)
    (tmp_path / "shop" / "hello.wallet.icon.png").write_bytes(PICTURE.read_bytes())
    loaded = load_templates(tmp_path / "shop")
    channels = {Channel.WEB_PUSH, Channel.WHATSAPP, Channel.EMAIL, Channel.SMS, Channel.IN_APP, Channel.WALLET}
    assert {channel for channel, name in loaded.found if name == "hello"} == channels


def test_every_section_is_read_back_and_fits_into_one_answer_of_an_agent() -> None:
    made = {each.name: each for each in sections(get_command(app))}
    assert dict(shipped()) == made
    assert [name for name, each in made.items() if size(each.text) > LARGEST - 1_000] == []
    assert [
        {"name", "title", "text"} == each.keys() for each in json.loads(CliRunner().invoke(app, ["reference", "--json"]).output)
    ]


def test_every_kind_of_predicate_and_every_word_of_segments_has_an_example() -> None:
    shown = [predicate.to_json() for _, predicate in examples()]
    used = {keys for keys in readers() for plain in shown if _has(plain, set(keys.split()))}
    ours = {keys for keys, kind in readers().items() if kind.__module__.startswith("segments.")}  # a test may add another
    assert ours - used == {"any"}, "write an example into workers/reference/segments.md"
    python = " ".join(line for line, _ in examples())
    spans = {"days", "hours", "minutes", "weeks"}  # of Python alone: in JSON they are seconds
    inner = {"day", "epoch", "number", "check_goal", "position_in", "position_of", "postcode", "region"}
    words = {name for name in segments.__all__ if name[0].islower()}
    assert {name for name in words if not re.search(rf"\b{name}\b", python)} <= spans | inner
    for plain in shown:
        assert predicate_from_json(plain).to_json() == plain


def _has(plain: object, keys: set[str]) -> bool:
    if isinstance(plain, dict):
        return keys <= plain.keys() or any(_has(each, keys) for each in plain.values())
    return isinstance(plain, list) and any(_has(each, keys) for each in plain)
