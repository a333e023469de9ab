"""What customers answer, understood: by what they tapped, by a name that they typed, by a number of the range; nothing else."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.authoring import JourneyDefinition
from journeys.catalogue import load
from journeys.questions import Understand, Understood
from journeys.rules import Rule
from journeys.walk.graph import graph_of
from tests.extent import examples
from tests.journeys import test_refusals as refusals
from tests.journeys.test_refusals import examined, journey_of, told

package = refusals.package
MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)
SURE = {"sure__whatsapp__yaml": "text: Sure?\nbuttons: {yes-please: Yes, no-thanks: No}\n"}


def understood(text: str, choice: str | None = None, **asked: object) -> Understood:
    return Understand(run_id=UUID(int=1), at=MONDAY, step="whatsapp:q", occurrence=1, **asked).of(choice, text)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("9", 9), ("0", 0), ("10", 10), (" 9 ", 9), ("9/10", 9), ("8 out of 10", 8), ("un 7 de 10", 7), ("I'd say 3.", 3),
        ("\N{ARABIC-INDIC DIGIT SEVEN}", 7), ("\N{FULLWIDTH DIGIT NINE}", 9),
        ("9!!", 9), ("11", None), ("-1", None), ("7.5", None), ("7,5", None), ("", None), ("ten", None),
        ("3 or 4", None), ("v2", None), ("9th", None), ("999999999999999999999", None), ("call 600 111 222", None),
    ],
)  # fmt: skip
def test_a_number_is_one_that_stands_alone_and_is_in_the_range(text: str, number: int | None) -> None:
    assert understood(text, least=0, most=10) == Understood(number=number)


def test_a_range_of_fractions_takes_them_with_a_point_or_a_comma() -> None:
    assert [understood(text, least=0.0, most=5.0).number for text in ("4.5", "4,5", "5", "5.5")] == [4.5, 4.5, 5, None]


@pytest.mark.parametrize(
    ("text", "choice", "heard"),
    [
        ("Yes, please", "yes-please", "yes-please"),
        ("YES PLEASE!", None, "yes-please"),
        ("sí", None, "si"),
        ("yes", None, None),
        ("yes please call me", None, None),
        ("whatever", "of-an-older-message", None),
    ],
)
def test_a_choice_is_what_was_tapped_or_nothing_but_its_name(text: str, choice: str | None, heard: str | None) -> None:
    assert understood(text, choice, choices=("yes-please", "si")) == Understood(choice=heard)


TITLES = (
    ("Yes, please", "a"),
    ("Sí, por favor", "a"),
    ("👍", "a"),
    ("👎", "b"),
    ("Later", "b"),
    ("Later", "c"),
    ("Never", "d"),
)


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("yes please", "a"),
        ("¡SI, POR FAVOR!", "a"),
        (" 👍 ", "a"),
        ("👎", "b"),
        ("?!", None),
        ("", None),
        ("later", None),  # two of them
        ("never", None),  # none of the question's
        ("C", "c"),  # a name counts before a title
    ],
)
def test_a_title_that_is_typed_is_the_choice_that_shows_it(text: str, heard: str | None) -> None:
    asked = Understand(run_id=UUID(int=1), at=MONDAY, step="whatsapp:q", occurrence=1, choices=("a", "b", "c"))
    assert asked.of(None, text, (*TITLES, ("c", "b"))).choice == heard


def test_a_button_that_is_a_number_counts_as_one() -> None:
    assert understood("very likely", "9", least=0, most=10) == Understood(number=9)


@examples(300)
@given(st.text(max_size=40), st.none() | st.text(max_size=10))
def test_whatever_somebody_writes_a_history_hears_what_was_declared_or_nothing(text: str, choice: str | None) -> None:
    heard = understood(text, choice, choices=("yes", "no"), least=0, most=10)
    assert heard.choice in (None, "yes", "no")
    assert heard.number is None or 0 <= heard.number <= 10
    assert heard.choice is None or heard.number is None
    assert set(heard.model_dump(mode="json")) <= {"choice", "number"}


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("await j.ask('sure', choices=('yes-please',), within=timedelta(hours=1))", ""),
        ("await j.ask('sure', choices=('yes-plase',), within=timedelta(hours=1))", "no button or row yes-plase"),
        ("await j.ask('sur', within=timedelta(hours=1))", "there is no whatsapp template sur; did you mean sure?"),
        ("await j.ask('sure')", "j.ask"),
        ("j.ask('sure', within=timedelta(hours=1))", "await"),
        ("await j.ask('sure', within=timedelta(hours=1), by='push')", "nobody answers on by='push'"),
        ("await j.ask('sure', within=timedelta(hours=1), choices='yes')", "choices= are names"),
        ("await j.ask('sure', within=timedelta(hours=1), number=(10, 0))", "number= says the least and the most"),
        ("await j.track('Message Read')", "j.track takes the name of an event, not 'Message Read'"),
        ("await j.track('NPS Answered', tags=['a'])", "j.track: tags= is"),
    ],
)  # fmt: skip
def test_a_question_that_cannot_be_meant_is_refused_where_it_stands(package: Path, step: str, said: str) -> None:
    found = [text for text in told(package, journey_of(step), **SURE) if "warning" not in text]
    assert bool(found) is bool(said)
    assert all(said in text for text in found), found


def test_an_unknown_choice_has_a_rule_of_its_own(package: Path) -> None:
    step = "await j.ask('sure', choices=('maybe',), within=timedelta(hours=1))"
    [problem] = [each for each in examined(package, journey_of(step), **SURE).problems if each.rule is Rule.UNKNOWN_CHOICE]
    assert problem.remedy == "It has yes-please, no-thanks"


@pytest.fixture(scope="module")
def nps() -> JourneyDefinition:
    return load("conversation_catalogue").journeys["nps"]


def test_the_graph_tells_what_each_answer_leads_to(nps: JourneyDefinition) -> None:
    drawn = graph_of(nps)
    names = {node.id: node.what for node in drawn.nodes}
    leads = {(names[edge.source], edge.answer, names[edge.target]) for edge in drawn.edges}
    asked = "what whatsapp how-likely was answered"
    assert {
        ("wait for whatsapp how-likely answered, at most 2 d", "answered", asked),
        ("wait for whatsapp how-likely answered, at most 2 d", "in vain", "finished"),
        (asked, "any number", "track NPS Answered"),
        (asked, "other words", "finished"),
        ("track NPS Answered", f"{asked}: number from 9", "whatsapp thank-you"),
        ("track NPS Answered", f"{asked}: number up to 6", "whatsapp we-are-sorry"),
        ("track NPS Answered", f"{asked}: number 7 to 8", "finished"),
    } <= leads
    assert drawn.complete
