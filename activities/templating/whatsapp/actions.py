"""What a message of one's own lets its customer tap, as its file says it: buttons, list, page, goods, catalogue, flow.

Promise: as `free_form`.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from activities.channels.whatsapp.content import CHOICE
from activities.templating.errors import Problem
from activities.templating.fields import Compilation
from activities.templating.links import WEB
from activities.templating.source import Source, Text
from activities.templating.whatsapp.parts import short
from activities.templating.whatsapp.tapped import (
    ButtonsPart,
    CatalogPart,
    ChoicePart,
    FlowPart,
    GoodsPart,
    LinkPart,
    ListPart,
    Part,
    SectionPart,
    Short,
)

#: Meta's limits: how many, and characters of titles.
BUTTONS, ROWS, PRODUCTS = 3, 10, 30
_BUTTON_TITLE, _ROW_TITLE, _ROW_TEXT, _SECTION_TITLE, _ID = 20, 24, 72, 24, 100


def action_in(making: Compilation, source: Source, kind: str) -> Part:
    """What a message lets its customer tap."""
    return ACTIONS[kind](making, source)


def _buttons(making: Compilation, source: Source) -> ButtonsPart:
    titles = source.mapped("buttons")
    _count(making, source, "buttons", len(titles), BUTTONS)
    given = [ChoicePart(name, _titled(making, text, "a button", _BUTTON_TITLE)) for name, text in titles.items()]
    _check_names(making, source, titles)
    return ButtonsPart(tuple(given))


def _list(making: Compilation, source: Source) -> ListPart:
    part = _part(source, "list")
    part.only({"button", "rows", "sections"})
    sections = tuple(_rows(making, each) for each in _sections(part, "rows"))
    rows = [row.name for section in sections for row in section.rows]
    _count(making, part, "rows", len(rows), ROWS)
    if len(sections) > 1 and not all(section.title for section in sections):
        making.problems.append(Problem(part.file, part.line, "where a list has several sections, each has a title"))
    if len(set(rows)) < len(rows):
        making.problems.append(Problem(part.file, part.line, "two rows of a list have one name"))
    return ListPart(_titled(making, part.needed("button"), "button", _BUTTON_TITLE), sections)


def _rows(making: Compilation, part: Source) -> SectionPart:
    """Rows by their names: a title each, or a title with a description."""
    part.only({"title", "rows", "button"})
    rows = part.part("rows") or Source(part.file, {}, line=part.line)
    _check_names(making, part, rows.fields)
    return SectionPart(_section_title(making, part), tuple(_row(making, rows, name) for name in rows.fields))


def _row(making: Compilation, rows: Source, name: str) -> ChoicePart:
    if isinstance(field := rows.fields[name], Text):
        return ChoicePart(name, _titled(making, field, f"row {name}", _ROW_TITLE))
    row = _part(rows, name)
    row.only({"title", "description"})
    told = row.text("description")
    description = None if told is None else _titled(making, told, f"description of {name}", _ROW_TEXT)
    return ChoicePart(name, _titled(making, row.needed("title"), f"row {name}", _ROW_TITLE), description)


def _link(making: Compilation, source: Source) -> LinkPart:
    part = _part(source, "link")
    part.only({"button", "url"})
    button = _titled(making, part.needed("button"), "button", _BUTTON_TITLE)
    return LinkPart(button, making.address(part.needed("url"), "url", WEB))


def _goods(making: Compilation, source: Source) -> GoodsPart:
    part = _part(source, "goods")
    part.only({"catalog", "products", "sections"})
    sections = tuple(_products(making, each) for each in _sections(part, "products"))
    items = sum(len(section.products) for section in sections)
    _count(making, part, "products", items, PRODUCTS)
    alone = items == 1 and sections[0].title is None
    if not alone and not ("header" in source.fields and "text" in source.fields):
        making.problems.append(Problem(source.file, part.line, "several products need a header and a text"))
    if alone and "header" in source.fields:
        making.problems.append(Problem(source.file, part.line, "a single product has no header"))
    if not alone and not all(section.title for section in sections):
        making.problems.append(Problem(source.file, part.line, "each section of several products has a title"))
    return GoodsPart(_titled(making, part.needed("catalog"), "catalog", _ID), sections)


def _products(making: Compilation, part: Source) -> SectionPart:
    part.only({"title", "products", "catalog"})
    found = tuple(_titled(making, text, "product", _ID) for text in part.listed("products"))
    return SectionPart(_section_title(making, part), products=found)


def _catalog(making: Compilation, source: Source) -> CatalogPart:
    return CatalogPart(_titled(making, source.needed("catalog"), "catalog", _ID))


def _flow(making: Compilation, source: Source) -> FlowPart:
    part = _part(source, "flow")
    part.only({"name", "button", "screen", "token", "data"})
    return FlowPart(
        name=part.needed("name").value,
        button=_titled(making, part.needed("button"), "button", _BUTTON_TITLE),
        screen=part.needed("screen").value,
        token=making.phrase(part.needed("token")),
        data={name: making.phrase(text) for name, text in part.mapped("data").items()},
    )


#: The fields by which a message says what may be tapped, and who reads each.
ACTIONS: Mapping[str, Callable[[Compilation, Source], Part]] = {
    "buttons": _buttons,
    "list": _list,
    "link": _link,
    "goods": _goods,
    "catalog": _catalog,
    "flow": _flow,
}


def _part(source: Source, name: str) -> Source:
    part = source.part(name)
    assert part is not None, "it is asked for where it stands"
    return part


def _sections(part: Source, rows: str) -> Sequence[Source]:
    """The sections; one without a title, where rows stand there by themselves."""
    if "sections" not in part.fields:
        return [part]
    if rows in part.fields:
        raise part.wrong(rows, f"{rows} stand in sections, or by themselves; not both")
    found = part.parts("sections")
    return [each for each in found if isinstance(each, Source)]


def _section_title(making: Compilation, part: Source) -> Short | None:
    text = part.text("title")
    return None if text is None else _titled(making, text, "title", _SECTION_TITLE)


def _titled(making: Compilation, text: Text, name: str, most: int) -> Short:
    phrase = short(making, text, name, most)
    assert phrase is not None
    return Short(phrase, name, most)


def _count(making: Compilation, part: Source, name: str, count: int, most: int) -> None:
    if not 1 <= count <= most:
        making.problems.append(Problem(part.file, part.line, f"it has {count} {name}; WhatsApp takes 1 to {most}"))


def _check_names(making: Compilation, part: Source, names: Mapping[str, object]) -> None:
    for name in names:
        if not re.fullmatch(CHOICE, name):
            told = f"{name}: a choice has a name that the journey hears: small letters, digits, _, - and ., at most 100"
            making.problems.append(Problem(part.file, part.line, told))
