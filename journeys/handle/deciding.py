"""Words of deciding: an option, or one of several things at once, by what has brought most so far."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from journeys.contracts import Channel
from journeys.deciding.options import CHANNEL, HOUR, OPTION, Choice, Method, Option
from journeys.errors import CatalogueError, NotKnown
from journeys.gate.hours import check_clock
from journeys.handle.base import EntryModel, Words
from journeys.policies import Conversion
from journeys.questions import Choosing, Chosen
from journeys.spans import check_span
from segments import Predicate, Segment

#: What is varied, as an author writes it: names, or names with what is declared of each.
Options = Sequence[str] | Mapping[str, Option | None]
#: What customers are told apart by: segments by their own names, or predicates by others.
Context = Sequence[Segment] | Mapping[str, Predicate]
_TWO = 2


class Decided:
    """What was decided, by the names of what was asked; false where nothing is allowed for the customer."""

    def __init__(self, options: Mapping[str, str]) -> None:
        self._options = dict(options)

    def __getattr__(self, name: str) -> str:
        """The option of a dimension.

        Raises:
            AttributeError: there is none.
        """
        try:
            return self._options[name]
        except KeyError:
            raise NotKnown(
                f"nothing was decided of {name}", "ask first whether it was: if not decided: return; and name what is asked"
            ) from None

    def __bool__(self) -> bool:
        return bool(self._options)


class Deciding(Words[EntryModel]):
    """How a journey lets what customers do decide what they get."""

    async def choose(
        self,
        name: str,
        options: Options,
        *,
        reward: Predicate | Conversion | None = None,
        within: timedelta | None = None,
        context: Context = (),
        control: float = 0.1,
        floor: float = 0.1,
        method: str = Method.THOMPSON,
    ) -> str:
        """One of these options: more and more often the one that brings most, by the `reward` within a span (7 days).

        Shares are worked out once an hour, by those whose span is over. The first option is your own choice: a tenth of the
        customers always get it (`control=`), and a tenth of the other draws are even (`floor=`), by which effects are measured.
        Without a reward it is what the journey is measured by. Asked again in a run, it is another draw.

        Example:
            subject = await j.choose("cart-subject", ["plain", "emoji", "question"], reward=purchases, within=days(3))
            await j.email(f"cart-{subject}")
        """
        declared = _options(name, OPTION, options)
        free = [each for each, option in declared.items() if option.predicate is None and option.budget is None]
        if not free:
            told = f"choice {name} has no option that anybody may be given"
            raise CatalogueError(told, remedy="leave only= and budget= out of one of them")
        chosen = await self._choose(name, {OPTION: declared}, reward, within, context, control, floor, method)
        return chosen.options[0] if chosen.options else free[0]

    async def decide(
        self,
        name: str | None = None,
        /,
        *,
        reward: Predicate | Conversion | None = None,
        within: timedelta | None = None,
        context: Context = (),
        control: float = 0.1,
        floor: float = 0.1,
        method: str = Method.THOMPSON,
        **dimensions: Options,
    ) -> Decided:
        """Several things at once, by what they bring alone, two together, and to customers of a `context`.

        The first option of each is your own choice. `channel=` names channels, and `hour=` times of the customer's day: what
        consent, addresses, quiet hours and caps do not let go then is left out. `Option(only=…, budget=500)` says whom an
        option is for, and how many get it at most. False: nothing is allowed.

        Example:
            offers = {"none": None, "ten": Option(budget=500)}
            picked = await j.decide(channel=["email", "push"], hour=["09:00", "18:30"], offer=offers, reward=purchases)
            if picked:
                await j.until(picked.hour)
                await j.reach(f"back-{picked.offer}", by=(picked.channel,))
        """
        if len(dimensions) < _TWO:
            raise CatalogueError("j.decide decides two things or more at once", remedy='write j.choose("…", […]) for one')
        said = name or self._spec.name
        chosen = await self._choose(said, dimensions, reward, within, context, control, floor, method)
        return Decided(dict(zip(dimensions, chosen.options, strict=False)))

    async def _choose(
        self,
        name: str,
        dimensions: Mapping[str, Options],
        reward: Predicate | Conversion | None,
        within: timedelta | None,
        context: Context,
        control: float,
        floor: float,
        method: Any,
    ) -> Chosen:
        self._first = False
        choice = Choice(
            name,
            {of: _options(name, of, options) for of, options in dimensions.items()},
            self._reward(name, reward, within),
            _context(name, context),
            control,
            floor,
            method,
        )
        asked = Choosing(
            run_id=self._start.run_id, at=self._moment(), number=self._here.next("choice"), choice=choice.to_json()
        )
        chosen: Chosen = await self._runtime.ask(asked)
        return chosen

    def _reward(self, name: str, reward: object, within: timedelta | None) -> Conversion:
        """The rule by which what came of it counts."""
        if within is not None:
            check_span(f"choice {name}: within=", within, "within=days(3)")
        match reward:
            case None if self._spec.measured is not None:
                rule = self._spec.measured
            case Predicate():
                rule = Conversion(by=reward)
            case Conversion(by=Predicate()):
                rule = reward
            case Conversion() if self._spec.measured is not None:
                rule = Conversion.from_json(reward.to_json() | {"by": self._spec.measured.to_json()["by"]})
            case _:
                told = f"choice {name} has no reward"
                raise CatalogueError(told, remedy="write reward=purchases, or declare goal= or conversion= of the journey")
        plain = rule.to_json() | {"since": "exposure"}
        return Conversion.from_json(plain if within is None else plain | {"within": within.total_seconds()})


def _options(choice: str, of: str, options: object) -> dict[str, Option]:
    """What is declared of each; those of `channel=` and `hour=` are what the gate is asked of before it is drawn."""
    if isinstance(options, str) or not isinstance(options, Mapping | Sequence):
        told = f"choice {choice}: {of} has names of options, not {options!r}"
        raise CatalogueError(told, remedy=f'write {of}=["plain", "emoji"]')
    found: dict[str, Option] = {}
    for name in options:
        said = options[name] if isinstance(options, Mapping) else None
        if not isinstance(said, Option | None) or name in found:
            told = (
                f"choice {choice}: {of} has two options {name!r}"
                if name in found
                else f"choice {choice}: {said!r} is no option"
            )
            raise CatalogueError(told, remedy=f'write {of}={{"plain": None, "gold": Option(only=…)}}')
        if of == HOUR:
            check_clock(f"choice {choice}: hour=", name)
        if of == CHANNEL and name not in set(Channel):
            told = f"choice {choice}: channel= names channels, not {name!r}"
            raise CatalogueError(told, remedy=f"use {', '.join(Channel)}")
        found[name] = said or Option()
    return found


def _context(choice: str, context: object) -> dict[str, Predicate]:
    if isinstance(context, Mapping):
        found = dict(context)
    elif isinstance(context, Sequence) and all(isinstance(each, Segment) for each in context):
        found = {each.name: each.predicate for each in context}
    else:
        found = {"": None}
    if not all(name and isinstance(name, str) and isinstance(each, Predicate) for name, each in found.items()):
        told = f"choice {choice}: context= takes segments, or predicates by name"
        raise CatalogueError(told, remedy='write context=[vips], or context={"gold": trait("tier") == "gold"}')
    return found
