"""Show 4 of issue 7: whatever stands in any trait that any template shows, each message has the same shape (A1)."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trial_catalogue
from hypothesis import given
from hypothesis import strategies as st
from liquid import BoundTemplate

import definitions
from activities.channels import EmailContent, PushContent, Smtp, WhatsAppContent
from activities.channels.email.letter import letter
from activities.channels.email.mime import printable
from activities.templates import BrokenTemplate, Context, Templates, load_templates
from activities.templating.email import EmailTemplate
from activities.templating.vocabulary import Vocabulary
from journeys.catalogue import load
from journeys.contracts import Channel
from tests.activities.channels.outgoing import SENDER, to
from tests.activities.channels.reader import Letter, read
from tests.activities.channels.test_letter import EVIL, NAMES
from tests.extent import examples, scaled
from workers.sandbox import running_sandbox

OUT = "https://shop.example/u/token"
CATALOGUES = [
    load_templates(Path(next(iter(package.__path__))), Vocabulary().extended(fetched=load(package.__name__).fetched))
    for package in (definitions, trial_catalogue)
]
TEMPLATES = [(catalogue, *key) for catalogue in CATALOGUES for key in catalogue.found]
IDS = [f"{channel.value}-{name}-{n}" for n, (_, channel, name) in enumerate(TEMPLATES)]
#: What stands in links has to be one; anything else there is a broken template, and that is tested with the links.
PLACES = {"image_url", "url", "avatar"}

evil = st.lists(st.sampled_from(EVIL) | st.text(max_size=30), min_size=1, max_size=5).map("".join)


def names(template: object) -> Iterator[tuple[str, str]]:
    """The variables that a template's phrases name: root and first name."""
    for field in getattr(template, "__slots__", ()):
        value = getattr(template, field)
        for each in value if isinstance(value, tuple) else (value,):
            phrase = each[1] if isinstance(each, tuple) else each
            compiled = getattr(phrase, "template", None)
            if isinstance(compiled, BoundTemplate):
                for variables in compiled.analyze().globals.values():
                    yield from ((str(v.segments[0]), str(v.segments[1])) for v in variables if len(v.segments) > 1)


def context(template: object, draw: Any) -> Context:
    """Something evil for every variable that the template names."""
    told: dict[str, dict[str, Any]] = {"customer": {}, "entry": {}, "params": {}}
    for root, name in sorted(set(names(template))):
        if root in told:
            told[root][name] = "https://cdn.example/a.jpg" if name in PLACES else draw(evil)
    told["entry"].pop("price", None)  # a number
    return Context(**told, unsubscribe_url=OUT, confirm_url=OUT)


def shape(strict: Letter) -> tuple[list[str], list[list[tuple[str, str]]]]:
    return strict.names, [part.headers[:1] for part in strict.parts]


@pytest.mark.parametrize(("catalogue", "channel", "name"), TEMPLATES, ids=IDS)
@examples(25)
@given(data=st.data())
def test_every_template_keeps_its_shape_whatever_the_traits_hold(
    catalogue: Templates, channel: Channel, name: str, data: st.DataObject
) -> None:
    told = context(catalogue.found[channel, name], data.draw)
    try:
        content = catalogue.render(channel, name, told)
    except BrokenTemplate as broken:  # a text that is blank or has too many parts, or no link: not sent at all
        assert re.search("is blank|valid|no value|at most", broken.detail)  # noqa: PT017
        return
    match content:
        case EmailContent():
            strict = read(letter(to("ana@mail.example", content), content, SENDER, {}))
            kinds = [[("Content-Type", f"text/{kind}; charset=utf-8")] for kind in ("plain", "html")]
            assert shape(strict) == ([name for name in NAMES if content.unsubscribe_url or "List-" not in name], kinds)
            tags = re.findall(r"<[a-zA-Z/!][^>]*>", re.sub(r'="[^"]*"', "", strict.parts[1].text))
            plain = catalogue.render(channel, name, innocent(told))
            assert isinstance(plain, EmailContent)
            assert tags == re.findall(r"<[a-zA-Z/!][^>]*>", re.sub(r'="[^"]*"', "", plain.html))
        case PushContent():
            assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", content.title + content.body)
            assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "".join(content.data.values()))
        case WhatsAppContent():
            assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]|    ", "".join(content.body.texts))


def innocent(told: Context) -> Context:
    """The same variables with harmless values where there was something to see."""
    roots = {"customer": told.customer, "entry": told.entry, "params": told.params}
    harmless = {
        root: {n: v if n in PLACES else "x" for n, v in values.items() if printable(v).strip()}
        for root, values in roots.items()
    }
    return Context(**harmless, unsubscribe_url=OUT, confirm_url=OUT)


async def test_the_relay_takes_every_letter_and_sees_the_same_headers(tmp_path: Path) -> None:
    emails = [(c, n, t) for c, channel, n in TEMPLATES if isinstance(t := c.found[channel, n], EmailTemplate)]
    assert emails
    async with running_sandbox(tmp_path) as sandbox:
        smtp = Smtp(f"smtp://{sandbox.smtp_host}:{sandbox.smtp_port}", SENDER)
        for catalogue, name, template in emails:
            for text in EVIL[: scaled(8, len(EVIL))]:
                told = context(template, lambda _, text=text: f"Ana {text}")
                content = catalogue.render(Channel.EMAIL, name, told)
                await smtp.send(to("ana@mail.example", content))
                seen = sandbox.messages[-1]
                assert isinstance(content, EmailContent)
                headers = [header for header, _ in seen.raw["headers"]]
                assert [h for h in headers if h != "traceparent"] == [
                    h for h in NAMES if content.unsubscribe_url or "List-" not in h
                ]
                assert seen.title == content.subject
                assert (seen.to, seen.html is not None) == ("ana@mail.example", True)
        await smtp.close()
