"""Names that are nearly ones which the catalogue declares as its own: told as warnings, because other names are allowed.

Promise: a catalogue that declares nothing hears nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from types import ModuleType

from journeys.authoring import JourneyDefinition, Properties, Traits
from journeys.catalogue import Catalogue, asked
from journeys.errors import Fault, Problem
from journeys.policies import Conversion, PerKey
from journeys.rules import Rule
from journeys.walk.seen import Seen
from segments import Predicate

_NEARLY = 0.75  # paln is plan


class Own:
    """The traits and properties that a catalogue declares as its own, and what of it is nearly one of them."""

    def __init__(self, modules: Iterable[ModuleType]) -> None:
        things = [thing for module in modules for thing in vars(module).values()]
        self._traits = {name for thing in things if isinstance(thing, Traits) for name in thing}
        self._properties = {name for thing in things if isinstance(thing, Properties) for name in thing}

    def nearly(self, kind: str, names: Iterable[str], word: str = "") -> Iterator[Fault]:
        """What is nearly, and not, among them."""
        if kind == "trait":
            yield from _nearly(word or "trait", names, self._traits, "Traits")
        else:
            yield from _nearly(word or "prop", names, self._properties, "Properties")

    def of(self, *predicates: Predicate | None) -> Iterator[Fault]:
        """The same of what predicates ask about."""
        plain = [each.to_json() for each in predicates if isinstance(each, Predicate)]
        yield from (fault for kind in ("trait", "property") for fault in self.nearly(kind, asked(kind, plain)))


def slips(catalogue: Catalogue, modules: Sequence[ModuleType], seen: Mapping[str, Seen]) -> Iterator[Problem]:
    """What segments, journeys and places ask about, set and are keyed by, held against what is declared."""
    own = Own(modules)
    kept = [(module, thing) for module in modules for thing in vars(module).values()]
    for segment in catalogue.segments.values():
        file = next((module.__file__ for module, thing in kept if thing is segment), None) or ""
        nearly = own.of(segment.predicate)
        yield from (fault.at(file, 1, whose=f"segment {segment.name}: ", serious=False) for fault in nearly)
    for place in catalogue.places.values():
        for fault in own.of(*(rule.when for rule in place.rules if isinstance(rule.when, Predicate))):
            yield fault.at(*place.where, whose=f"place {place.name}: ", serious=False)
    for definition in catalogue.journeys.values():
        yield from (definition.problem(fault, serious=False) for fault in _declared(definition, own))
        for (kind, name), (file, line) in seen[definition.name].names.items() if definition.name in seen else ():
            for fault in own.nearly(kind, [name]):
                yield fault.at(file, line, whose=f"journey {definition.name}: ", serious=False)


def _declared(definition: JourneyDefinition, own: Own) -> Iterator[Fault]:
    spec = definition.spec
    if isinstance(spec.reentry, PerKey) and isinstance(spec.reentry.property, str):
        yield from own.nearly("property", [spec.reentry.property], "per_key")
    conversion = spec.conversion if isinstance(spec.conversion, Conversion) else None
    measured = () if conversion is None else (conversion.by, conversion.orders)
    ends = (each for each in spec.exits.values() if isinstance(each, Predicate))
    yield from own.of(spec.goal, spec.kpi, *measured, *ends)


def _nearly(word: str, names: Iterable[str], declared: set[str], kind: str) -> Iterator[Fault]:
    for name in dict.fromkeys(names):
        if name not in declared and (close := get_close_matches(name, declared, 1, _NEARLY)):
            text = f'{word}("{name}") is not among the {kind}(…) of the catalogue'
            yield Fault(text, f'did you mean "{close[0]}"?', Rule.NEARLY)
