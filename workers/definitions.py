"""Loading a catalogue for use: journeys, segments and templates, each held against the others before anything runs.

Promise: all that is wrong is told at once, sorted by file and line, each with what to do.
"""

import importlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from activities.channels.preview import TemplateKnown
from activities.preview import Previews
from activities.templates import TemplateError, Templates, Vocabulary, load_templates
from activities.templating.bare import variables
from activities.templating.errors import Problem as Fault
from activities.templating.vocabulary import unknown
from journeys import catalogue
from journeys.arms import Experiment
from journeys.authoring import JourneyDefinition
from journeys.catalogue import Catalogue, no_price
from journeys.check.check import check
from journeys.contracts import Channel, Purpose
from journeys.errors import CatalogueError, Problem, guess, seen_from_here
from journeys.handle.said import meant
from journeys.rules import Rule
from journeys.temporal import current
from journeys.walk.seen import Call, Seen, look_through, message_calls

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Examined:
    """What a look at a catalogue found: all of it that can be used, and what is wrong or worth knowing."""

    problems: tuple[Problem, ...]
    catalogue: Catalogue | None = None
    templates: Templates | None = None

    @property
    def usable(self) -> bool:
        """Whether it loads."""
        return not any(problem.serious for problem in self.problems)


def load_definitions(module: str, *, doubts: bool = True) -> tuple[Catalogue, Templates]:
    """The catalogue in a module, with its templates; also what workflow runs of this process will find.

    Doubts about it go to the log, for whoever looks after a process; a command that is asked something else leaves them out.

    Raises:
        CatalogueError: with all that cannot work, each with its file and line.
    """
    examined = examine(module)
    if not examined.usable:
        raise CatalogueError(*(problem for problem in examined.problems if problem.serious))
    for problem in examined.problems if doubts else ():
        log.warning("catalogue", problem=problem.told, place=f"{problem.shown_file}:{problem.line}")
    current.module = module
    assert examined.templates is not None
    return catalogue.load(module), examined.templates


#: The journeys that send a template, on any of their ways, by its channel and name.
Senders = Mapping[tuple[Channel, str], Collection[str]]


def senders_of(found: Catalogue) -> Senders:
    """Who sends what; it goes through the code of all journeys."""
    senders: dict[tuple[Channel, str], set[str]] = {}
    for name, definition in found.journeys.items():
        for request in message_calls(definition):
            senders.setdefault((request.channel, request.template), set()).add(name)
    return senders


def previews_of(found: Catalogue, templates: Templates, public_url: str, senders: Senders | None = None) -> Previews:
    """The messages of a catalogue, to be looked at: on the clock of the journeys that send them, else on that of most."""
    zones = Counter(journey.spec.timezone for journey in found.journeys.values())
    home = zones.most_common(1)[0][0] if zones else "UTC"
    homes = _homes(found, senders_of(found) if senders is None else senders)
    return Previews(templates, found.prices, found.currency, public_url, home, homes, found.contexts)


def _homes(found: Catalogue, senders: Senders) -> dict[tuple[Channel, str], str]:
    """The zone of the journeys that send a template, where they have one in common."""
    homes = {template: {found.journeys[name].spec.timezone for name in names} for template, names in senders.items()}
    return {template: zone for template, (zone, *others) in homes.items() if not others}


def templates_in(found: Catalogue, templates: Templates, senders: Senders) -> Iterator[TemplateKnown]:
    """The templates of a catalogue, as they are listed."""
    for (channel, name), each in sorted(templates.found.items()):
        translated = templates.translations.get((channel, name), {})
        yield TemplateKnown(
            channel,
            name,
            each.file,
            tuple(sorted(each.params)),
            each.wish is not None,
            tuple(sorted(translated)),
            tuple(sorted({variable for form in (each, *translated.values()) for variable in variables(form)})),
            tuple(sorted(senders.get((channel, name), ()))),
            tuple(sorted(_showing(found, channel, name))),
        )


def _showing(found: Catalogue, channel: Channel, name: str) -> Iterator[str]:
    """The places that show a template."""
    if channel is Channel.IN_APP:
        yield from (place.name for place in found.places.values() if any(name in rule.templates for rule in place.rules))


def experiments_of(found: Catalogue) -> dict[str, list[Experiment]]:
    """The experiments that each journey asks about on any of its ways: as declared, else by the shares it asks with."""
    return {name: list(_asked(found, definition)) for name, definition in found.journeys.items()}


def _asked(found: Catalogue, definition: JourneyDefinition) -> Iterator[Experiment]:
    draws = {drawn.asked.experiment: drawn.asked for drawn in look_through(definition).draws.values()}
    for name, asked in sorted(draws.items()):
        yield found.experiments.get(name) or Experiment(name, asked.shares)


def examine(module: str) -> Examined:
    """Look at a catalogue without running anything of it but its imports and its journeys' plain paths."""
    checked = check(module)
    problems, templates = list(checked.problems), None
    if checked.complete and checked.catalogue is not None:
        vocabulary = _vocabulary(checked.catalogue)
        templates, wrong = _templates(module, vocabulary)
        problems += _sent(checked.catalogue, vocabulary)
        problems += wrong
        problems += [] if templates is None else _places(checked.catalogue, templates)
        problems += _steps_of_places(checked.catalogue, checked.seen)
        for name, seen in checked.seen.items():
            definition = checked.catalogue.journeys[name]
            problems += [] if templates is None else [*_messages(definition, seen, templates), *_choices(name, seen, templates)]
            problems += _unpriced(definition, seen, checked.catalogue)
            problems += [*_conditions(name, seen, checked.catalogue), *_services(name, seen, checked.catalogue)]
            problems += [*_contexts(name, seen, checked.catalogue), *_foretold(name, seen, checked.catalogue)]
    return Examined(_sorted(problems), checked.catalogue, templates)


def _vocabulary(found: Catalogue) -> Vocabulary:
    return Vocabulary().extended(traits=found.traits, properties=found.properties, fetched=found.fetched, around=found.around)


def place_of(module: str, file: str) -> str:
    """Where a template of a catalogue stands, as its user names it from where they stand: as problems are told."""
    return seen_from_here(str(above(module) / file))


def above(module: str) -> Path:
    """The folder that holds a catalogue's own."""
    package = importlib.import_module(module)
    return Path(next(iter(getattr(package, "__path__", [""])))).parent


def _templates(module: str, vocabulary: Vocabulary) -> tuple[Templates | None, list[Problem]]:
    try:
        return load_templates(importlib.import_module(module), vocabulary), []
    except TemplateError as error:
        return None, [_of_template(each, str(above(module) / each.file), each.line) for each in error.problems]


def _messages(definition: JourneyDefinition, seen: Seen, templates: Templates) -> Iterator[Problem]:
    """What is wrong with the messages that a journey sends, at the place where it does."""
    for call, error in (*lacking(definition, seen, templates), *_without_a_way_out(seen, templates)):
        told = [_of_template(each, call.file, call.line, f"journey {definition.name}: ") for each in error.problems]
        template = templates.found.get((call.request.channel, call.request.template))
        unknown = sorted(call.request.params.keys() - template.params) if template else []
        guesses = "".join(map(meant, unknown))
        yield from (replace(each, remedy=f"{guesses}Or: {each.remedy}") if guesses else each for each in told)


def _choices(name: str, seen: Seen, templates: Templates) -> Iterator[Problem]:
    """Insist that a question's message has the buttons and rows that its journey asks for."""
    for each in seen.asked.values():
        channel, _, template = each.asked.step.partition(":")
        try:
            templates.check_choices(Channel(channel), template, each.asked.choices)
        except TemplateError as error:
            yield from (_of_template(fault, each.file, each.line, f"journey {name}: ") for fault in error.problems)


def _without_a_way_out(seen: Seen, templates: Templates) -> Iterator[tuple[Call, TemplateError]]:
    """Marketing that nobody gets out of: it could be sent, so that nobody in an older version is kept from going on."""
    for call in seen.calls.values():
        channel, name = call.request.channel, call.request.template
        if call.request.purpose is Purpose.MARKETING and (channel, name) in templates.found:
            try:
                templates.check_way_out(channel, name)
            except TemplateError as error:
                yield call, error


def lacking(definition: JourneyDefinition, seen: Seen, templates: Templates) -> Iterator[tuple[Call, TemplateError]]:
    """The messages of a journey that these templates cannot be sent for, and why."""
    given = definition.params.model_fields if definition.params else ()
    for call in seen.calls.values():
        try:
            templates.check(call.request.channel, call.request.template, call.request.params, given=given)
            templates.check_purpose(call.request.channel, call.request.template, call.request.purpose)
        except TemplateError as error:
            yield call, error


def _of_template(fault: Fault, file: str, line: int, whose: str = "") -> Problem:
    return Problem(file, line, 1, f"{whose}{fault.text}", remedy=fault.remedy, rule=Rule(fault.rule))


def _unpriced(definition: JourneyDefinition, seen: Seen, found: Catalogue) -> Iterator[Problem]:
    """Insist that a journey with a budget in money knows what its messages cost, on the channels that it uses."""
    missing = sorted({call.request.channel.value for call in seen.calls.values()} - {*found.prices})
    if missing and found.prices:
        yield from no_price(definition, f"says nothing of {' and '.join(missing)}")


def _conditions(name: str, seen: Seen, found: Catalogue) -> Iterator[Problem]:
    """Insist that whoever acts for a journey finds the segments that it names in this catalogue."""
    for segment, (named, file, line) in seen.conditions.items():
        if segment not in found.segments:
            wrong, remedy = "which the catalogue lacks", "keep it under a name of its own at the top of a module"
        elif found.segments[segment] != named:
            wrong, remedy = "but another segment of the catalogue has that name", "rename one"
        else:
            continue
        text = f"journey {name} names segment '{segment}', {wrong}"
        yield Problem(file, line, 1, text, remedy=remedy, rule=Rule.UNKNOWN_SEGMENT)


def _services(name: str, seen: Seen, found: Catalogue) -> Iterator[Problem]:
    """Insist that whoever calls for a journey finds the services that it names in this catalogue."""
    for service, (named, file, line) in seen.services.items():
        if found.services.get(service) != named:
            text = f"journey {name} calls the service '{service}', which the catalogue lacks"
            remedy = "keep it under a name of its own at the top of a module"
            yield Problem(file, line, 1, text, remedy=remedy, rule=Rule.UNKNOWN_SERVICE)


def _contexts(name: str, seen: Seen, found: Catalogue) -> Iterator[Problem]:
    """Insist that whoever asks for a journey finds the contexts that it names in this catalogue."""
    for context, (named, file, line) in seen.contexts.items():
        if found.contexts.get(context) != named:
            text = f"journey {name} asks for the context '{context}', which the catalogue lacks"
            remedy = "keep it under a name of its own at the top of a module"
            yield Problem(file, line, 1, text, remedy=remedy, rule=Rule.UNKNOWN_CONTEXT)


def _foretold(name: str, seen: Seen, found: Catalogue) -> Iterator[Problem]:
    """Tell of predictions that a journey asks and the catalogue has not: they may be of the API, or misspelt."""
    for prediction, (file, line) in seen.foretells.items():
        if prediction not in found.predictions:
            there = ", ".join(sorted(found.predictions)) or "none"
            text = (
                f"journey {name} asks for the prediction '{prediction}', which the catalogue does not declare; it has: {there}"
            )
            remedy = (
                "correct the name, or keep the prediction at the top of a module; if it is declared over the API, all is well"
            )
            yield Problem(file, line, 1, text, serious=False, remedy=remedy, rule=Rule.DECLARATION)


def _places(found: Catalogue, templates: Templates) -> Iterator[Problem]:
    """Insist that there is a template for all that places show, which needs nothing that only a message has."""
    for place in found.places.values():
        for name in (each for rule in place.rules for each in rule.templates):
            whose = f"place {place.name}: "
            try:
                templates.check(Channel.IN_APP, name)
            except TemplateError as error:
                yield from (_of_template(each, *place.where, whose) for each in error.problems)
                continue
            if templates.wish(Channel.IN_APP, name) is not None:
                text = f"{whose}{name} asks for a product, which messages have and places have not"
                yield Problem(*place.where, 1, text, remedy="leave product: out of its template", rule=Rule.TEMPLATE)


def _steps_of_places(found: Catalogue, seen: Mapping[str, Seen]) -> Iterator[Problem]:
    """Insist that the journeys that rules name are there, and send the messages that they wait for."""
    for place in found.places.values():
        for rule in place.rules:
            if rule.journey is None:
                continue
            if rule.journey not in found.journeys:
                text, remedy = f"place {place.name} names the journey {rule.journey}", guess(rule.journey, found.journeys)
                yield Problem(*place.where, 1, f"{text}, which the catalogue lacks", remedy=remedy, rule=Rule.UNKNOWN_JOURNEY)
                continue
            steps = {call.request.step for call in seen[rule.journey].calls.values()} if rule.journey in seen else set()
            for step in {rule.after, rule.before} - {None, *steps} if steps else ():
                text = f"place {place.name}: {rule.journey} has no step '{step}'"
                yield Problem(*place.where, 1, text, remedy=guess(str(step), steps), rule=Rule.DECLARATION)


def _sent(found: Catalogue, vocabulary: Vocabulary) -> Iterator[Problem]:
    """Insist that what services are told has names that templates know, too."""
    params = {field for definition in found.journeys.values() if definition.params for field in definition.params.model_fields}
    for service in found.services.values():
        for path in service.sends:
            if path.startswith("reply."):
                continue  # what the customer last answered the run
            if wrong := unknown(tuple(path.split(".")), vocabulary.roots(params)):
                text, remedy = wrong
                yield Problem("", 0, 0, f"service {service.name}: {text}", remedy=remedy, rule=Rule.UNKNOWN_VARIABLE)


def _sorted(problems: list[Problem]) -> tuple[Problem, ...]:
    return tuple(dict.fromkeys(sorted(problems)))
