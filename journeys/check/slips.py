"""Names that are nearly ones which the catalogue declares as its own: told as warnings, because other names are allowed.

Promise: a catalogue that declares nothing hears nothing.
"""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from types import ModuleType

from journeys.authoring import Properties, Traits
from journeys.catalogue import Catalogue, asked
from journeys.errors import Fault, Problem
from journeys.policies import PerKey
from journeys.rules import Rule

_NEARLY = 0.75  # paln is plan


def slips(catalogue: Catalogue, modules: Iterable[ModuleType]) -> Iterator[Problem]:
    """What segments ask about and journeys are keyed by, held against what is declared."""
    kept = [(module, thing) for module in modules for thing in vars(module).values()]
    traits = {name for _, thing in kept if isinstance(thing, Traits) for name in thing}
    properties = {name for _, thing in kept if isinstance(thing, Properties) for name in thing}
    for segment in catalogue.segments.values():
        file = next((module.__file__ for module, thing in kept if thing is segment), None) or ""
        plain = [segment.predicate.to_json()]
        nearly = [*_nearly("trait", asked("trait", plain), traits), *_nearly("prop", asked("property", plain), properties)]
        yield from (fault.at(file, 1, whose=f"segment {segment.name}: ", serious=False) for fault in nearly)
    for definition in catalogue.journeys.values():
        if isinstance(rule := definition.spec.reentry, PerKey) and isinstance(rule.property, str):
            nearly = list(_nearly("per_key", [rule.property], properties))
            yield from (definition.problem(fault, serious=False) for fault in nearly)


def _nearly(word: str, names: Iterable[str], declared: set[str]) -> Iterator[Fault]:
    for name in dict.fromkeys(names):
        if name not in declared and (close := get_close_matches(name, declared, 1, _NEARLY)):
            kind = "Traits" if word == "trait" else "Properties"
            text = f'{word}("{name}") is not among the {kind}(…) of the catalogue'
            yield Fault(text, f'did you mean "{close[0]}"?', Rule.NEARLY)
