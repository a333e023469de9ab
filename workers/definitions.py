"""Loading a catalogue for use: journeys, segments and templates, each held against the others before anything runs."""

import importlib

from activities.templates import Templates, load_templates
from journeys import catalogue, current
from journeys.authoring import JourneyDefinition
from journeys.catalogue import Catalogue, check_purity
from journeys.errors import CatalogueError
from journeys.probe import conditions, message_calls


def load_definitions(module: str) -> tuple[Catalogue, Templates]:
    """The catalogue in a module, with its templates; also what workflow runs of this process will find.

    Raises:
        CatalogueError: something in it cannot work; the message names the place.
        TemplateError: a template is broken, unknown, or called with the wrong parameters.
    """
    loaded = catalogue.load(module)
    check_purity(loaded)
    templates = load_templates(importlib.import_module(module))
    for definition in loaded.journeys.values():
        for call in message_calls(definition):
            given = definition.params.model_fields if definition.params else ()
            templates.check(call.channel, call.template, call.params, given=given)
        _check_conditions(definition, loaded)
    current.module = module
    return loaded, templates


def _check_conditions(definition: JourneyDefinition, loaded: Catalogue) -> None:
    """Insist that whoever sends a message finds the segment that it is only for, by name, in this catalogue."""
    for name, segment in conditions(definition).items():
        found = loaded.segments.get(name)
        if found is None:
            wrong = "which the catalogue lacks; keep it under a name of its own at the top of a module"
            raise CatalogueError(f"journey {definition.name} sends only to segment '{name}', {wrong}")
        if found != segment:
            wrong = "but another segment of the catalogue has that name; rename one"
            raise CatalogueError(f"journey {definition.name} sends only to segment '{name}', {wrong}")
