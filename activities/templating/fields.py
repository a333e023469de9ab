"""A template file's fields on the way: each becomes a phrase, and all problems of the file are gathered first.

Promise: an author sees all that is wrong with a file at once, in the order of its lines.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from liquid import Environment

from activities.channels.languages import locale_of
from activities.templating.dates import LANGUAGE
from activities.templating.errors import Problem, TemplateError
from activities.templating.language import TEXT, Phrase, compiled
from activities.templating.links import literal_fault, with_encoded_parameters
from activities.templating.source import Source, Text
from activities.templating.vocabulary import OFFERED, Vocabulary
from activities.templating.wish import ProductWish, wish_of


@dataclass
class Compilation:
    """One file on its way to a template."""

    source: Source
    vocabulary: Vocabulary
    extra: Iterable[str] = ()
    problems: list[Problem] = field(default_factory=list)
    wish: ProductWish | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.wish, wrong = wish_of(self.source)
        self.problems += wrong

    @property
    def params(self) -> frozenset[str]:
        """The params that the front matter declares."""
        return frozenset(text.value for text in self.source.listed("params"))

    def phrase(self, text: Text, environment: Environment = TEXT) -> Phrase:
        """A text as a phrase. One that cannot be compiled leaves a problem and stands empty until `done`."""
        # An unreadable wish is one problem, not one more for each variable.
        offers = "product" in self.source.fields
        other = {"bought": "added", "added": "bought"}[self.wish.to] if self.wish else None
        offered = {root: names for root, names in OFFERED.items() if root != other}
        roots = self.vocabulary.roots(self.params, self.extra) | (offered if offers else {})
        phrase, problems = compiled(environment, text.value, self.source.file, text.line, roots)
        self.problems += problems
        return phrase or Phrase(environment.from_string(""), self.source.file, text.line)

    def maybe(self, name: str) -> Phrase | None:
        """A field that may be absent."""
        text = self.source.text(name)
        return None if text is None else self.phrase(text)

    def needed(self, name: str) -> Phrase:
        """A field that must be there."""
        return self.phrase(self.source.needed(name))

    def link(self, name: str, *, schemes: frozenset[str] | None) -> Phrase | None:
        """A field that holds an address, checked as far as it is literal."""
        text = self.source.text(name)
        return None if text is None else self.address(text, name, schemes)

    def address(self, text: Text, name: str, schemes: frozenset[str] | None) -> Phrase:
        """An address, checked as far as it is literal."""
        wrong = literal_fault(text.value, schemes=schemes)
        if wrong:
            self.problems.append(Problem(self.source.file, text.line, f"{name} is not a valid link: {wrong}"))
        return self.phrase(Text(with_encoded_parameters(text.value), text.line))

    def one_of(self, name: str, *words: str) -> str | None:
        """A field that holds one of some words, or is absent."""
        text = self.source.text(name)
        if text is not None and text.value not in words:
            self.problems.append(Problem(self.source.file, text.line, f"{name} must be {' or '.join(words)}"))
        return text.value if text else None

    def matching(self, name: str, pattern: str, form: str) -> str | None:
        """A field that holds a text of this form, or is absent."""
        text = self.source.text(name)
        if text is not None and not re.fullmatch(pattern, text.value):
            self.problems.append(Problem(self.source.file, text.line, f"{name} must be {form}"))
        return text.value if text else None

    def language(self) -> str | None:
        """The language that the template is written in, where it says one."""
        text = self.source.text("language")
        if text is not None and locale_of(text.value) is None:
            self.problems.append(Problem(self.source.file, text.line, "language must be a code such as en or es_ES"))
        return text.value if text else None

    def done(self) -> None:
        """Tell what was wrong.

        Raises:
            TemplateError: something was.
        """
        if self.problems:
            raise TemplateError(*self.problems)


Values = Mapping[str, Any]


def spoken(values: Values, language: str | None) -> Values:
    """The values, for a text in this language, or in the customer's."""
    return values if language is None else {**values, LANGUAGE: language}
