"""What a catalogue declares, and what its tests say, for the reference: names as they are written, with their own docstrings.

Promise: signatures and texts are those of the code.
"""

import ast
import dataclasses
import inspect
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import journeys
from api.agents.reference import Section

#: By section, its title and its names.
_DECLARED: tuple[tuple[str, str, str], ...] = (
    ("declaring", "a journey and its policies: @journey(…)", "journey Cap QuietHours Window Budget Prices Topic Id"),
    (
        "declaring-entry",
        "when customers enter again, and how many",
        "once after per_key restart whenever within per_minute per_hour per_day ramp entered left",
    ),
    (
        "declaring-measured",
        "experiments, holdouts and conversions",
        "Experiment Plan Effect Option Conversion GlobalHoldout",
    ),
    (
        "declaring-around",
        "services, contexts, places, and names of one's own",
        "Service Context open_meteo Weather Place Show Traits Properties",
    ),
    (
        "declaring-predictions",
        "predictions and their features",
        (
            "Prediction Trial LifetimeValue Clusters BestChannel BestHour Uplift"
            " TraitValue DaysSince feature rfm engagement daily weekly"
        ),
    ),
    (
        "declaring-products",
        "what products move customers",
        "BoughtTogether SeenTogether PriceDrops BackInStock Replenishment next_purchase",
    ),
)
_KIT = (
    "A test is a function that takes `shop`; the plugin comes with the engine, `pytest` runs it on the simulator, and with"
    " `--journeys-on temporal` on real servers. Times are UTC; `ana.story()` is told on the customer's own clock.\n\n"
)
#: Who says it in a test, by the module and the class; read and not imported, since tests start servers, which are commanded.
_SAID_BY = {
    "shop": ("rehearsal", "Rehearsal"),
    "ana": ("customer", "Customer"),
    "shop.provider(…)": ("rehearsal", "Provider"),
    "shop.service(…)": ("services", "Service"),
    "shop.context(…)": ("contexts", "Context"),
    "shop.prediction(…)": ("predictions", "Foretelling"),
    "shop.template(…)": ("approvals", "Approval"),
}
_TESTING = Path(__file__).parents[1] / "testing"


def sections() -> Iterator[Section]:
    """What is declared, by what it is about; then the words of the test kit."""
    for name, title, names in _DECLARED:
        yield Section(name, title, "\n".join(_declared(each) for each in names.split()).rstrip("\n") + "\n")
    words = (_word(said, word) for said, place in _SAID_BY.items() for word in _words(*place))
    yield Section("tests", "what a test of a journey can say", _KIT + "".join(words))


def _declared(name: str) -> str:
    thing = getattr(journeys, name)
    written = f"{'@' if name == 'journey' else ''}{name}({_taken(thing)})"
    return f"### `{name}`\n\n`{written}`\n\n{_about(thing)}\n"


def _about(thing: Any) -> str:
    """A docstring; its example is code that names what its author has, and its arguments are a list."""
    text, _, example = (inspect.getdoc(thing) or "").partition("\nExample:\n")
    code, _, more = dedent(example).partition("\n\n")
    shown = f"\n{indent(code.strip(), '    ')}\n" if code else ""
    return "\n".join(_listed(f"{text.rstrip()}\n{shown}\n{dedent(more)}".strip())) + "\n"


def _listed(text: str) -> Iterator[str]:
    """What stands under `Args:`, an item for each; the rest as it is."""
    inside = False
    for line in text.splitlines():
        if line in ("Args:", "Attributes:", "Raises:"):
            inside = True
            yield f"{line}\n"
        elif inside and line.startswith("    ") and not line.startswith("     "):
            name, _, told = line.strip().partition(": ")
            yield f"* `{name}`: {told}"
        else:
            inside = inside and (not line or line.startswith(" "))
            yield f"  {line.strip()}" if inside and line else line


def _field(node: ast.AnnAssign) -> str:
    """A field as it is written; one that is described has its default, where it has one."""
    if isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "field":
        named = {each.arg: each.value for each in node.value.keywords}
        node.value = named.get("default", ast.Constant(...) if "default_factory" in named else None)
    return ast.unparse(node)


def _taken(thing: Any) -> str:
    """What it takes, as its source says it."""
    (node,) = ast.parse(dedent(inspect.getsource(thing))).body
    if isinstance(node, ast.ClassDef):
        made = next((each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"), None)
        if made is None:
            taken = (_field(each) for each in _fields(thing).values())
            return ", ".join(taken)
        node = made
    assert isinstance(node, ast.FunctionDef)
    return _arguments(node.args)


def _fields(thing: type) -> dict[str, ast.AnnAssign]:
    """The fields of a class by name, those of the classes before it first; what is of the class itself is none."""
    found: dict[str, ast.AnnAssign] = {}
    for each in reversed(thing.__mro__):
        if dataclasses.is_dataclass(each) or each is thing:
            (node,) = ast.parse(dedent(inspect.getsource(each))).body
            assert isinstance(node, ast.ClassDef)
            found |= {ast.unparse(part.target): part for part in node.body if isinstance(part, ast.AnnAssign)}
    return {
        name: part
        for name, part in found.items()
        if not name.startswith("_") and not ast.unparse(part.annotation).startswith("ClassVar")
    }


def _words(module: str, kind: str) -> Iterator[ast.FunctionDef]:
    """What a class of the kit can say."""
    tree = ast.parse((_TESTING / f"{module}.py").read_text(encoding="utf-8"))
    (found,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == kind)
    return (each for each in found.body if isinstance(each, ast.FunctionDef) and not each.name.startswith("_"))


def _word(said: str, word: ast.FunctionDef) -> str:
    about = " ".join((ast.get_docstring(word) or "").split("\n\n")[0].split())
    taken = "" if any(ast.unparse(each) == "property" for each in word.decorator_list) else f"({_arguments(word.args)})"
    return f"* `{said}.{word.name}{taken}`: {about}\n"


def _arguments(arguments: ast.arguments) -> str:
    """Without the object itself, and without what only catches forgotten parentheses."""
    first = arguments.posonlyargs or arguments.args
    if first and first[0].arg in ("self", "bare"):
        bare = first.pop(0).arg == "bare"
        arguments.defaults = arguments.defaults[1:] if bare else arguments.defaults
    return ast.unparse(arguments)
