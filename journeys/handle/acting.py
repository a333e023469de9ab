"""Words of acting: what a journey does besides sending, to its customer's profile and in other journeys."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from journeys.actions import EndJourney, Hold, SetTraits, StartJourney, Track
from journeys.contracts import Plain
from journeys.errors import CatalogueError
from journeys.handle.base import INSTANT, EntryModel, Words
from journeys.keepable import a_kind, is_plain
from segments.language.events import OURS


class Acting(Words[EntryModel]):
    """How a journey acts."""

    async def set_traits(self, **traits: Plain) -> None:
        """Set traits of the customer; None takes one away.

        Segments and waiting journeys see it as any other word about the customer, with `journeys` as its source.

        Example:
            await j.set_traits(tier="gold", churned=None)
        """
        _check_plain("j.set_traits", traits, "set each part as a trait of its own")
        if not traits:
            raise CatalogueError("j.set_traits() sets nothing", remedy='write j.set_traits(tier="gold")')
        await self._do(SetTraits, traits=traits)

    async def track(self, event: str, /, **properties: Plain) -> None:
        """Something happened to the customer: an event as any other, with `journeys` as its source.

        Segments, goals and waiting journeys see it as any other word about the customer, and so does this journey's next step.

        Example:
            await j.track("NPS Answered", score=9)
        """
        if not isinstance(event, str) or not event.strip() or event.startswith("$") or event in OURS:
            raise CatalogueError(f"j.track takes the name of an event, not {event!r}", remedy='write j.track("NPS Answered")')
        _check_plain("j.track", properties, "tell each part as a property of its own")
        self._said_at = self._moment() + INSTANT  # after whatever the journey knew so far, in its `j.now`, too
        await self._do(Track, event=event, properties=properties)

    async def start(self, journey: Any, **params: Plain) -> bool:
        """Let the customer into another journey of the catalogue; whether its own rules let them in. It runs beside this one.

        To go through its steps within this run instead, call it: `await other(j)`. It reads this one's params and entry then.

        Example:
            await j.start("cart_discount", discount="10%")
        """
        _check_plain("j.start", params, "pass each part by a name of its own")
        return bool(await self._do(StartJourney, journey=_name("j.start", journey), params=params))

    async def end(self, journey: Any) -> bool:
        """End the customer's runs of another journey; whether there were any.

        Example:
            await j.end("cart_abandonment")
        """
        name = _name("j.end", journey)
        if name == self._spec.name:
            raise CatalogueError("j.end is for other journeys", remedy="a journey ends itself by return")
        return bool(await self._do(EndJourney, journey=name))

    @asynccontextmanager
    async def hold_others(self) -> AsyncIterator[None]:
        """No marketing of the customer's other journeys goes out while the block lasts.

        Their messages wait, at most until they are useless. An end of this run lets them go, and so does whatever else leaves
        the block: also an exception of a branch beside it.

        Example:
            async with j.hold_others():
                await j.whatsapp("how-can-we-help")
                await j.wait_for(j.replied(), timeout=days(1))
        """
        number = self._here.next("action")
        self._holding[number] = self._here
        await self._do(Hold, number)
        try:
            yield
        except Exception:
            await self._let_go(number)
            raise
        # No `finally`: where the run ends in the block, its end releases them; where another branch raises, `together` does.
        await self._let_go(number)

    async def _let_go(self, number: int) -> None:
        self._holding.pop(number, None)
        await self._do(Hold, lets_go=number)


def _check_plain(word: str, given: Mapping[str, Plain], remedy: str) -> None:
    for name, value in given.items():
        if not is_plain(value):
            told = f"{word}: {name}= is a number, a flag, a text or None, not {a_kind(value)}"
            raise CatalogueError(told, remedy=remedy)


def _name(word: str, journey: Any) -> str:
    name = getattr(journey, "name", journey)
    if not isinstance(name, str) or not name:
        raise CatalogueError(f"{word} takes a journey, not {type(journey).__name__}", remedy=f'write {word}("its_name")')
    return name
