"""What `journeys check` says of messages that cannot be meant: a category for others, marketing without a way out."""

from pathlib import Path

import pytest

from journeys.rules import Rule
from tests.journeys import test_refusals as refusals
from tests.journeys.test_refusals import examined, journey_of, told

package = refusals.package
BILL = {"bill__whatsapp__yaml": "template: bill\nlanguage: en\ncategory: utility\n"}


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("await j.whatsapp('bill', transactional=True)", ""),
        (
            "await j.whatsapp('bill')",
            "a marketing message by the template bill, which is of the category utility",
        ),
    ],
)
def test_a_category_for_other_messages_is_refused_where_the_message_is_sent(package: Path, step: str, said: str) -> None:
    found = [text for text in told(package, journey_of(step), **BILL) if not text.startswith("1: warning")]
    assert len(found) == bool(said)
    assert all(said in text and text.startswith("3: journey trial: ") for text in found)
    assert {each.rule for each in examined(package, journey_of(step), **BILL).problems} <= {Rule.TEMPLATE_CATEGORY}


def letter(out: str = "", purpose: str = "transactional", language: str = "") -> str:
    front = f"---\nsubject: Your bill\npurpose: {purpose}\n{language}---\n"
    return f"{front}<mjml><mj-body><mj-section><mj-column><mj-text>Hi {out}</mj-text></mj-column></mj-section></mj-body></mjml>"


LINK = '<a href="{{ unsubscribe_url }}">no more</a>'
BILLS = {
    "no link": {"bill__email__mjml": letter()},
    "a link": {"bill__email__mjml": letter(LINK)},
    "no link in its text": {"bill__email__mjml": letter(LINK), "bill__email__txt": "Hi"},
    "no link in Spanish": {
        "bill__email__mjml": letter(LINK, language="language: en\n"),
        "bill__es__email__mjml": letter(),
    },
}
ONCE = "await j.email('bill')"


@pytest.mark.parametrize(
    ("files", "step", "refused"),
    [
        ("no link", ONCE, True),
        ("a link", ONCE, False),
        ("no link in its text", ONCE, True),
        ("no link in Spanish", ONCE, True),
        ("no link", "await j.email('bill', transactional=True)", False),
        (
            "no link",
            "if await j.reached(did('Paid')):\n        await j.email('bill', transactional=True)\n    else:\n        " + ONCE,
            True,
        ),
    ],
)
def test_marketing_by_a_letter_that_was_written_as_none_needs_a_way_out(
    package: Path, files: str, step: str, refused: bool
) -> None:
    found = [each for each in examined(package, journey_of(step), **BILLS[files]).problems if each.rule is Rule.NO_WAY_OUT]
    assert [Path(each.file).read_text().splitlines()[each.line - 1].strip() for each in found] == [ONCE] * refused
    for each in found:
        assert each.text.startswith("journey trial: a marketing message by the template bill, whose text does not link to")
        assert ".email.mjml)" in each.text
        assert "transactional=True" in each.remedy


def test_what_is_wrong_with_a_template_names_it_its_field_and_what_to_write(package: Path) -> None:
    push = 'title: "{{ %s }}"\nbody: there\n'
    for files, said in (
        (
            {"x__push__yaml": "title: Hi\nbody: '{{ params.left }}'\nparams: [left]\n"},
            "the push template x (refused_catalogue/x.push.yaml): the journey does not pass left",
        ),
        (
            {"x__push__yaml": "title: Hi\n"},
            "body is missing; write the field body: in refused_catalogue/x.push.yaml, beside title:",
        ),
        ({"x__push__yaml": push % "customer.firstName | defualt: 'you'"}, "unknown filter defualt; did you mean default?"),
        (
            {"x__push__yaml": push % "entry.discount.limit"},
            "'limit' is a word of Liquid's own, and here the name of a field; write entry.discount['limit']",
        ),
    ):
        found = told(package, journey_of("await j.push('x')"), **files)
        assert [text for text in found if said in text], found


def test_a_field_of_the_entering_events_model_is_known_to_templates(package: Path) -> None:
    above = "from pydantic import BaseModel\nclass Answer(BaseModel):\n    score: int = 1\n"
    source = journey_of("await j.push('x')", above=above).replace("j: Journey", "j: Journey[Answer]")
    assert told(package, source, x__push__yaml="title: '{{ entry.score }}'\nbody: b\n") == []
