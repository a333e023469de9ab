"""Messages in several languages: `cart-reminder.es.push.yaml` beside `cart-reminder.push.yaml`, and which one a customer reads.

Promise: a translation differs in its words alone: params, product, terms and what can be tapped are those of the template
that it translates, so that a journey, the gate and the report see one message.
Source: RFC 4647, section 3.4 (lookup: es-MX, then es, then what there is).
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import is_dataclass, replace
from typing import Any, cast

from activities.channels.languages import locale_of
from activities.template_files import file_of, translated
from activities.templating.base import OnTerms, Tapped, Template
from activities.templating.errors import Problem
from journeys.contracts import Channel

_Key = tuple[Channel, str]
_Found = Mapping[_Key, Template]
Translations = Mapping[_Key, Mapping[str, Template]]


def apart(found: _Found, files: Collection[str]) -> tuple[dict[_Key, Template], dict[_Key, dict[str, Template]], list[Problem]]:
    """The templates that journeys name, their translations by language (`es`, `es_MX`), and what is wrong with these.

    `files` are the names of all that stand there: what a template with faults of its own translates is not told to be missing.
    """
    named: dict[_Key, Template] = {}
    others: dict[_Key, dict[str, Template]] = {}
    for (channel, name), template in found.items():
        if (into := translated(name)) is None:
            named[channel, name] = template
        else:
            others.setdefault((channel, into.of), {})[into.language] = _in_its_language(template, into.language)
    unread = {key for key in others if key not in named and file_of(*key) in files}
    problems = [each for key, of in others.items() if key not in unread for each in _problems(key, named.get(key), of)]
    return named, others, problems


def fitting(template: Template, others: Mapping[str, Template], said: object) -> Template:
    """The one that a customer reads who says this language or locale; the template itself where none fits."""
    if not others:  # most messages, and reading a locale costs as much as a short text
        return template
    locale, own = locale_of(said), str(locale_of(_language(template)))
    parts = str(locale).split("_") if locale else []
    for end in range(len(parts), 0, -1):
        tag = "_".join(parts[:end])
        if tag in others or tag == own:
            return others.get(tag, template)
    return template


def _in_its_language(template: Template, language: str) -> Template:
    """Its amounts and dates are in the language of its file's name, where it does not say one."""
    if _language(template) is not None or not is_dataclass(template) or not hasattr(template, "language"):
        return template
    return cast("Template", replace(cast("Any", template), language=language))


def _problems(key: _Key, template: Template | None, others: Mapping[str, Template]) -> Iterator[Problem]:
    if template is None:
        for each in others.values():
            text = f"a translation of {key[1]}, of which there is no template"
            yield Problem(each.file, 1, text, f"write {file_of(*key)} beside the journeys, or give this another name")
        return
    if hasattr(template, "language") and _language(template) is None:
        languages = ", ".join(sorted(others))
        yield Problem(
            template.file, 1, f"it has translations ({languages}), and does not say its own language", "write language: en"
        )
    for language, each in others.items():
        said = locale_of(_language(each))
        if said is not None and said.language != language.partition("_")[0]:
            yield Problem(each.file, 1, f"its name says {language} and its language: {said}", "let both say the same")
        unlike = [what for what, mine in _traits(each).items() if mine != _traits(template)[what]]
        if unlike:
            text = f"its {' and '.join(unlike)} are not those of {template.file}, which it translates"
            yield Problem(each.file, 1, text, "only the words may differ")


def _traits(template: Template) -> dict[str, Any]:
    """What translations have in common."""
    terms = template.terms if isinstance(template, OnTerms) else None
    return {
        "params": template.params,
        "product": template.wish,
        "terms": terms and (terms.free_form, terms.category),
        "buttons": set(template.choices) if isinstance(template, Tapped) else set(),
    }


def _language(template: Template) -> str | None:
    return cast("str | None", getattr(template, "language", None))
