"""What an author says of one message besides its template: for whom it is, when it may go, and how important it is."""

from datetime import timedelta
from difflib import get_close_matches
from typing import Any, NamedTuple

from journeys.contexts.context import Suiting
from journeys.contracts import JourneySpec
from journeys.errors import CatalogueError
from journeys.gate.hours import window
from journeys.policies import Window, Within
from segments import Segment


class Said(NamedTuple):
    """As it was said; None: as the journey has it."""

    transactional: bool = False
    only: Segment | Suiting[Any] | None = None
    useless_after: timedelta | None = None
    priority: int | None = None
    window: Window | None = None
    send_time: Within | None = None


_OF_REACH = ("by", "undelivered_after")
_NEARLY = 0.75  # onli is only; an option that is not recognised would go to the template as a param


def meant(name: str) -> str:
    """What of a message a param may have been meant to say, as the beginning of a remedy; nothing for most names."""
    if name in _OF_REACH:
        return f"only j.reach takes {name}=. "
    close = get_close_matches(name, (*Said._fields, *_OF_REACH), 1, _NEARLY)
    return f"did you mean {close[0]}=? " if close else ""


def checked(said: Said, template: str, spec: JourneySpec) -> None:
    """Refuse what cannot be meant.

    Raises:
        CatalogueError: with what to write instead.
    """
    after, best = said.useless_after, said.send_time
    if not isinstance(said.transactional, bool):
        raise CatalogueError(f"{template}: transactional={said.transactional!r} is no flag", remedy="write transactional=True")
    if said.only is not None and not isinstance(said.only, Segment | Suiting):
        told = f"{template} goes only= to a Segment(…), or where a context suits, not {type(said.only).__name__}"
        raise CatalogueError(told, remedy="give it a Segment(…), or weather.where(…)")
    if after is not None and not (isinstance(after, timedelta) and after > timedelta(0)):
        raise CatalogueError(f"{template}: useless_after={after!r} is no span", remedy="write useless_after=hours(4)")
    if best is not None and not isinstance(best, Within):
        raise CatalogueError(f"{template}: send_time is not {best!r}", remedy="write send_time=within(hours=24)")
    if said.window is not None:
        check_window(template, said.window)
    if said.priority is not None:
        _check_priority(said.priority, template, spec)


def check_window(place: str, said: object) -> None:
    """Refuse what is no window.

    Raises:
        CatalogueError: with what to write instead.
    """
    if not isinstance(said, Window):
        raise CatalogueError(f"{place}: window is not {said!r}", remedy='write window=Window("09:00", "20:00")')
    window(said.start, said.end, said.weekdays)


def _check_priority(said: object, template: str, spec: JourneySpec) -> None:
    if isinstance(said, bool) or not isinstance(said, int):
        raise CatalogueError(f"{template}: priority={said!r} is no whole number", remedy="write priority=-1")
    if said > spec.priority:
        raise CatalogueError(
            f"{template}: priority={said} is above its journey's {spec.priority}, by which others know whom to let go first",
            remedy=f"raise it there, @journey(priority={said}), and lower it for the other messages",
        )
