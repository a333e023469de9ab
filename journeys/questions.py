"""What a run asks before it goes on: questions that are answered from Postgres, once, by one line of its history.

Promise: as all contracts, neither question nor answer can hold personal data. Of what a customer answers a message, a history
hears a declared choice, or a number: what they tapped is the choice of that name; what they typed is one where it is only
its name or its title, and a number where it holds one. The same in production and simulation.
"""

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypeAlias
from uuid import UUID

from pydantic import BaseModel, Field

from journeys.contracts import Contract, Plain, Reason, unset
from journeys.gate.moment import Moment
from journeys.policies import Window
from segments import DefinitionError, Predicate, check_goal
from segments.language.wire import predicate_from_json

#: How what asks for an instant begins: whoever has the answer waits for it next.
WHEN = "when is it "


class Question(Contract):
    """A question about the run's customer at an instant. The subclass says which activity answers it, and with what."""

    activity: ClassVar[str]
    answer: ClassVar[Any]
    #: Where it is asked that is not answered at once, and how long an attempt may last there; none: where the journeys are.
    queue: ClassVar[str | None] = None
    longest: ClassVar[timedelta] = timedelta(seconds=30)

    run_id: UUID
    at: datetime
    version: str | None = Field(default=None, exclude_if=unset, description="the run's, of the catalogue")

    @property
    def summary(self) -> str:
        """What an operator reads of it in Temporal's UI."""
        return self.activity

    @property
    def what(self) -> str:
        """By what it is known again when a run is gone through a second time."""
        return self.summary


class Reached(Question):
    """Have these events happened since entry, or is another predicate true of the customer now?"""

    activity = "reached"
    answer = bool

    predicate: dict[str, Any]

    @property
    def summary(self) -> str:
        """With the predicate."""
        return f"{predicate_from_json(self.predicate)}?"

    @property
    def what(self) -> str:
        """Whatever was asked: a predicate may be worded anew."""
        return self.activity


def counts_events(predicate: Predicate) -> bool:
    """Whether it could be a goal: only events, so that "since entry" means something."""
    try:
        check_goal(predicate)
    except DefinitionError:
        return False
    return True


class IsIn(Question):
    """Is the customer in a segment, of the catalogue or of the API, now?"""

    activity = "is_in"
    answer = bool

    segment: str

    @property
    def summary(self) -> str:
        """With the segment's name."""
        return f"in {self.segment}?"


class Foretold(Contract):
    """What a prediction says of the customer, by which model and of when; nothing where it says nothing, or is not trusted.

    True where it says something.

    Attributes:
        score: A probability, an amount of money, or the share of messages that they answer where that is best.
        label: What they are sorted into: a kind, a channel, an hour of their day ("18").
        version: Of the model that scored.
        as_of: What had happened by then is what the score knows.
    """

    score: float | None = Field(default=None, exclude_if=unset)
    label: str | None = Field(default=None, exclude_if=unset)
    version: int | None = Field(default=None, exclude_if=unset)
    as_of: datetime | None = Field(default=None, exclude_if=unset)

    def __bool__(self) -> bool:
        return self.score is not None

    @property
    def told(self) -> str:
        """In words, for operators."""
        if self.score is None:
            return "nothing"
        return f"{self.label or f'{self.score:.4g}'}, by version {self.version}"


class Foretells(Question):
    """What does a prediction say of the customer now?"""

    activity = "foretold"
    answer: ClassVar[type[Foretold]] = Foretold

    prediction: str
    #: What it may sort into, known to the journey; not in its history. None: it sorts nobody.
    labels: tuple[str, ...] | None = Field(default=None, exclude=True, repr=False)

    @property
    def summary(self) -> str:
        """With its name."""
        return f"what {self.prediction} foretells"


class When(Question):
    """When does a moment on the customer's wall clock come next? Never, for a date that is over or a trait that is none."""

    activity = "when"
    answer = datetime | None

    moment: Moment
    zone: str = Field(description="of customers of whom nothing tells theirs (IANA name)")

    @property
    def summary(self) -> str:
        """With the moment."""
        return f"{WHEN}{self.moment}?"


class Opens(Question):
    """When is it next, on the customer's wall clock, between these hours?"""

    activity = "opens"
    answer = datetime | None

    window: Window
    zone: str = Field(description="of customers of whom nothing tells theirs (IANA name)")

    @property
    def summary(self) -> str:
        """With the hours."""
        return f"{WHEN}{self.window}?"


class Arm(Question):
    """In which arm of an experiment is the customer? Drawn once, by these shares, and written down with the exposure."""

    activity = "arm"
    answer = str

    experiment: str
    shares: dict[str, float]
    declared: bool = Field(default=False, exclude=True, description="by an `Experiment` of the author's; in no history")

    @property
    def summary(self) -> str:
        """With the experiment's name."""
        return f"arm of {self.experiment}"


class Chosen(Contract):
    """What a customer is given of a choice, one option for each dimension; nothing where none is allowed for them."""

    options: tuple[str, ...] = ()


class Choosing(Question):
    """Which option does the customer get? Drawn once for each time that it is asked, and written down with its propensity."""

    activity = "choose"
    answer: ClassVar[type[Chosen]] = Chosen

    number: int = Field(ge=1)
    choice: dict[str, Any] = Field(description="as it is declared: `journeys.deciding.options.Choice` as JSON")

    @property
    def name(self) -> str:
        """The choice's."""
        return str(self.choice["name"])

    @property
    def dimensions(self) -> list[list[str]]:
        """The options of each dimension, in order."""
        return [[name for name, _ in options] for _, options in self.choice["dimensions"]]

    @property
    def summary(self) -> str:
        """With the choice's name."""
        return f"choice of {self.name}"


class Looked(Contract):
    """What it is like where the customer is: what a journey may branch on, and why it is only what is declared otherwise."""

    reason: Reason | None = Field(default=None, exclude_if=unset, description="why the provider did not tell; None: it did")
    values: dict[str, Plain] = Field(default_factory=dict)


class Look(Question):
    """What is it like where the customer is, as a declared provider tells it?"""

    activity = "context"
    answer: ClassVar[type[Looked]] = Looked

    context: str
    #: Known to the journey; not in its history.
    gives: type[BaseModel] | None = Field(default=None, exclude=True, repr=False)
    otherwise: dict[str, Plain] = Field(default_factory=dict, exclude=True, repr=False)

    @property
    def summary(self) -> str:
        """With the context's name."""
        return f"context {self.context}"


#: A number as people write it, alone or as "9/10", "9 out of 10": what stands behind is the scale.
_NUMBER = re.compile(r"(?<![\w.,])([-\u2212]?\d{1,15}(?:[.,]\d{1,6})?)(?:\s*(?:/|out of|of|de|von|sur|su)\s*\d{1,15})?(?![\w])")


def _none(value: tuple[str, ...]) -> bool:
    return not value


#: What is shown on buttons and rows, each with the name that the author gave it; in all languages of a message.
Titles: TypeAlias = Sequence[tuple[str, str]]


class Understood(Contract):
    """What an answer came to; neither choice nor number: other words, which stay in Postgres."""

    choice: str | None = Field(default=None, exclude_if=unset)
    number: int | float | None = Field(default=None, exclude_if=unset)

    @property
    def told(self) -> str:
        """In words, for operators."""
        return self.choice or ("other words" if self.number is None else f"{self.number:g}")


class Understand(Question):
    """What did the customer answer to a message of the run, in the words that its author declared?"""

    activity = "understand"
    answer: ClassVar[type[Understood]] = Understood

    step: str
    occurrence: int
    choices: tuple[str, ...] = Field(default=(), exclude_if=_none)
    least: int | float | None = Field(default=None, exclude_if=unset)
    most: int | float | None = Field(default=None, exclude_if=unset)

    @property
    def summary(self) -> str:
        """With the message."""
        return f"what {self.step.replace(':', ' ', 1)} was answered"

    def of(self, choice: str | None, text: str, titles: Titles = ()) -> Understood:
        """What an answer comes to: what was tapped, or what was typed: a choice by its name, or by the title that it shows."""
        if choice is None:
            choice = next((each for each in self.choices if _same(each, text)), None) or self._titled(text, titles)
        if choice in self.choices:
            return Understood(choice=choice)
        return Understood(number=self._number(choice or text))

    def _titled(self, text: str, titles: Titles) -> str | None:
        """The choice that shows this title, where it is one alone."""
        meant = {name for title, name in titles if name in self.choices and _same(title, text)}
        return meant.pop() if len(meant) == 1 else None

    def _number(self, text: str) -> int | float | None:
        if self.least is None or self.most is None:
            return None
        found = _NUMBER.findall(unicodedata.normalize("NFKC", text))
        if len(found) != 1:
            return None
        written = found[0].replace("\u2212", "-").replace(",", ".")
        number = float(written) if "." in written else int(written)
        whole = isinstance(self.least, int) and isinstance(self.most, int)
        return number if self.least <= number <= self.most and not (whole and isinstance(number, float)) else None


def _same(one: str, other: str) -> bool:
    """Whether two texts say the same word; of those without a letter (emoji) every sign counts."""
    if plain := _plain(one):
        return plain == _plain(other)
    return unicodedata.normalize("NFKC", one).split() == unicodedata.normalize("NFKC", other).split() != []


def _plain(text: str) -> str:
    """Letters and figures, without case, accents, and all that stands between them."""
    letters = unicodedata.normalize("NFKD", text).casefold()
    return "".join(each for each in letters if each.isalnum())
