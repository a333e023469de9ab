"""Starts of one journey by another, held against what the other declares: that it is there, and takes these parameters.

Promise: what every path shows is looked at; what is started all the same is refused then, and told
(`activities.asking.acting`).
"""

from collections.abc import Iterator
from difflib import get_close_matches

from journeys.catalogue import Catalogue
from journeys.entering import check_entry
from journeys.errors import Fault, InvalidParams, Problem
from journeys.rules import Rule
from journeys.walk.seen import Seen, Start


def unlike_declared(name: str, seen: Seen, catalogue: Catalogue) -> Iterator[Problem]:
    """What is wrong with the starts that a journey makes, at the place where it does."""
    for start in seen.starts.values():
        if (wrong := _wrong(start, catalogue)) is not None:
            yield wrong.at(start.file, start.line, whose=f"journey {name} starts {start.asked.journey}, ")


def _wrong(start: Start, catalogue: Catalogue) -> Fault | None:
    definition = catalogue.journeys.get(start.asked.journey)
    if definition is None:
        close = get_close_matches(start.asked.journey, catalogue.journeys, n=1)
        remedy = f"did you mean {close[0]}?" if close else "write it, or take the step out"
        return Fault("which the catalogue lacks", remedy, Rule.UNKNOWN_JOURNEY)
    try:
        definition.accept(start.asked.params)
    except InvalidParams as error:
        return Fault(f"which does not take these parameters ({error})", "give it what it declares", Rule.JOURNEY_PARAMS)
    try:
        check_entry(definition.spec.entry_model, {})
    except InvalidParams as error:
        without = f"which asks for its entering event, and a start by a journey brings none ({error})"
        return Fault(without, "give each field of its model a default, or take the step out", Rule.JOURNEY_PARAMS)
    return None
