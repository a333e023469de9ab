"""SMS templates: their length is counted, a declared maximum holds when the catalogue loads and again at the send."""

from pathlib import Path

import pytest

from activities.channels import SmsContent
from activities.templates import BrokenTemplate, Context, TemplateError, load_templates
from activities.templating.sms import SmsTemplate
from journeys.contracts import Channel


def read(folder: Path, text: str) -> SmsTemplate:
    file = folder / "catalogue" / "note.sms.yaml"
    file.parent.mkdir()
    file.write_text(text, encoding="utf-8")
    template = load_templates(file.parent).found[Channel.SMS, "note"]
    assert isinstance(template, SmsTemplate)
    return template


def sent(folder: Path, text: str, **customer: str) -> SmsContent:
    read(folder, text)
    content = load_templates(folder / "catalogue").render(Channel.SMS, "note", Context(customer=customer))
    assert isinstance(content, SmsContent)
    return content


def test_a_text_is_counted_as_it_is_sent(tmp_path: Path) -> None:
    said = "text: |\n  {{ customer.firstName }}, your order is ready.   \n\n  STOP to opt out.\n"
    content = sent(tmp_path, said, firstName="Ana")
    assert content == SmsContent(text="Ana, your order is ready.\n\nSTOP to opt out.", parts=1)


def test_decomposed_letters_of_data_cost_no_more_than_composed_ones(tmp_path: Path) -> None:
    assert sent(tmp_path, 'text: "{{ customer.firstName }}"', firstName="Begon\u0303a" * 20).parts == 1


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (f"text: {'a' * 161}\nparts: 1", "note.sms.yaml:1: text has 2 parts (161 units of GSM-7) for everybody, and at most 1"),
        (f"text: más {'a' * 70}\nparts: 1", "UCS-2) for everybody, and at most 1 are allowed; write it without á, or shorter"),
        (f"parts: 1\ntext: '{{{{ customer.phone }}}}{'a' * 161}'", "note.sms.yaml:2: text has 2 parts"),
        (f"text: {'a' * 1601}", "text has 11 parts"),
        ("text: hi\nparts: 0", "note.sms.yaml:2: parts must be a number from 1 to 10"),
        ("text: hi\nparts: two", "parts must be a number"),
        ("text: hi\nsegments: 1", "unknown field segments; known: language, params, parts, product, text"),
        ("text: ' '", "text is missing"),
        ("text: '{{ nobody.name }}'", "nobody"),
    ],
)
def test_what_is_sure_to_be_too_long_is_refused_when_the_catalogue_loads(tmp_path: Path, text: str, wrong: str) -> None:
    with pytest.raises(TemplateError) as caught:
        read(tmp_path, text)
    assert wrong in str(caught.value)


def test_what_only_some_customers_get_is_not_counted_for_all(tmp_path: Path) -> None:
    template = read(tmp_path, f"parts: 1\ntext: >-\n  Hi{{% if customer.company %}} {'é' * 200}á{{% endif %}}!")
    assert (template.least.parts, template.foreign) == (1, ())


def test_what_turns_out_too_long_is_not_sent(tmp_path: Path) -> None:
    said = "text: '{{ customer.firstName }}, your order is ready.'\nparts: 1"
    with pytest.raises(BrokenTemplate, match=r"note.sms.yaml:1: text has 3 parts .*; at most 1 are") as caught:
        sent(tmp_path, said, firstName="José " * 30 + "á")
    assert "José" not in str(caught.value)


def test_nobody_gets_an_empty_text(tmp_path: Path) -> None:
    with pytest.raises(BrokenTemplate, match="text is blank"):
        sent(tmp_path, "text: '{% if customer.company %}yours{% endif %}'")


def test_its_author_sees_how_long_it_is(tmp_path: Path) -> None:
    template = read(tmp_path, "text: 'Hi {{ customer.firstName }}, qué más'\nparts: 2")
    assert template.measure() == "at least 1 part (12 units of UCS-2), as the GSM alphabet lacks á; at most 2"
