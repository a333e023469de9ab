"""WhatsApp templates, `<name>.whatsapp.yaml`: the name approved by Meta, its language, and what fills its gaps.

Promise: no gap is filled with nothing, because Meta refuses the whole message then.
"""

import re
from dataclasses import dataclass

from activities.channels.message import WhatsAppContent
from activities.templating.errors import Problem
from activities.templating.fields import Compilation, Values, spoken
from activities.templating.language import Phrase
from activities.templating.links import WEB, repaired
from activities.templating.push import address, filled
from activities.templating.source import Source, read_yaml
from activities.templating.vocabulary import Vocabulary
from activities.templating.wish import ProductWish

_FIELDS = frozenset({"params", "product", "template", "language", "header_image", "body", "button_url_suffix"})
_NAME = re.compile(r"[a-z0-9_]{1,512}\Z")
_LANGUAGE = re.compile(r"[a-z]{2,3}(_[A-Z]{2,3})?\Z")


@dataclass(frozen=True, slots=True)
class WhatsAppTemplate:
    """A template message to be."""

    file: str
    params: frozenset[str]
    wish: ProductWish | None
    template: str
    language: str
    header_image: Phrase | None
    body: tuple[Phrase, ...]
    button_url_suffix: Phrase | None

    @classmethod
    def read(cls, file: str, text: str, vocabulary: Vocabulary) -> "WhatsAppTemplate":
        """From the file's text.

        Raises:
            TemplateError: the file cannot be used.
        """
        source = read_yaml(file, text)
        source.only(_FIELDS)
        making = Compilation(source, vocabulary, problems=_names(source))
        template = cls(
            file=file,
            params=making.params,
            wish=making.wish,
            template=source.needed("template").value,
            language=source.needed("language").value,
            header_image=making.link("header_image", schemes=WEB),
            body=tuple(making.phrase(value) for value in source.listed("body")),
            button_url_suffix=making.maybe("button_url_suffix"),
        )
        making.done()
        return template

    def render(self, values: Values) -> WhatsAppContent:
        """The gaps for one customer.

        Raises:
            BrokenTemplate: one cannot be filled.
        """
        suffix, values = self.button_url_suffix, spoken(values, self.language)
        return WhatsAppContent(
            template=self.template,
            language=self.language,
            header_image=address(self.header_image, values, "header_image", WEB),
            body=tuple(filled(phrase, values, f"{{{{{place}}}}}") for place, phrase in enumerate(self.body, 1)),
            button_url_suffix=None if suffix is None else repaired(filled(suffix, values, "button_url_suffix")),
        )


def _names(source: Source) -> list[Problem]:
    rules = {"template": (_NAME, "small letters, digits and _"), "language": (_LANGUAGE, "a code such as en or es_ES")}
    return [
        Problem(source.file, text.line, f"{name} must be {rule}")
        for name, (pattern, rule) in rules.items()
        for text in [source.needed(name)]
        if not pattern.match(text.value)
    ]
