"""Examples in the documents run: Python is compiled and executed, commands exist with their options, calls are routes."""

import ast
import importlib
import re
import shlex
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from typer.main import get_command

import journeys
import segments
from api.app import ROUTERS
from journeys.authoring import JourneyDefinition
from segments import Predicate, Segment, trait
from workers.cli.main import app

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"^\$ (.*(?:(?<=\\)\n.*)*)", re.MULTILINE)


def blocks(page: Path, *kinds: str) -> list[str]:
    return [dedent(text) for _, kind, text in BLOCK.findall(page.read_text()) if kind in kinds]


def of(page: Path, found: list[str]) -> list[Any]:
    """What stands in a page, with names for the cases."""
    return [pytest.param(each, id=f"{page.stem}-{n}") for n, each in enumerate(found, 1)]


PYTHON = [case for page in PAGES for case in of(page, blocks(page, "python"))]


def parsed(text: str) -> ast.Module:
    """The block; steps of a journey may stand alone."""
    tree = compile(text, "example", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    assert isinstance(tree, ast.Module)
    compile(text, "example", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    return tree


def ready_made() -> dict[str, Any]:
    """What the library has, wherever it is kept."""
    for name in ("segments.library", "definitions.library"):
        try:
            library = importlib.import_module(name)
        except ModuleNotFoundError:
            continue
        return {each: getattr(library, each) for each in library.__all__}
    raise AssertionError("there is no library")


def words() -> dict[str, Any]:
    """What an example may take for granted: all words of the doors, the library, and the segments that it speaks of."""
    known = {name: getattr(door, name) for door in (journeys, segments) for name in door.__all__}
    shop = importlib.import_module("definitions.segments")
    known |= {name: value for name, value in vars(shop).items() if isinstance(value, Segment)}
    known |= {"date": importlib.import_module("datetime").date, "coat_fans": Segment("coat-fans", trait("likes") == "coats")}
    return ready_made() | known | {"__name__": "example"}


def awaits(tree: ast.Module) -> bool:
    """Whether steps of a journey stand outside of one."""
    inside = {id(node) for each in ast.walk(tree) if isinstance(each, ast.AsyncFunctionDef) for node in ast.walk(each)}
    return any(isinstance(node, ast.Await) and id(node) not in inside for node in ast.walk(tree))


def test_there_are_examples() -> None:
    assert len(PYTHON) > 15
    assert len(CONSOLE) > 12
    assert len(SAID) > 12
    assert len(CALLS) > 20


@pytest.mark.parametrize("text", PYTHON)
def test_an_example_compiles_and_what_it_imports_is_there(text: str) -> None:
    for node in ast.walk(parsed(text)):
        if isinstance(node, ast.Import):
            for each in node.names:
                importlib.import_module(each.name)
        elif isinstance(node, ast.ImportFrom) and node.module:
            module = importlib.import_module(node.module)
            assert [each.name for each in node.names if not hasattr(module, each.name)] == []


@pytest.mark.parametrize("text", PYTHON)
def test_an_example_runs(text: str) -> None:
    """Definitions mean something: each line of its own is a predicate or a segment, each journey can be declared."""
    tree = parsed(text)
    if awaits(tree):
        steps = "".join(f"    {line}\n" for line in text.splitlines())
        text = f"@journey(goal=did('Order Completed'))\nasync def example(j: Journey) -> None:\n{steps}"
        tree = parsed(text)
    known = words()
    for node in tree.body:
        if isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant):
            found = eval(compile(ast.Expression(node.value), "example", "eval"), known)
            assert isinstance(found, Predicate | Segment), ast.unparse(node)
        else:
            exec(compile(ast.Module([node], []), "example", "exec"), known)
    declared = [each for each in known.values() if isinstance(each, JourneyDefinition)]
    assert len(declared) == text.count("@journey(")


def commands(page: Path) -> list[str]:
    """What is typed: the lines after `$ ` of console blocks, and the lines of shell blocks."""
    typed = [found for block in blocks(page, "console") for found in COMMAND.findall(block)]
    typed += [line for block in blocks(page, "sh", "shell", "bash") for line in block.replace("\\\n", " ").splitlines()]
    return [each.replace("\\\n", " ") for each in typed]


def ours(command: str) -> list[str] | None:
    """The arguments of `journeys`, if that is what the command calls."""
    found = shlex.split(command, comments=True) if "journeys " in command and "curl" not in command else []
    return found[1:] if found and found[0].rpartition("/")[2] == "journeys" else None


CONSOLE = [case for page in PAGES for case in of(page, [each for each in commands(page) if ours(each) is not None])]
#: In sentences: `journeys segments list`, `journeys demo --keep`.
SAID = sorted({text for page in PAGES for text in re.findall(r"`(?:\.venv/bin/)?journeys ([a-z][^`\n…]*)`", page.read_text())})
MADE = sorted({text for page in PAGES for text in re.findall(r"(?:`|^\$ )make ([a-z]+)", page.read_text(), re.MULTILINE)})


def unknown(arguments: list[str]) -> str | None:
    """What of a command line does not exist: a command, or an option of it."""
    command: Any = get_command(app)
    for word in arguments:
        options = {name for each in command.params for name in (*each.opts, *each.secondary_opts)} | {"--help"}
        if word.startswith("-"):
            if (name := word.partition("=")[0]) not in options:
                return f"{command.name} has no {name}"
        elif hasattr(command, "commands"):  # a group, of the click that Typer brings
            if word not in command.commands:
                return f"{command.name} has no command {word}"
            command = command.commands[word]
    return None


@pytest.mark.parametrize("command", CONSOLE)
def test_a_command_is_taken_as_it_is_typed(command: str) -> None:
    """Parsed as the command line does, but not carried out: arguments are complete, values are of their kind."""
    arguments = ours(command)
    assert arguments is not None
    assert unknown(arguments) is None
    context: Any = None
    step: Any = get_command(app)
    while step is not None:
        context = step.make_context(step.name, list(arguments), parent=context)
        rest = [*context._protected_args, *context.args]
        step = step.resolve_command(context, rest)[1] if hasattr(step, "commands") else None
        arguments = rest[1:]


@pytest.mark.parametrize("command", SAID)
def test_a_command_that_is_spoken_of_exists(command: str) -> None:
    assert unknown(shlex.split(command)) is None


def test_what_does_not_exist_is_noticed() -> None:
    assert unknown(["segments", "frobnicate"]) == "segments has no command frobnicate"
    assert unknown(["demo", "--forever"]) == "demo has no --forever"


def test_what_is_made_can_be_made() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(MADE) - targets == set()
    assert {"demo", "test", "check"} <= set(MADE)


def shape(path: str) -> str:
    return re.sub(r"\{\w+(?::\w+)?\}", "{}", path.partition("?")[0])


ROUTES = {(method, shape(route.path)) for router in ROUTERS for route in router.routes for method in route.methods}  # type: ignore[attr-defined]  # routes of FastAPI have both
CALLS = sorted(
    {
        (method, path)
        for page in PAGES
        for methods, path in re.findall(r"`((?:(?:GET|PUT|POST|DELETE)(?:, )?)+) (/v1/[^`\s…]+)`", page.read_text())
        for method in methods.split(", ")
    }
)


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_a_call_that_is_spoken_of_is_a_route(method: str, path: str) -> None:
    assert (method, shape(path)) in ROUTES
