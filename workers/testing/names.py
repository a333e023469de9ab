"""Names that a test says: a journey, its end, a channel, a service; one that does not exist is told at the test's own line.

Promise: what a test asks of something that there is not fails with the names that there are, whichever way it was asserted.
"""

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from journeys.catalogue import Catalogue
from journeys.contracts import Channel, Reason
from journeys.errors import InvalidParams
from workers.wishes import approved_in

_USUAL = (Reason.FINISHED, Reason.GOAL, Reason.EXIT, Reason.LEFT, Reason.KILLED)


def check_journey(catalogue: Catalogue, name: str) -> None:
    """Insist that there is such a journey.

    Raises:
        ValueError: there is none.
    """
    __tracebackhide__ = True
    _check("journey", name, catalogue.journeys)


def check_end(catalogue: Catalogue, journey: str, end: str | None) -> None:
    """Insist that a journey may end so: by a reason, or by a goal or an exit of its own.

    Raises:
        ValueError: there is no such journey, or it never does.
    """
    __tracebackhide__ = True
    check_journey(catalogue, journey)
    spec = catalogue.journeys[journey].spec
    own = [*spec.goals, *spec.exits]
    if end is not None and end not in {*own, *Reason}:
        raise ValueError(f"{journey} does not end by '{end}'; {_instead(end, Reason, [*own, *_USUAL])}")


def check_service(catalogue: Catalogue, name: str) -> None:
    """Insist that the catalogue declares such a service.

    Raises:
        ValueError: it does not.
    """
    __tracebackhide__ = True
    _check("service", name, catalogue.services)


def check_place(catalogue: Catalogue, name: str) -> None:
    """Insist that the catalogue declares such a place.

    Raises:
        ValueError: it does not.
    """
    __tracebackhide__ = True
    _check("place", name, catalogue.places)


def check_params(catalogue: Catalogue, journey: str, params: Mapping[str, Any]) -> None:
    """Insist that a journey may be started with these parameters.

    Raises:
        ValueError: there is no such journey.
        InvalidParams: it declares others.
    """
    __tracebackhide__ = True
    check_journey(catalogue, journey)
    try:
        catalogue.journeys[journey].accept(dict(params))
    except InvalidParams as error:
        raise InvalidParams(error.problems) from None


def channel_of(name: str) -> Channel:
    """The channel of a name.

    Raises:
        ValueError: there is none.
    """
    __tracebackhide__ = True
    _check("channel", name, set(Channel))
    return Channel(name)


def check_template(catalogue: Catalogue, name: str) -> None:
    """Insist that there is a WhatsApp message of this name that Meta approves.

    Raises:
        ValueError: there is none.
    """
    __tracebackhide__ = True
    _check("WhatsApp message by an approved template", name, approved_in(catalogue.module))


def _check(kind: str, name: str, known: Collection[str]) -> None:
    __tracebackhide__ = True
    if name not in known:
        raise ValueError(f"there is no {kind} '{name}'; {_instead(name, known)}")


def _instead(name: str, known: Iterable[str], shown: Iterable[str] | None = None) -> str:
    """A close name, or those that are shown."""
    names = sorted({*map(str, known), *map(str, shown or ())})
    close = get_close_matches(name, names, n=1)
    listed = sorted(set(map(str, shown))) if shown is not None else names
    return f"did you mean '{close[0]}'?" if close else f"there is {', '.join(listed) or 'none'}"
