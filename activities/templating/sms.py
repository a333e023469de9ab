"""SMS templates, `<name>.sms.yaml`: a text, and into how many parts it may grow at most.

Promise: no message costs more parts than its template says; what is sure to be longer is refused when the catalogue is loaded,
what turns out longer for one customer is not sent. What an author sees of its length is the least that it can be.
"""

import unicodedata
from dataclasses import dataclass

from liquid.builtin.content import ContentNode

from activities.channels.message import SmsContent
from activities.channels.sms.parts import MOST_CHARACTERS, Size, foreign, size_of
from activities.templating.errors import BrokenTemplate, Problem
from activities.templating.fields import Compilation, Values, spoken
from activities.templating.language import Phrase
from activities.templating.source import Source, Text, read_yaml
from activities.templating.vocabulary import Vocabulary
from activities.templating.wish import ProductWish

_FIELDS = frozenset({"params", "product", "language", "text", "parts"})
#: As many as carriers join (3GPP TS 23.040 would allow 255), and no author means more.
_MOST_PARTS = 10


@dataclass(frozen=True, slots=True)
class SmsTemplate:
    """A text message to be; `least` is the size of what every customer gets of it."""

    file: str
    params: frozenset[str]
    wish: ProductWish | None
    language: str | None
    text: Phrase
    most_parts: int
    least: Size
    foreign: tuple[str, ...]

    @classmethod
    def read(cls, file: str, text: str, vocabulary: Vocabulary) -> "SmsTemplate":
        """From the file's text.

        Raises:
            TemplateError: the file cannot be used.
        """
        source = read_yaml(file, text)
        source.only(_FIELDS)
        making = Compilation(source, vocabulary)
        words, phrase = source.needed("text"), making.needed("text")
        always = _tidy("".join(node.text for node in phrase.template.nodes if isinstance(node, ContentNode)))
        most, least = _declared(source, making), size_of(always)
        making.problems += _too_long(source, words, always, most)
        template = cls(
            file=file,
            params=making.params,
            wish=making.wish,
            language=making.language(),
            text=phrase,
            most_parts=most,
            least=least,
            foreign=tuple(foreign(always)),
        )
        making.done()
        return template

    def measure(self) -> str:
        """How long it is at the least, and why so: for its author."""
        why = f", as the GSM alphabet lacks {' '.join(self.foreign[:5])}" if self.foreign else ""
        return f"at least {self.least}{why}; at most {self.most_parts}"

    def render(self, values: Values) -> SmsContent:
        """The text for one customer.

        Raises:
            BrokenTemplate: it cannot be rendered, or is too long.
        """
        text = _tidy(self.text.render(spoken(values, self.language)))
        size = size_of(text)
        if not text:
            raise BrokenTemplate(f"{self.file}:{self.text.line}: text is blank")
        if size.parts > self.most_parts or len(text) > MOST_CHARACTERS:
            raise BrokenTemplate(f"{self.file}:{self.text.line}: text has {size}; at most {self.most_parts} are allowed")
        return SmsContent(text=text, parts=size.parts)


def _tidy(text: str) -> str:
    """With composed letters, of which the GSM alphabet has some, and no white space around or at the ends of lines."""
    return "\n".join(line.rstrip() for line in unicodedata.normalize("NFC", text).strip().splitlines())


def _declared(source: Source, making: Compilation) -> int:
    said = source.text("parts")
    if said is None:
        return _MOST_PARTS
    if not said.value.isdecimal() or not 1 <= int(said.value) <= _MOST_PARTS:
        making.problems.append(Problem(source.file, said.line, f"parts must be a number from 1 to {_MOST_PARTS}"))
        return _MOST_PARTS
    return int(said.value)


def _too_long(source: Source, words: Text, always: str, most: int) -> list[Problem]:
    size = size_of(always)
    if size.parts <= most and len(always) <= MOST_CHARACTERS:
        return []
    lacking = foreign(always)
    remedy = f"write it without {' '.join(lacking[:5])}, or shorter" if lacking else "shorten it, or allow more by parts:"
    return [Problem(source.file, words.line, f"text has {size} for everybody, and at most {most} are allowed", remedy)]
