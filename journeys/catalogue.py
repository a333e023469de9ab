"""The catalogue: every journey, segment and service that a company's module holds, found by importing it.

Solved once for Temporal's strict sandbox too: the sandbox re-imports modules for each run, so the workflow asks for the
catalogue by the module name in `journeys.temporal.current`, which is the only module passed through.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

from journeys.arms import Experiment
from journeys.audiences.audience import Audience
from journeys.authoring import JourneyDefinition, Properties, Traits
from journeys.contexts.context import Context
from journeys.contracts import Channel
from journeys.deadline import TookTooLong
from journeys.errors import CatalogueError, Fault, Problem
from journeys.gate.budget import Budget, Prices
from journeys.goals import of_company
from journeys.onsite.places import Place
from journeys.place import around, spec_of
from journeys.policies import Conversion, GlobalHoldout
from journeys.products.again import Replenishment
from journeys.products.changes import ProductChanges
from journeys.products.together import Together
from journeys.rules import Rule
from journeys.services import Service
from journeys.sources.derived import DerivedTrait
from journeys.sources.hook import WebhookSource
from journeys.sources.source import Source
from journeys.telling import problem_of
from segments import DefinitionError, Predicate, Segment
from segments.language.readings import Reading
from segments.predictions.declared import Declared, check_predictions, predictions_in
from segments.predictions.paths import check_asked

_CALLED: dict[type, str] = {
    JourneyDefinition: "journeys",
    Segment: "segments",
    Service: "services",
    Context: "contexts",
    DerivedTrait: "derived traits",
    Place: "places",
    Experiment: "experiments",
    Source: "sources",
    WebhookSource: "sources of webhooks",
    Audience: "audiences",
    Declared: "predictions",
    Together: "rounds of what goes together",
    ProductChanges: "changes of products that are told",
    Replenishment: "replenishments",
}
Import = Callable[[str], ModuleType]
_RENAME = "rename one", Rule.TWO_OF_A_NAME


@dataclass(frozen=True)
class Catalogue:
    """Journeys, segments and services by name, the traits and properties that it speaks of, and how traits are to be read."""

    module: str
    journeys: MappingProxyType[str, JourneyDefinition]
    segments: MappingProxyType[str, Segment]
    traits: frozenset[str] = frozenset()
    properties: frozenset[str] = frozenset()
    readings: Mapping[str, Reading] = field(default_factory=dict)
    services: Mapping[str, Service[Any]] = field(default_factory=dict)
    prices: Mapping[str, int] = field(default_factory=dict)
    #: Places of pages and of the app, by the names by which these ask for what to show.
    places: Mapping[str, Place] = field(default_factory=dict)
    #: Who gets no marketing from any journey.
    holdout: GlobalHoldout | None = None
    #: Of the prices.
    currency: str | None = None
    #: What is declared of experiments, by their names.
    experiments: Mapping[str, Experiment] = field(default_factory=dict)
    #: Tables and files that are read again and again.
    sources: Mapping[str, Source] = field(default_factory=dict)
    #: Whose webhooks are taken in.
    hooks: Mapping[str, WebhookSource] = field(default_factory=dict)
    #: Traits that follow from what customers did; their cases stand among the segments.
    derived: Mapping[str, DerivedTrait] = field(default_factory=dict)
    #: Who tells what it is like where customers are.
    contexts: Mapping[str, Context[Any]] = field(default_factory=dict)
    #: Whom other systems are told of.
    audiences: Mapping[str, Audience] = field(default_factory=dict)
    #: What is foretold of customers.
    predictions: Mapping[str, Declared] = field(default_factory=dict)
    #: What is learnt to go with what.
    together: Mapping[str, Together] = field(default_factory=dict)
    #: Which changes of products customers are told.
    changes: Mapping[str, ProductChanges] = field(default_factory=dict)
    #: What customers are expected to buy again.
    again: Mapping[str, Replenishment] = field(default_factory=dict)

    def journey(self, name: str) -> JourneyDefinition:
        """A journey by its name.

        Raises:
            CatalogueError: there is none.
        """
        try:
            return self.journeys[name]
        except KeyError:
            known = ", ".join(sorted(self.journeys)) or "none"
            raise CatalogueError(f"no journey '{name}' in module '{self.module}'; it has: {known}") from None

    def entered_by(self, segment: str) -> list[JourneyDefinition]:
        """The journeys that members of a segment enter."""
        return self._entered_by.get(segment, [])

    @cached_property
    def _entered_by(self) -> dict[str | None, list[JourneyDefinition]]:
        found: dict[str | None, list[JourneyDefinition]] = {}
        for definition in self.journeys.values():
            found.setdefault(definition.spec.entered_by, []).append(definition)
        return found

    @property
    def asks(self) -> list[Predicate]:
        """What segments, goals, exits, conversions and places ask about."""
        return [each.predicate for each in self.segments.values()] + _asked_of(self.journeys.values(), self.places)

    @property
    def fetched(self) -> frozenset[str]:
        """What templates may name of what services give."""
        return frozenset(name for service in self.services.values() for name in service.fetched)

    @property
    def around(self) -> frozenset[str]:
        """What templates may name of what contexts tell."""
        return frozenset(name for context in self.contexts.values() for name in context.named)

    @property
    def entries(self) -> dict[str, str]:
        """The name of the segment that each journey is entered by; without those that are started by API only."""
        return {name: j.spec.entered_by for name, j in self.journeys.items() if j.spec.entered_by is not None}


@cache
def load(module: str) -> Catalogue:
    """Import a catalogue module with its submodules and gather what they define; `checking` looks closer.

    Raises:
        CatalogueError: modules cannot be imported, declarations cannot work, or two things share a name.
    """
    catalogue, problems = gather(module)
    if serious := [problem for problem in problems if problem.serious]:
        raise CatalogueError(*serious)
    return catalogue


def gather(module: str, import_one: Import = importlib.import_module) -> tuple[Catalogue, list[Problem]]:
    """What a catalogue holds as far as it can be imported, and all that is wrong with it."""
    modules, problems = _imported(module, import_one)
    catalogue, more = gathered(module, modules)
    return catalogue, [*problems, *more]


def gathered(module: str, modules: list[ModuleType]) -> tuple[Catalogue, list[Problem]]:
    """What these modules of a catalogue hold, and what is wrong with that."""
    journeys, twice = _by_name(modules, JourneyDefinition)
    segments, same_segment = _by_name(modules, Segment)
    services, too = _by_name(modules, Service)
    contexts, twice_around = _by_name(modules, Context)
    derived, twice_derived = _by_name(modules, DerivedTrait)
    predictions, twice_foretold = _by_name(modules, Declared)
    together, twice_learnt = _by_name(modules, Together)
    changes, twice_changed = _by_name(modules, ProductChanges)
    again, twice_due = _by_name(modules, Replenishment)
    segments |= {each.name: each for trait in derived.values() for each in trait.segments}
    places, twice_there = _by_name(modules, Place)
    experiments, twice_asked = _experiments(modules, places)
    tables, twice_read = _by_name(modules, Source)
    hooks, twice_heard = _by_name(modules, WebhookSource)
    audiences, twice_told = _by_name(modules, Audience)
    mistaken = [problem for definition in journeys.values() for problem in definition.problems]
    problems = [
        *mistaken,
        *twice,
        *same_segment,
        *too,
        *twice_there,
        *twice_asked,
        *twice_read,
        *twice_heard,
        *twice_around,
        *twice_derived,
        *twice_told,
        *twice_foretold,
        *twice_learnt,
        *twice_changed,
        *twice_due,
    ]
    problems += list(_segments_of(audiences, segments))
    for definition in journeys.values():
        strangers = [each for each in definition.spec.named if segments.setdefault(each.name, each) != each]
        problems += [
            definition.problem(Fault(f"two different segments are called '{each.name}'", *_RENAME)) for each in strangers
        ]
    problems += [*_said_twice(modules, derived), *_foretold_by_nobody(modules, segments, places, journeys, predictions)]
    problems += _asking_amiss(modules, predictions)
    traits, properties = _names(modules, journeys, segments, places)
    traits |= {name for each in derived.values() for name in each.names}
    readings = MappingProxyType(_readings(modules))
    prices, currency = _prices(modules)
    problems += unpriced(journeys.values(), prices)
    found = MappingProxyType(journeys), MappingProxyType(segments), traits, properties, readings, MappingProxyType(services)
    holdout, wrong = _holdout(modules)
    kept = (
        MappingProxyType(places),
        holdout,
        currency,
        MappingProxyType(experiments),
        MappingProxyType(tables),
        MappingProxyType(hooks),
    )
    more = MappingProxyType(derived), MappingProxyType(contexts), MappingProxyType(audiences), MappingProxyType(predictions)
    of_products = MappingProxyType(together), MappingProxyType(changes), MappingProxyType(again)
    return Catalogue(module, *found, prices, *kept, *more, *of_products), [*problems, *wrong]


def sources(module: str) -> dict[str, Path]:
    """The source files of a catalogue by module name; nothing is executed, not even the packages around it.

    Raises:
        CatalogueError: there is no such module, or it is no folder.
    """
    spec = spec_of(module)
    if spec is None:
        top = module.partition(".")[0]
        raise CatalogueError(
            f"there is no module '{module}', which JOURNEYS_CATALOGUE names",
            remedy=f"is it spelt so? Stand in the folder that holds {top}/, or put that folder on PYTHONPATH",
            rule=Rule.MODULE,
        )
    if spec.submodule_search_locations is None:
        advice = f"make it {module.replace('.', '/')}/__init__.py, so that templates can stand beside it"
        text = f"a catalogue is a package, and '{module}' is one file"
        raise CatalogueError(Problem(spec.origin or "", 1, 1, text, remedy=advice, rule=Rule.MODULE))
    root = {module: Path(spec.origin)} if spec.origin and spec.has_location else {}
    return root | dict(_below(spec.submodule_search_locations, f"{module}."))


def sources_in(root: Path, module: str) -> dict[str, Path]:
    """The same for a catalogue that stands below a folder which Python does not look into.

    Raises:
        CatalogueError: there is no such package.
    """
    first = source_in(root, module)
    if first is None or first.name != "__init__.py":
        raise CatalogueError(f"there is no package {module.replace('.', '/')}/__init__.py in {root}", rule=Rule.MODULE)
    return {module: first} | dict(_below([first.parent], f"{module}."))


def source_in(root: Path, module: str) -> Path | None:
    """Where the source of a module is below a folder, or below its `src`."""
    inside = Path(*module.split("."))
    named = (inside / "__init__.py", inside.with_suffix(".py"))
    return next((root / top / each for top in ("", "src") for each in named if (root / top / each).is_file()), None)


def _below(folders: Iterable[str | Path], prefix: str) -> Iterator[tuple[str, Path]]:
    for folder in map(Path, folders):
        for info in pkgutil.iter_modules([str(folder)], prefix):
            inner = folder / info.name.rpartition(".")[2]
            if not info.ispkg:
                yield info.name, inner.with_suffix(".py")
                continue
            yield info.name, inner / "__init__.py"
            yield from _below([inner], f"{info.name}.")


def _imported(module: str, import_one: Import) -> tuple[list[ModuleType], list[Problem]]:
    """The modules that can be imported; what fails is told once, and not again for all that stands inside of it."""
    modules: list[ModuleType] = []
    problems: list[Problem] = []
    files, failed = sources(module), set[str]()
    for name in (*around(module), *files):
        if failed & {*around(name)}:
            continue
        try:
            made = import_one(name)
        except (Exception, TookTooLong, SystemExit) as error:  # noqa: BLE001 - an author's module may raise anything
            failed.add(name)
            problems += problem_of(_placed(error, files.get(name)), f"module {name}")
        else:
            modules += [made] if name in files else []
    return modules, problems


def _placed(error: BaseException, file: Path | None) -> BaseException:
    """An error of Python's about a source that it does not name, such as one with a NUL in it."""
    if isinstance(error, SyntaxError) and error.filename is None and file is not None:
        error.filename = str(file)
    return error


def _by_name(modules: list[ModuleType], kind: type[Any]) -> tuple[dict[str, Any], list[Problem]]:
    found: dict[str, Any] = {}
    problems = []
    for module in modules:
        for thing in vars(module).values():
            if isinstance(thing, kind) and found.setdefault(thing.name, thing) is not thing and found[thing.name] != thing:
                what = _CALLED[kind]
                text = f"two different {what} are called '{thing.name}'"
                problems.append(Problem(module.__file__ or "", 1, 1, text, True, *_RENAME))
    return found, problems


def _said_twice(modules: list[ModuleType], derived: Mapping[str, DerivedTrait]) -> Iterator[Problem]:
    """What is derived and is said by somebody, too: one of them would be wrong."""
    for module in modules:
        kept = vars(module).values()
        said = {name: "Traits" for each in kept if isinstance(each, Traits) for name in each}
        said |= {
            name: f"the source {each.name}"
            for each in kept
            if isinstance(each, Source) and isinstance(each.traits, Mapping)
            for name in each.traits.values()
        }
        for name in sorted(said.keys() & derived.keys()):
            text = f"the trait {name} is derived, and {said[name]} declares it"
            yield Problem(module.__file__ or "", 1, 1, text, True, "give the derived one a name of its own", Rule.DECLARATION)


def _foretold_by_nobody(
    modules: list[ModuleType],
    segments: Mapping[str, Segment],
    places: Mapping[str, Place],
    journeys: Mapping[str, JourneyDefinition],
    predictions: Mapping[str, Declared],
) -> Iterator[Problem]:
    """Segments, goals and places that ask for a prediction which the catalogue does not declare."""
    asked_by = [(f"segment {each.name}", each.predicate) for each in segments.values()]
    asked_by += [(f"journey {name}", each) for name, of in journeys.items() for each in _asked_of([of], {})]
    asked_by += [(f"place {name}", each) for name, of in places.items() for each in _asked_of([], {name: of})]
    for whose, predicate in asked_by:
        try:
            check_predictions(predictions.values(), predictions_in(predicate))
        except DefinitionError as error:
            remedy = "declare it, or correct what is asked of it"
            yield Problem(modules[0].__file__ or "", 1, 1, f"{whose}: {error}", True, remedy, Rule.DECLARATION)


def _asking_amiss(modules: list[ModuleType], predictions: Mapping[str, Declared]) -> Iterator[Problem]:
    """Predictions that ask for themselves, for one that there is not, or for one that looks at what they never may."""
    for name in predictions:
        try:
            check_asked(predictions, name)
        except DefinitionError as error:
            remedy = "leave that out, or ask for another one"
            yield Problem(modules[0].__file__ or "", 1, 1, str(error), True, remedy, Rule.DECLARATION)


def _experiments(modules: list[ModuleType], places: Mapping[str, Place]) -> tuple[dict[str, Experiment], list[Problem]]:
    """What is declared of experiments, also of those that stand in a place alone; a place asks by the declared shares."""
    found, problems = _by_name(modules, Experiment)
    for place in places.values():
        for rule in place.rules:
            if isinstance(rule.experiment, Experiment):
                found.setdefault(rule.experiment.name, rule.experiment)
    for place in places.values():
        for rule in place.rules:
            declared = found.get(rule.named or "")
            if declared is not None and dict(declared.arms) != dict(rule.arms):
                fault = Fault(*other_arms(declared.name), Rule.UNKNOWN_EXPERIMENT)
                problems.append(fault.at(*place.where, whose=f"place {place.name}: "))
    return found, problems


def _segments_of(audiences: Mapping[str, Audience], segments: dict[str, Segment]) -> Iterator[Problem]:
    """Take up the segments that stand in an audience alone; what is wrong where another one has the name."""
    for each in audiences.values():
        if segments.setdefault(each.segment.name, each.segment) != each.segment:
            fault = Fault(f"two different segments are called '{each.segment.name}'", *_RENAME)
            yield fault.at("", 1, whose=f"audience {each.name}: ")


def other_arms(experiment: str) -> tuple[str, str]:
    """What is wrong where an experiment is asked by other arms than are declared, and what to do."""
    told = f"the experiment '{experiment}' is declared with other arms or shares"
    return told, "give it the Experiment(…) itself, or another name"


def _holdout(modules: list[ModuleType]) -> tuple[GlobalHoldout | None, list[Problem]]:
    """The company's holdout, which is declared once, and what is wrong with it."""
    kept = {each: made for made in reversed(modules) for each in vars(made).values() if isinstance(each, GlobalHoldout)}
    wrong: list[Problem] = []
    for each, made in kept.items():
        if isinstance(each.share, bool) or not isinstance(each.share, int | float) or not 0 < each.share < 1:
            text = f"GlobalHoldout takes a fraction between 0 and 1, not {each.share!r}"
            wrong.append(Problem(made.__file__ or "", 1, 1, text, remedy="write GlobalHoldout(0.05)", rule=Rule.DECLARATION))
        wrong += [fault.at(made.__file__ or "", 1, whose="GlobalHoldout: ") for fault in of_company(each)]
    if len(kept) > 1:
        text, file = "a company has one global holdout, and this catalogue declares several", next(iter(kept.values())).__file__
        wrong.append(Problem(file or "", 1, 1, text, remedy="keep one of them", rule=Rule.DECLARATION))
    return next(iter(kept), None), wrong


def _asked_of(journeys: Iterable[JourneyDefinition], places: Mapping[str, Place]) -> list[Predicate]:
    """What goals, exits, conversions and places ask about."""
    specs = [d.spec for d in journeys]
    found = [each for spec in specs for each in (spec.goal, spec.kpi, *spec.exits.values()) if isinstance(each, Predicate)]
    measured = [spec.conversion for spec in specs if isinstance(spec.conversion, Conversion)]
    found += [each for rule in measured for each in (rule.by, rule.orders) if isinstance(each, Predicate)]
    return found + [rule.predicate for place in places.values() for rule in place.rules if rule.predicate is not None]


def _names(
    modules: list[ModuleType],
    journeys: Mapping[str, JourneyDefinition],
    segments: Mapping[str, Segment],
    places: Mapping[str, Place],
) -> tuple[frozenset[str], frozenset[str]]:
    """The traits and properties that the catalogue declares as its own, models, or asks about in segments, goals and places."""
    specs = [d.spec for d in journeys.values()]
    asked_of = _asked_of(journeys.values(), places)
    goals = [each.to_json() for each in asked_of]
    plain = [*(segment.predicate.to_json() for segment in segments.values()), *goals]
    kept = [thing for module in modules for thing in vars(module).values()]
    traits = {name for each in kept if isinstance(each, Traits) for name in each} | set(asked("trait", plain))
    properties = {name for each in kept if isinstance(each, Properties) for name in each} | set(asked("property", plain))
    models = [spec.entry_model for spec in specs if spec.entry_model is not None]
    properties |= {field.alias or name for model in models for name, field in model.model_fields.items()}
    return frozenset(traits), frozenset(properties)


def _readings(modules: list[ModuleType]) -> dict[str, Reading]:
    """How the catalogue wants traits to be read."""
    kept = [thing for module in modules for thing in vars(module).values() if isinstance(thing, Traits)]
    return {name: reading for each in kept for name, reading in each.readings.items()}


def _prices(modules: list[ModuleType]) -> tuple[Mapping[str, int], str | None]:
    """What a message costs on each channel, in millionths, and in which currency."""
    kept = [thing for module in modules for thing in vars(module).values() if isinstance(thing, Prices)]
    told = {channel: price for each in kept for channel, price in each.items()}
    return MappingProxyType(told), next((each.currency for each in kept if each.currency), None)


def unpriced(definitions: Iterable[JourneyDefinition], prices: Mapping[str, int]) -> Iterator[Problem]:
    """The journeys with a budget in money, where no prices are told, or that of a channel which there is not."""
    strange = sorted({name.partition("/")[0] for name in prices} - {*Channel})
    for definition in definitions:
        if strange or not prices:
            yield from no_price(definition, f"names {', '.join(strange)}, which is no channel" if strange else "tells none")


def no_price(definition: JourneyDefinition, told: str) -> Iterator[Problem]:
    """What is wrong with the prices, where a journey has a budget in money."""
    budget = definition.spec.budget
    if isinstance(budget, Budget) and budget.money is not None:
        yield definition.problem(
            Fault(
                f"budget in money, where prices = Prices(…) {told}",
                'keep the price of each channel at the top of a module, prices = Prices(push=0, whatsapp="0.0659", …)',
            )
        )


def asked(scope: str, plain: object) -> Iterator[str]:
    """The names that definitions, as JSON, ask about: each `trait`, or each `property`."""
    if isinstance(plain, list):
        for part in plain:
            yield from asked(scope, part)
    elif isinstance(plain, dict):
        if isinstance(name := plain.get(scope), str):
            yield name
        for key, part in plain.items():
            if key != "any_item":  # its properties are those of the list's items
                yield from asked(scope, part)
