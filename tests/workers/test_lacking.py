"""Messages that lack their template, or what that names: told by journey, message and cause, before somebody comes there."""

from pathlib import Path
from types import MappingProxyType

from changing import NAME, folder, forget, write  # noqa: F401 - fixtures

from activities.templates import Folder, templates_of
from journeys.catalogue import load
from workers.lacking import lacking

STEPS = ("await j.push('note')", "if await j.reached():", "    await j.push('last', price=7)")
PLAIN = "title: Hello\nbody: there\n"
PRICED = "params: [price, size]\ntitle: Hello\nbody: '{{ params.price }} {{ params.size }}'\n"


def told(texts: dict[str, str]) -> list[tuple[str, str, str]]:
    templates = templates_of(Folder(NAME, MappingProxyType(texts)))
    return [(each.journey, each.message, each.text) for each in lacking(load(NAME), templates, {"greets", "gone"})]


def test_a_template_that_is_missing_or_wants_more_is_told_on_every_path(folder: Path) -> None:  # noqa: F811 - the fixture
    write(folder, *STEPS)
    forget()
    note = {"note.push.yaml": PLAIN}
    assert told(note | {"last.push.yaml": "params: [price]\ntitle: Hello\nbody: '{{ params.price }}'\n"}) == []
    ((journey, message, missing),) = told(note)
    assert (journey, message) == ("greets", "push last")
    assert "there is no push template last" in missing
    ((_, _, more),) = told(note | {"last.push.yaml": PRICED})
    assert "the journey does not pass size" in more
