"""Places of a page or an app, and what is shown there: rules in the order in which they are asked; the first that fits wins.

Promise: pure, and checked when it is made: no rule stands behind one that suits everybody. A rule that asks for a journey never
fits somebody whose identity nobody vouches for.
"""

import re
import sys
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from journeys.arms import Experiment, check_experiment
from journeys.authoring import JourneyDefinition
from journeys.entry import lot
from journeys.errors import CatalogueError
from segments import Predicate, Segment

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")


class Standing(NamedTuple):
    """An open run of a customer: its journey, and the steps of the messages that it has sent."""

    journey: str
    sent: AbstractSet[str]


class Drawn(NamedTuple):
    """What a rule shows: a template, and where it was drawn by lot the experiment, the arm's share."""

    template: str
    experiment: str | None = None
    share: float = 1.0


@dataclass(frozen=True)
class Show:
    """One rule: what is shown to whom.

    Args:
        template: The name of an in-app template.
        when: Whom it suits: a segment, or any predicate; asked as it is now.
        running: Only who is in this journey; `after` one of its messages (`"push:cart-reminder"`), `before` another one.
        experiment: An experiment whose arms are templates, or the name of one; then `arms` has the templates, each with its
            share. Who is drawn keeps the arm.

    Example:
        Show("welcome-guide", when=visits().new)
    """

    template: str | None = None
    when: Segment | Predicate | None = None
    running: JourneyDefinition | str | None = None
    after: str | None = None
    before: str | None = None
    experiment: str | Experiment | None = None
    arms: Mapping[str, float] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if isinstance(self.experiment, Experiment):
            if self.arms:
                raise _wrong(f"{self.experiment.name} has its arms where it is declared", "leave out arms=")
            object.__setattr__(self, "arms", self.experiment.arms)
        if (self.template is None) is (self.experiment is None):
            raise _wrong("a rule shows either a template or the arms of an experiment", 'write Show("welcome-guide")')
        if self.experiment is not None:
            check_experiment(self.named, self.arms)
        if not isinstance(self.when, Segment | Predicate | None):
            raise _wrong(f"when= takes a segment or a predicate, not {self.when!r}", "write when=visits().new")
        if (self.after or self.before) and self.running is None:
            raise _wrong("after= and before= are about a journey", "name it: running=cart_abandonment")

    @property
    def named(self) -> str | None:
        """The name of its experiment."""
        return self.experiment.name if isinstance(self.experiment, Experiment) else self.experiment

    @property
    def predicate(self) -> Predicate | None:
        """What is asked of the visitor."""
        return self.when.predicate if isinstance(self.when, Segment) else self.when

    @property
    def journey(self) -> str | None:
        """The name of the journey that they must be in."""
        return self.running.name if isinstance(self.running, JourneyDefinition) else self.running

    @property
    def templates(self) -> tuple[str, ...]:
        """All that it may show."""
        return tuple(self.arms) if self.template is None else (self.template,)

    @property
    def suits_all(self) -> bool:
        """Whether it asks for nothing."""
        return self.when is None and self.running is None

    def is_at(self, runs: Sequence[Standing]) -> bool:
        """Whether somebody with these open runs is where the rule wants them."""
        return self.running is None or any(
            run.journey == self.journey
            and (self.after is None or self.after in run.sent)
            and (self.before is None or self.before not in run.sent)
            for run in runs
        )

    def drawn(self, arms: Mapping[str, str], drawn_as: UUID) -> Drawn:
        """What it shows to somebody who is in these arms of experiments already, else is drawn by this id."""
        if self.named is None:
            return Drawn(str(self.template))
        known = arms.get(self.named)
        arm = known if known is not None and known in self.arms else lot(self.named, drawn_as, self.arms)
        return Drawn(arm, self.named, self.arms[arm])


@dataclass(frozen=True, init=False)
class Place:
    """A place, by the name by which pages and apps ask for it, and its rules.

    Example:
        home_hero = Place("home-hero", Show("welcome-guide", when=visits().new), Show("what-is-new"))
    """

    name: str
    rules: tuple[Show, ...]
    where: tuple[str, int] = field(compare=False, repr=False)

    def __init__(self, name: str, *rules: Show) -> None:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise _wrong(
                f"a place has no name such as {name!r}", 'a name is in lower case, with hyphens: Place("home-hero", …)'
            )
        if not rules or not all(isinstance(rule, Show) for rule in rules):
            raise _wrong(f'Place("{name}") takes one rule or more', 'write Place("home-hero", Show("welcome-guide"))')
        for rule in rules[:-1]:
            if rule.suits_all:
                told = f'Place("{name}"): no rule behind {", ".join(rule.templates)} is ever asked, because it suits everybody'
                raise _wrong(told, "put it last")
        frame = sys._getframe(1)  # noqa: SLF001 - mistakes are told where an author made it
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "rules", rules)
        object.__setattr__(self, "where", (frame.f_code.co_filename, frame.f_lineno))


def _wrong(text: str, remedy: str) -> CatalogueError:
    return CatalogueError(text, remedy=remedy)
