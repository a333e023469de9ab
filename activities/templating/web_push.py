"""Web push templates, `<name>.web-push.yaml`: title and body, pictures, a link, up to two buttons, and how it is shown.

Promise: title and body are never blank, and every address is one of the web by the time it leaves. What no push service takes
(more than 3,993 bytes of literal text) is refused when the catalogue is loaded.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from activities.channels.message import Button, WebPushContent
from activities.channels.web_push.encryption import LIMIT
from activities.templating.errors import Problem
from activities.templating.fields import Compilation, Values, spoken
from activities.templating.language import Phrase
from activities.templating.links import WEB
from activities.templating.push import address, filled, priority, too_long
from activities.templating.source import Source, read_yaml
from activities.templating.vocabulary import Vocabulary
from activities.templating.wish import ProductWish

_PICTURES = ("link", "image", "icon", "badge")
_SHOWN = frozenset({"title", "body", "buttons", "data", *_PICTURES})
_FIELDS = frozenset({"params", "product", "language", "priority", "collapse", "stays"}) | _SHOWN
#: Browsers show no more.
_MOST_BUTTONS = 2


@dataclass(frozen=True, slots=True)
class WebPushTemplate:
    """A notification in a browser to be."""

    file: str
    params: frozenset[str]
    wish: ProductWish | None
    language: str | None
    title: Phrase
    body: Phrase
    addresses: Mapping[str, Phrase | None]
    buttons: tuple[tuple[str, Phrase], ...]
    data: Mapping[str, Phrase]
    collapse: Phrase | None
    priority: Literal["high", "normal"]
    stays: bool

    @classmethod
    def read(cls, file: str, text: str, vocabulary: Vocabulary) -> "WebPushTemplate":
        """From the file's text.

        Raises:
            TemplateError: the file cannot be used.
        """
        source = read_yaml(file, text)
        source.only(_FIELDS)
        making = Compilation(source, vocabulary, problems=[*_buttons(source), *too_long(source, _SHOWN, LIMIT)])
        template = cls(
            file=file,
            params=making.params,
            wish=making.wish,
            language=making.language(),
            title=making.needed("title"),
            body=making.needed("body"),
            addresses={name: making.link(name, schemes=WEB) for name in _PICTURES},
            buttons=tuple((n, making.address(link, f"button {n}", WEB)) for n, link in source.mapped("buttons").items()),
            data={name: making.phrase(value) for name, value in source.mapped("data").items()},
            collapse=making.maybe("collapse"),
            priority=priority(making, "normal"),
            stays=making.one_of("stays", "true", "false") == "true",
        )
        making.done()
        return template

    def render(self, values: Values) -> WebPushContent:
        """The notification for one customer.

        Raises:
            BrokenTemplate: it cannot be rendered.
        """
        values = spoken(values, self.language)
        led = [(title, address(link, values, f"button {title}", WEB)) for title, link in self.buttons]
        return WebPushContent(
            title=filled(self.title, values, "title"),
            body=filled(self.body, values, "body"),
            **{name: address(phrase, values, name, WEB) for name, phrase in self.addresses.items()},
            buttons=tuple(Button(title=title, link=link) for title, link in led if link),
            data={name: phrase.render(values) for name, phrase in self.data.items()},
            collapse=None if self.collapse is None else filled(self.collapse, values, "collapse"),
            priority=self.priority,
            stays=self.stays,
        )


def _buttons(source: Source) -> list[Problem]:
    buttons = source.mapped("buttons")
    if len(buttons) <= _MOST_BUTTONS:
        return []
    line = list(buttons.values())[_MOST_BUTTONS].line
    return [Problem(source.file, line, f"browsers show {_MOST_BUTTONS} buttons, and there are {len(buttons)}")]
