"""Loading a catalogue for use: journeys, segments and templates, each held against the others before anything runs."""

import importlib

from activities.templates import Templates, load_templates
from journeys import catalogue, current
from journeys.catalogue import Catalogue, check_purity
from journeys.probe import message_calls


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
    current.module = module
    return loaded, templates
