"""Push templates, `<name>.push.yaml`: title and body, a picture, a deep link, data for the app, and how it is shown.

Promise: title and body are never blank, and picture and link are addresses by the time they leave. What no provider takes
(data under a provider's own name, more than 4,096 bytes of literal text) is refused when the catalogue is loaded.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from activities.channels.email.mime import one_line
from activities.channels.message import PushContent
from activities.channels.push.size import LIMIT, reserved
from activities.templating.errors import BrokenTemplate, Problem
from activities.templating.fields import Compilation, Values, spoken
from activities.templating.language import Phrase
from activities.templating.links import WEB, fault, literal_of, repaired
from activities.templating.source import Source, Text, read_yaml
from activities.templating.vocabulary import Vocabulary
from activities.templating.wish import ProductWish

_SHOWN = frozenset({"title", "body", "image", "link", "data"})
_HOW = frozenset({"click_action", "priority", "sound", "badge", "category", "collapse", "mutable"})
_FIELDS = frozenset({"params", "product", "language"}) | _SHOWN | _HOW
#: Names that apps and providers have for things of their own: no spaces, and few letters.
_NAME = r"[\w.\-]{1,100}"


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
    data: Mapping[str, Phrase]
    badge: Phrase | None
    collapse: Phrase | None
    click_action: str | None
    priority: Literal["high", "normal"]
    sound: str | None
    category: str | None
    mutable: bool

    @classmethod
    def read(cls, file: str, text: str, vocabulary: Vocabulary) -> "PushTemplate":
        """From the file's text.

        Raises:
            TemplateError: the file cannot be used.
        """
        source = read_yaml(file, text)
        source.only(_FIELDS)
        making = Compilation(source, vocabulary, problems=[*_taken(source), *too_long(source, _SHOWN, LIMIT)])
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
            data={name: making.phrase(value) for name, value in source.mapped("data").items()},
            badge=making.maybe("badge"),
            collapse=making.maybe("collapse"),
            click_action=action.value if action else None,
            priority=priority(making, "high"),
            sound=making.matching("sound", _NAME, "`default` or the name of a sound in the app"),
            category=making.matching("category", _NAME, "the name of a category in the app (a channel on Android)"),
            mutable=making.one_of("mutable", "true", "false") == "true",
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
            data={name: phrase.render(values) for name, phrase in self.data.items()},
            badge=_number(self.badge, values),
            collapse=None if self.collapse is None else filled(self.collapse, values, "collapse"),
            click_action=self.click_action,
            priority=self.priority,
            sound=self.sound,
            category=self.category,
            mutable=self.mutable,
        )


def priority(making: Compilation, usual: Literal["high", "normal"]) -> Literal["high", "normal"]:
    """How urgent a notification is: as usual, unless it says otherwise."""
    return cast('Literal["high", "normal"]', making.one_of("priority", "high", "normal") or usual)


def too_long(source: Source, names: frozenset[str], limit: int) -> list[Problem]:
    """Whether what a file holds whatever the values are is already more than a provider takes."""
    texts = [text for name in sorted(names) for text in _texts(source.fields.get(name))]
    size = sum(len(literal_of(text.value).encode()) for text in texts)
    if size <= limit:
        return []
    line = max(texts, key=lambda text: len(text.value)).line
    return [Problem(source.file, line, f"it has {size} bytes of text without the values, and {limit} is the most; shorten it")]


def _texts(field: object) -> list[Text]:
    if isinstance(field, dict):
        found = [(name, value) for name, value in field.items() if isinstance(value, Text)]
        return [text for name, value in found for text in (Text(name, value.line), value)]
    return [field] if isinstance(field, Text) else []


def _taken(source: Source) -> list[Problem]:
    told, data = "data may not be called so: providers, or we, use the name themselves", source.mapped("data")
    return [Problem(source.file, text.line, f"{name}: {told}") for name, text in data.items() if reserved(name)]


def _number(phrase: Phrase | None, values: Values) -> int | None:
    if phrase is None:
        return None
    text = phrase.render(values).strip()
    if not text.isascii() or not text.isdigit() or len(text) > 9:  # noqa: PLR2004 - digits of a 32-bit number
        raise BrokenTemplate(f"{phrase.file}:{phrase.line}: badge is not a whole number")
    return int(text)


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
