"""How to reach each customer, as it is declared: the channel, or the hour of their day, at which they answer most.

Promise: pure. What is learned is the share of their messages that a customer answers, drawn towards that of all customers as
far as little is known of them; of whom no option is surely better than the next is sorted into none.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from json import loads
from typing import Any, ClassVar

from segments.errors import DefinitionError
from segments.language.words import span_in_words
from segments.leaves.crossed import Foretold
from segments.leaves.did import Did
from segments.leaves.reach import WRITTEN_ON, check_channel
from segments.predictions.declared import Declared, no_scores, predicate_at
from segments.predictions.features import Feature
from segments.predictions.messaged import HOURS, Messaged, Messages
from segments.predictions.reasons import Reason, unchanged
from segments.time.hours import Home

_MOST_SURE = 0.99


@dataclass(frozen=True)
class Best(Declared):
    """What `BestChannel` and `BestHour` have alike.

    Attributes:
        by: What counts as an answer: `"opened"`, `"clicked"` (or replied), `"answered"`, or an event that follows.
        within: How old messages can be that count.
        soon: How soon after a message its answer has to come.
        sure: How probable it has to be that it is better than the next best, before a customer is sorted.
    """

    sorts: ClassVar[bool] = True
    spans: ClassVar[tuple[str, ...]] = ("within", "soon", *Declared.spans)
    meant: ClassVar[tuple[str, ...]] = ("kind", "of", "by", "within", "soon", "channels", "zone")
    keys: ClassVar[tuple[str, ...]] = ("by", "sure")
    #: Whether the last option stands beside the first one.
    circular: ClassVar[bool] = False

    by: str | Did = field(default="clicked", kw_only=True)
    within: timedelta = field(default=timedelta(days=180), kw_only=True)
    soon: timedelta = field(default=timedelta(days=3), kw_only=True)
    sure: float = field(default=0.8, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            _ = self.messages
        except DefinitionError as error:
            raise error.within(self.place) from None
        if isinstance(self.sure, bool) or not 0 <= self.sure <= _MOST_SURE:
            raise DefinitionError(f"{self.place}, sure", f"is a probability, 0 to {_MOST_SURE}, not {self.sure!r}")

    @property
    def options(self) -> tuple[str, ...]:
        """Between which it sorts."""
        raise NotImplementedError

    @property
    def labels(self) -> tuple[str, ...]:
        """The same."""
        return self.options

    @property
    def home(self) -> Home | None:
        """By whose hours it sorts."""
        return None

    @cached_property
    def messages(self) -> Messages:
        """What is counted."""
        return Messages(self.by, self.within, self.soon, self.home)

    @property
    def columns(self) -> tuple[Feature, ...]:
        """Of each option how many messages there were, and how many were answered."""
        return counts(self.options, self.messages)

    @property
    def told(self) -> dict[str, Any]:
        """Which messages count, in place of every option of them."""
        return super().told | {"features": {"messages": f"of {self.within.days} days, {self.messages.answer}, by option"}}

    def lately(self, span: timedelta) -> tuple[Feature, ...]:
        """The same of the messages of a shorter while."""
        return counts(self.options, self.messages.lately(span))

    def check(self, leaf: Foretold) -> None:
        """It is asked who is best reached by one of its options."""
        if (asked := no_scores(self.place, leaf)).label not in self.options:
            raise DefinitionError(self.place, f"has no {asked.label!r}; there are: {', '.join(self.options)}")

    def reasons(self, parameters: str, digest: str, values: Mapping[str, float]) -> list[Reason]:
        """What the customer answered of what they were sent, the best share first."""
        known = loads(unchanged(parameters, digest)).get("options", {})
        found = [
            (*shrunk(each, values[answered_of(name)], values[sent_of(name)]), name, each)
            for name, each in known.items()
            if values.get(sent_of(name))
        ]
        told = []
        for rate, sent, name, each in sorted(found, reverse=True, key=lambda one: one[:3])[:5]:
            answered = values[answered_of(name)]
            said = Messaged(self.messages, name, answered=False)
            words = f"{answered:g} of {sent:g} {said} were {self.messages.answer}; of all customers' {each['mean']:.0%}"
            told.append(Reason(name, rate, None, words))
        return told or [Reason("messages", None, None, f"no message within {span_in_words(self.within)}: as all customers")]

    def to_json(self) -> dict[str, Any]:
        """The declaration as plain JSON; spans are seconds."""
        by = self.by if isinstance(self.by, str) else self.by.to_json()
        return super().to_json() | {"by": by, "sure": self.sure}

    @classmethod
    def read(cls, place: str, found: Mapping[str, Any]) -> dict[str, Any]:
        """By what it goes, and how sure it has to be."""
        told = {word: found[word] for word in ("by", "sure") if word in found}
        if isinstance(by := told.get("by"), Mapping):
            told["by"] = predicate_at(f"{place}, by", by)
        return told


@dataclass(frozen=True)
class BestChannel(Best):
    """The channel on which a customer answers most: `best_channel.is_("whatsapp")`.

    Attributes:
        channels: Between which, two or more.
    """

    kind: ClassVar[str] = "best-channel"
    keys: ClassVar[tuple[str, ...]] = ("channels", *Best.keys)

    channels: Sequence[str] = ("push", "email", "whatsapp")

    def __post_init__(self) -> None:
        if isinstance(self.channels, str) or not all(isinstance(each, str) for each in self.channels):
            raise DefinitionError(f"{self.place}, channels", f'is a list of names, ("push", "email"), not {self.channels!r}')
        object.__setattr__(self, "channels", tuple(self.channels))
        for each in self.channels:
            check_channel(f"{self.place}, channels", each, WRITTEN_ON)
        if len(set(self.channels)) < max(2, len(self.channels)):
            raise DefinitionError(f"{self.place}, channels", "are two or more, each once")
        super().__post_init__()

    @property
    def options(self) -> tuple[str, ...]:
        """The channels."""
        return tuple(self.channels)

    def to_json(self) -> dict[str, Any]:
        """The declaration as plain JSON; spans are seconds."""
        return super().to_json() | {"channels": list(self.channels)}

    @classmethod
    def read(cls, place: str, found: Mapping[str, Any]) -> dict[str, Any]:
        """The channels beside."""
        if not isinstance(channels := found.get("channels", []), list):
            raise DefinitionError(place, "has a list of names as channels")
        return super().read(place, found) | ({"channels": tuple(channels)} if "channels" in found else {})

    def __str__(self) -> str:
        return f"{self.name}: who {self.of}, sorted by the channel on which most of their messages are {self.messages.answer}"


@dataclass(frozen=True)
class BestHour(Best):
    """The hour of a customer's day, `"00"` to `"23"`, in which messages are answered most.

    Attributes:
        zone: Of customers who have none (trait `timezone`, else that of their last device).
    """

    kind: ClassVar[str] = "best-hour"
    keys: ClassVar[tuple[str, ...]] = ("zone", *Best.keys)
    circular: ClassVar[bool] = True

    zone: str = field(default="UTC", kw_only=True)

    @property
    def options(self) -> tuple[str, ...]:
        """The hours."""
        return HOURS

    @property
    def home(self) -> Home:
        """The customer's own hours."""
        return Home(None, self.zone)

    def to_json(self) -> dict[str, Any]:
        """The declaration as plain JSON; spans are seconds."""
        return super().to_json() | {"zone": self.zone}

    @classmethod
    def read(cls, place: str, found: Mapping[str, Any]) -> dict[str, Any]:
        """The zone beside."""
        return super().read(place, found) | ({"zone": found["zone"]} if "zone" in found else {})

    def __str__(self) -> str:
        return f"{self.name}: who {self.of}, sorted by the hour in which most of their messages are {self.messages.answer}"


def counts(options: Iterable[str], messages: Messages) -> tuple[Feature, ...]:
    """Two columns of each option."""
    return tuple(
        Feature(name_of(each), Messaged(messages, each, answered))
        for each in options
        for name_of, answered in ((sent_of, False), (answered_of, True))
    )


def sent_of(option: str) -> str:
    """The column with how many messages there were."""
    return f"sent {option}"


def answered_of(option: str) -> str:
    """The column with how many of them were answered."""
    return f"answered {option}"


def shrunk(prior: Mapping[str, float], answered: float, sent: float) -> tuple[float, float]:
    """The share that is expected, and how many messages it goes by."""
    return (answered + prior["mean"] * prior["strength"]) / (sent + prior["strength"]), sent
