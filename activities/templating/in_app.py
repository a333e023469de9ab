"""In-app templates, `<name>.in-app.yaml`: title, body, a picture, up to three links, where it is shown and for how long.

Promise: title and body are never blank, and every address is one of the web or of the app by the time it is kept. The same file
serves a message to an inbox and content in a place of a page.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import cast, get_args

from activities.channels.message import Button, InAppContent, Placement
from activities.templating.errors import BrokenTemplate, Problem
from activities.templating.fields import Compilation, Values, spoken
from activities.templating.language import Phrase
from activities.templating.links import WEB
from activities.templating.push import address, filled
from activities.templating.source import Source, Text, read_yaml
from activities.templating.vocabulary import Vocabulary
from activities.templating.wish import ProductWish

_FIELDS = frozenset({"params", "product", "language", "title", "body", "image", "alt", "actions", "placement", "lives"})
_MOST_ACTIONS = 3
_USUAL_LIFE = timedelta(days=7)
_LIFE = re.compile(r"([1-9]\d{0,3}) (hour|day|week)s?")
_LONGEST_LIFE = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class InAppTemplate:
    """A message inside the app to be."""

    file: str
    params: frozenset[str]
    wish: ProductWish | None
    language: str | None
    title: Phrase
    body: Phrase
    image: Phrase | None
    alt: Phrase | None
    actions: tuple[tuple[Phrase, Phrase], ...]
    placement: Placement
    lives: timedelta

    @classmethod
    def read(cls, file: str, text: str, vocabulary: Vocabulary) -> "InAppTemplate":
        """From the file's text.

        Raises:
            TemplateError: the file cannot be used.
        """
        source = read_yaml(file, text)
        source.only(_FIELDS)
        making = Compilation(source, vocabulary, problems=_actions(source))
        template = cls(
            file=file,
            params=making.params,
            wish=making.wish,
            language=making.language(),
            title=making.needed("title"),
            body=making.needed("body"),
            image=making.link("image", schemes=WEB),
            alt=making.maybe("alt"),
            actions=tuple(
                (making.phrase(Text(name, link.line)), making.address(link, f"action {name}", None))
                for name, link in source.mapped("actions").items()
            ),
            placement=cast("Placement", making.one_of("placement", *get_args(Placement)) or "inbox"),
            lives=_lives(source, making),
        )
        making.done()
        return template

    def render(self, values: Values) -> InAppContent:
        """The message for one customer.

        Raises:
            BrokenTemplate: it cannot be rendered.
        """
        values = spoken(values, self.language)
        led = [(filled(name, values, "an action"), address(link, values, "an action", None)) for name, link in self.actions]
        return InAppContent(
            title=filled(self.title, values, "title"),
            body=_text(self.body, values),
            image=address(self.image, values, "image", WEB),
            alt=self.alt.render(values).strip() or None if self.alt else None,
            actions=tuple(Button(title=title, link=link) for title, link in led if link),
            placement=self.placement,
            language=self.language and self.language.replace("_", "-"),
            lives=self.lives,
        )


def _text(phrase: Phrase, values: Values) -> str:
    """A text of several lines that is not blank."""
    text = "\n".join(line.rstrip() for line in phrase.render(values).strip().splitlines())
    if not text:
        raise BrokenTemplate(f"{phrase.file}:{phrase.line}: body is blank")
    return text


def _actions(source: Source) -> list[Problem]:
    actions = source.mapped("actions")
    if len(actions) <= _MOST_ACTIONS:
        return []
    line = list(actions.values())[_MOST_ACTIONS].line
    return [Problem(source.file, line, f"a message has at most {_MOST_ACTIONS} actions, and there are {len(actions)}")]


def _lives(source: Source, making: Compilation) -> timedelta:
    text = source.text("lives")
    if text is None:
        return _USUAL_LIFE
    found = _LIFE.fullmatch(text.value.strip())
    span = timedelta(**{f"{found[2]}s": int(found[1])}) if found else None
    if span is None or span > _LONGEST_LIFE:
        wrong = f"lives must be a span such as 3 days (hours, days or weeks), a year at most, not {text.value[:50]!r}"
        making.problems.append(Problem(source.file, text.line, wrong))
        return _USUAL_LIFE
    return span
