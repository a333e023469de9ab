"""The whole reference as sections of Markdown, each short enough to be read at once: by people, and by agents.

Promise: words, calls, tools and commands are taken from the code; `tests/test_reference.py` holds the page that ships to it.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from activities.templating.vocabulary import PROPERTIES, TRAITS
from api import ApiConfig, create_app
from api.agents.reference import Section, written
from api.agents.shapes import shape_of
from api.agents.tools import TOOLS, Tool
from journeys.check.reference import reference
from workers.reference import declared, segments

_HERE = Path(__file__).parent
_HEAD = """\
# The reference

All of it in one page: `journeys reference --all` prints it, an agent reads it by section (`read_reference`), and it comes
with the package. It is made of the code, so it says what the code says.
"""
_HANDLE = (
    "A journey is an async Python function over its handle `j`, decorated with `@journey(entry=…, goal=…)`; `journeys new`"
    " writes one to begin with. Code is deployed by developers: no call and no tool takes it.\n\n"
)
_CALLS = "With a key as Bearer; `/openapi.json` has every field. What is in brackets may be left out.\n\n"
_TOOLS = (
    "Of the agents' door, each over a call of the API. A tool that changes something answers a dry run and a confirmation"
    " first, and acts when it is called again with the same arguments and `confirm`.\n\n"
)


def page(root: Any) -> str:
    """The page; `root` is the command line, as click has it."""
    return written(_HEAD, [*sections(root)])


def sections(root: Any) -> Iterator[Section]:
    """Its sections, in their order."""
    yield from _parts(segments.page(), "# ")
    yield from declared.sections()
    yield from _handle()
    names = {"Traits": TRAITS, "Properties of the entering event": PROPERTIES}
    listed = "; and properties:\n".join(", ".join(f"`{name}`" for name in sorted(each)) for each in names.values())
    yield Section(
        "templates", "how messages are written", f"{(_HERE / 'templates.md').read_text(encoding='utf-8')}\n{listed}.\n"
    )
    document = create_app(ApiConfig(dsn="")).openapi()
    yield from _calls(document)
    yield Section("tools", "what an agent can do", _TOOLS + "\n".join(_tool(document, tool) for tool in TOOLS) + "\n")
    commands = [*_commands(root)]
    for letters in ("a-l", "m-z"):  # an agent's answer holds half of them
        told = [each for each in commands if letters[0] <= each.removeprefix("* `journeys ")[0] <= letters[-1]]
        yield Section(f"commands-{letters}", f"the command line: journeys {letters}", "\n".join(told) + "\n")


def _parts(text: str, mark: str) -> Iterator[Section]:
    for part in re.split(rf"^{mark}", text, flags=re.MULTILINE)[1:]:
        head, _, body = part.partition("\n")
        name, _, title = head.partition(": ")
        yield Section(name, title, body.strip("\n") + "\n")


def _handle() -> Iterator[Section]:
    for part in re.split(r"^## ", reference(), flags=re.MULTILINE)[1:]:
        title, _, body = part.partition("\n")
        name = re.sub(r"[^a-z]+", "-", title.lower().removeprefix("words of ").removeprefix("what ")).strip("-")
        yield Section(f"handle-{name}", f"what a journey can say: {title.lower()}", _HANDLE + body.strip("\n") + "\n")


def _calls(document: Mapping[str, Any]) -> Iterator[Section]:
    by_tag: dict[str, list[str]] = defaultdict(list)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            by_tag[operation.get("tags", ["others"])[0]].append(_call(document, f"{method.upper()} {path}"))
    for tag in sorted(by_tag):
        yield Section(f"calls-{tag.replace(' ', '-')}", f"calls of the API: {tag}", _CALLS + "\n".join(by_tag[tag]) + "\n")


def _call(document: Mapping[str, Any], call: str) -> str:
    shape = shape_of(document, call)
    return f"* `{call}`: {_sentence(shape.about)}{_takes(shape.required, frozenset(shape.places))}"


def _tool(document: Mapping[str, Any], tool: Tool) -> str:
    shape = shape_of(document, tool.call)
    taken = frozenset(shape.places) - tool.without
    return f"* `{tool.name}`: {tool.says}{_takes(shape.required & taken, taken)} (`{tool.call}`)"


def _takes(required: frozenset[str], all_: frozenset[str]) -> str:
    told = [*(f"`{name}`" for name in sorted(required)), *(f"[`{name}`]" for name in sorted(all_ - required))]
    return f" Takes {', '.join(told)}." if told else ""


def _sentence(about: str) -> str:
    """The first of a description, on one line."""
    text = " ".join(about.split("\n\n", maxsplit=1)[0].split())
    return text if text.endswith(".") else f"{text}."


def _commands(group: Any, name: str = "journeys") -> Iterator[str]:
    inside: Mapping[str, Any] = getattr(group, "commands", {})
    if not inside or (group.invoke_without_command and name != "journeys"):
        shown = [*(f"{each.name}".upper() for each in group.params if each.param_type_name == "argument")]
        options = [max(each.opts, key=len) for each in group.params if each.param_type_name == "option"]
        yield f"* `{' '.join([name, *shown])}`: {_sentence(group.help or '')}" + (
            f" Options: {', '.join(f'`{each}`' for each in options)}." if options else ""
        )
    for each in sorted(inside):
        yield from _commands(inside[each], f"{name} {each}")
