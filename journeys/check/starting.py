"""Starts of one journey by another, held against what the other declares: that it is there, and takes these parameters.

Promise: what every path shows is looked at; what is started all the same is refused then, and told
(`activities.asking.acting`).
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from journeys.catalogue import Catalogue
from journeys.entering import check_entry
from journeys.errors import Fault, InvalidParams, Problem
from journeys.policies import Restart, Whenever
from journeys.rules import Rule
from journeys.walk.seen import Seen, Start


def unlike_declared(name: str, seen: Seen, catalogue: Catalogue) -> Iterator[Problem]:
    """What is wrong with the starts that a journey makes, at the place where it does."""
    for start in seen.starts.values():
        if (wrong := _wrong(start, catalogue)) is not None:
            yield wrong.at(start.file, start.line, whose=f"journey {name} starts {start.asked.journey}, ")


def circles(seen: Mapping[str, Seen], catalogue: Catalogue) -> Iterator[Problem]:
    """Starts that come round to where they began, by journeys of which each lets a customer in at any time."""
    open_ = {name for name in seen if isinstance(catalogue.journeys[name].spec.reentry, Restart | Whenever)}
    leads = {name: {start.asked.journey for start in seen[name].starts.values()} & open_ for name in open_}
    for name in sorted(open_):
        for start in seen[name].starts.values():
            if name in _reached(start.asked.journey, leads):
                told = f"starts {start.asked.journey}, which comes back to it, and each takes a customer in at any time"
                fault = Fault(f"{told}: it goes round without end", "give one of them reentry=after(days=…)", Rule.CIRCLE)
                yield fault.at(start.file, start.line, whose=f"journey {name} ", serious=False)


def _reached(journey: str, leads: Mapping[str, set[str]]) -> set[str]:
    """Where starts may lead from a journey, itself too; nowhere, if it does not take everybody in."""
    found, waiting = set[str](), [journey] if journey in leads else []
    while waiting:
        if (each := waiting.pop()) not in found:
            found.add(each)
            waiting += leads[each]
    return found


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
