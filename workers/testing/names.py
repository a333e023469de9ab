"""Names that a test says: a journey, its end, a channel, a service; one that does not exist is told at the test's own line.

Promise: what a test asks of something that there is not fails with the names that there are, whichever way it was asserted.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from journeys.catalogue import Catalogue, load
from journeys.contracts import Channel, Reason
from journeys.errors import InvalidParams
from journeys.walk.seen import message_calls
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


def check_context(catalogue: Catalogue, name: str) -> None:
    """Insist that the catalogue declares such a context.

    Raises:
        ValueError: it does not.
    """
    __tracebackhide__ = True
    _check("context", name, catalogue.contexts)


def check_prediction(catalogue: Catalogue, name: str) -> None:
    """Insist that the catalogue declares such a prediction.

    Raises:
        ValueError: it does not.
    """
    __tracebackhide__ = True
    _check("prediction", name, catalogue.predictions)


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


def check_step(catalogue: Catalogue, step: str) -> None:
    """Insist that a message of this step has a template, or is sent on some way through a journey.

    Raises:
        ValueError: neither.
    """
    __tracebackhide__ = True
    known = _written(catalogue.module)
    if step not in known:
        _check("message", step, known | _walked(catalogue.module))


@cache
def _written(module: str) -> frozenset[str]:
    """The steps for which there are templates, by their files: `push:hello` for `hello.push.yaml` and `hello.es.push.yaml`."""
    suffixes = {channel.value.replace("_", "-"): channel.value for channel in Channel}
    folders = map(Path, getattr(import_module(module), "__path__", ()))
    names = [file.name.split(".") for folder in folders for file in folder.rglob("*.*") if file.suffix != ".py"]
    return frozenset(f"{suffixes[part]}:{first}" for first, *parts in names for part in parts if part in suffixes)


@cache
def _walked(module: str) -> frozenset[str]:
    return frozenset(call.step for definition in load(module).journeys.values() for call in message_calls(definition))


def instant_of(at: object) -> datetime:
    """An instant that a test gave.

    Raises:
        ValueError: it is none.
    """
    __tracebackhide__ = True
    if not isinstance(at, datetime) or at.tzinfo is None:
        raise ValueError(f"at= is an instant with its zone, such as datetime(2026, 1, 5, 9, tzinfo=UTC), and not {at!r}")
    return at


def check_spans(given: Collection[str]) -> None:
    """Insist that time is told in units that there are; these are others.

    Raises:
        ValueError: they are.
    """
    __tracebackhide__ = True
    for name in given:
        raise ValueError(f"time does not pass by {name}=; {_instead(name, ('days', 'hours', 'minutes', 'seconds'))}")


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
