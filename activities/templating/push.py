"""Push templates, `<name>.push.yaml`: title and body, a picture, a deep link, and data for the app.

Promise: title and body are never blank, and picture and link are addresses by the time they leave.
"""

from dataclasses import dataclass

from activities.channels.email.mime import one_line
from activities.channels.message import PushContent
from activities.templating.errors import BrokenTemplate
from activities.templating.fields import Compilation, Values, spoken
from activities.templating.language import Phrase
from activities.templating.links import WEB, fault, repaired
from activities.templating.source import read_yaml
from activities.templating.vocabulary import Vocabulary
from activities.templating.wish import ProductWish

_FIELDS = frozenset({"params", "product", "language", "title", "body", "image", "link", "click_action", "data"})


@dataclass(frozen=True, slots=True)
class PushTemplate:
    """A push message to be."""

    file: str
    params: frozenset[str]
    wish: ProductWish | None
    language: str | None
    title: Phrase
    body: Phrase
    image: Phrase | None
    link: Phrase | None
    click_action: str | None
    data: tuple[tuple[str, Phrase], ...]

    @classmethod
    def read(cls, file: str, text: str, vocabulary: Vocabulary) -> "PushTemplate":
        """From the file's text.

        Raises:
            TemplateError: the file cannot be used.
        """
        source = read_yaml(file, text)
        source.only(_FIELDS)
        making = Compilation(source, vocabulary)
        action = source.text("click_action")
        template = cls(
            file=file,
            params=making.params,
            wish=making.wish,
            language=making.language(),
            title=making.needed("title"),
            body=making.needed("body"),
            image=making.link("image", schemes=WEB),
            link=making.link("link", schemes=None),
            click_action=action.value if action else None,
            data=tuple((name, making.phrase(value)) for name, value in source.mapped("data").items()),
        )
        making.done()
        return template

    def render(self, values: Values) -> PushContent:
        """The notification for one customer.

        Raises:
            BrokenTemplate: it cannot be rendered.
        """
        values = spoken(values, self.language)
        return PushContent(
            title=filled(self.title, values, "title"),
            body=filled(self.body, values, "body"),
            image=address(self.image, values, "image", WEB),
            link=address(self.link, values, "link", None),
            click_action=self.click_action,
            data={name: phrase.render(values) for name, phrase in self.data},
        )


def filled(phrase: Phrase, values: Values, name: str) -> str:
    """A text on one line that is not blank (WhatsApp refuses line breaks, tabs and runs of spaces in a parameter)."""
    text = one_line(phrase.render(values))
    if not text:
        raise BrokenTemplate(f"{phrase.file}:{phrase.line}: {name} is blank")
    return text


def address(phrase: Phrase | None, values: Values, name: str, schemes: frozenset[str] | None) -> str | None:
    """An address, or nothing where the template leaves it empty."""
    if phrase is None:
        return None
    text = repaired(phrase.render(values))
    wrong = fault(text, schemes=schemes) if text else None
    if wrong:
        raise BrokenTemplate(f"{phrase.file}:{phrase.line}: {name} is not a valid link: {wrong}")
    return text or None
