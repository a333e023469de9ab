"""What documents show is so: each kind of block is checked; commands, settings, calls and words of the handle exist."""

import ast
import importlib
import inspect
import json
import re
import shlex
import shutil
import subprocess
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlglot
import yaml
from typer.main import get_command

import journeys
import segments.library
from api.app import ROUTERS
from journeys.authoring import JourneyDefinition
from journeys.check.steps import misuses
from journeys.handle import Journey
from segments import Predicate, Segment, trait
from tests.pages import PAGES, ROOT, Page, cases
from tests.programs import missing
from workers.cli.main import app
from workers.settings import Settings

#: What documents name because it is refused.
REFUSED = {"JOURNEYS_CATALOG", "j.pager"}


def read_template(text: str) -> None:
    """A letter: what stands before it, and the letter."""
    _, head, letter = text.split("---\n", 2)
    yaml.safe_load(head)
    ET.fromstring(letter)


def read_drawing(text: str) -> None:
    """A block without a kind is drawn, or it would be checked."""
    if re.search(r"^\s*(\$ |await |from |import |\{)", text, re.MULTILINE):
        raise ValueError(f"of which kind is this: {text.splitlines()[0]}")


def closed(text: str) -> None:
    """Of Power Query, which nothing here can run, that each bracket is closed."""
    if any(text.count(a) != text.count(b) for a, b in ("()", "[]", "{}")) or text.count('"') % 2:
        raise ValueError("a bracket or a quotation mark is open")


#: How a block is looked at, by its kind; those of the others have tests of their own.
READERS: dict[str, Callable[[str], object]] = {
    "json": json.loads,
    "yaml": yaml.safe_load,
    "html": read_template,
    "sql": sqlglot.parse,
    "powerquery": closed,
    "": read_drawing,
}
TESTED = {"python", "console", "sh", "js", "mermaid"}


def blocks_that_are_not(page: Page) -> Iterator[str]:
    """Blocks of a kind that nothing looks at, and those that are not what they say."""
    yield from (f"nothing looks at blocks of the kind '{kind}'" for kind in sorted(page.kinds - {*TESTED, *READERS}))
    for kind, read in READERS.items():
        for text in page.blocks(kind):
            try:
                read(text)
            except (ValueError, yaml.YAMLError, ET.ParseError, sqlglot.errors.ParseError) as error:
                yield f"{kind or 'a drawing'}: {error}"


PYTHON = cases({page: page.blocks("python") for page in PAGES})


def parsed(text: str) -> ast.Module:
    """The block; steps of a journey may stand alone."""
    tree = compile(text, "example", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    assert isinstance(tree, ast.Module)
    compile(text, "example", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    return tree


def taken_for_granted() -> dict[str, Any]:
    """What an example may take for granted: all words of the doors, the library, and the segments that it speaks of."""
    known = {name: getattr(door, name) for door in (segments.library, journeys, segments) for name in door.__all__}
    shop = importlib.import_module("definitions.segments")
    known |= {name: value for name, value in vars(shop).items() if isinstance(value, Segment)}
    known |= {"date": importlib.import_module("datetime").date, "coat_fans": Segment("coat-fans", trait("likes") == "coats")}
    return known | {"__name__": "example"}


def awaits(tree: ast.Module) -> bool:
    """Whether steps of a journey stand outside of one."""
    inside = {id(node) for each in ast.walk(tree) if isinstance(each, ast.AsyncFunctionDef) for node in ast.walk(each)}
    return any(isinstance(node, ast.Await) and id(node) not in inside for node in ast.walk(tree))


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
    known = taken_for_granted()
    for node in tree.body:
        if isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant):
            found = eval(compile(ast.Expression(node.value), "example", "eval"), known)
            assert isinstance(found, Predicate | Segment), ast.unparse(node)
        else:
            exec(compile(ast.Module([node], []), "example", "exec"), known)
    assert [str(wrong) for wrong in misuses(Path("example.py"), tree)] == []
    declared = [each for each in known.values() if isinstance(each, JourneyDefinition)]
    assert len(declared) == text.count("@journey(")


@pytest.mark.parametrize("text", cases({page: page.blocks("js") for page in PAGES}))
def test_javascript_is_javascript(text: str) -> None:
    node = shutil.which("node") or missing("no Node.js on this machine: apt-get install nodejs npm")
    subprocess.run([node, "--input-type=module", "--check", "-"], input=text, text=True, check=True)


#: What is typed besides our own program.
PROGRAMS = {".", "cd", "curl", "export", "git", "journeys", "make", "pip", "pytest", "python3", "temporal"}


def typed(page: Page) -> list[list[str]]:
    """What is typed, in words: lines after `$ ` with those that belong to them, and each line of a script; `&&` joins two."""
    found: list[list[str]] = []
    scripts = [re.sub(r"^(?=\S)", "$ ", block, flags=re.MULTILINE) for block in page.blocks("sh")]
    for block in (*page.blocks("console"), *scripts):
        rest = block.splitlines()
        while rest:
            if (line := rest.pop(0)).startswith("$ "):
                while (words := in_words(line)) is None and rest:
                    line += "\n" + rest.pop(0)
                for word in words or [line]:
                    if word in {"$", "&&", "|"}:
                        found.append([])
                    else:
                        found[-1].append(word)
    return [each for each in found if each]


def in_words(line: str) -> list[str] | None:
    """None where it goes on in the next line."""
    lexer = shlex.shlex(line.replace("\\\n", " "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        return None if line.endswith("\\") else list(lexer)
    except ValueError:
        return None


def ours(command: list[str]) -> bool:
    return command[0].rpartition("/")[2] == "journeys"


CONSOLE = cases({page: [shlex.join(each[1:]) for each in typed(page) if ours(each)] for page in PAGES})


def unknown(arguments: list[str]) -> str | None:
    """What of a command line does not exist: a command, or an option of it."""
    command: Any = get_command(app)
    words = iter(arguments)
    for word in words:
        options = {name: each for each in command.params for name in (*each.opts, *each.secondary_opts)} | {"--help": None}
        if word.startswith("-"):
            name, equals, _ = word.partition("=")
            if name not in options:
                return f"{command.name} has no {name}"
            if not equals and not getattr(options[name], "is_flag", True):
                next(words, None)  # its value, which is no command
        elif hasattr(command, "commands"):  # a group, of the click that Typer brings
            if word not in command.commands:
                return f"{command.name} has no command {word}"
            command = command.commands[word]
    return None


@pytest.mark.parametrize("command", CONSOLE)
def test_a_command_is_taken_as_it_is_typed(command: str) -> None:
    """Parsed as the command line does, but not carried out: arguments are complete, values are of their kind."""
    arguments = shlex.split(command)
    assert unknown(arguments) is None
    context: Any = None
    step: Any = get_command(app)
    while step is not None:
        context = step.make_context(step.name, list(arguments), parent=context)
        rest = [*context._protected_args, *context.args]
        step = step.resolve_command(context, rest)[1] if rest and hasattr(step, "commands") else None  # `journeys runs` lists
        arguments = rest[1:]


#: In sentences: `journeys segments list`, `journeys demo --keep`.
SAID = re.compile(r"(?:\.venv/bin/)?journeys ([a-z][^…]*).*")
MADE = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"].keys()
SETTINGS = {f"JOURNEYS_{name.upper()}" for name in Settings.model_fields}
WORDS = {name for name, _ in inspect.getmembers(Journey) if not name.startswith("_")}


def commands_that_are_not(page: Page) -> Iterator[str]:
    said = [shlex.split(found[1]) for text in page.code if (found := SAID.fullmatch(text))]
    yield from (wrong for each in said if (wrong := unknown(each)))
    yield from (f"what is {each[0]}?" for each in typed(page) if not ours(each) and each[0].rpartition("/")[2] not in PROGRAMS)
    makes = [*typed(page), *(text.split() for text in page.code)]
    yield from (f"make has no {word}" for each in makes if each[:1] == ["make"] for word in each[1:] if word not in MADE)


def names_that_are_not(page: Page) -> Iterator[str]:
    """Settings, extras, and words of the handle."""
    yield from sorted(set(re.findall(r"\bJOURNEYS_[A-Z]\w*", page.text)) - SETTINGS - REFUSED)
    extras = {each for found in re.findall(r"\bjourneys\[([\w, -]+)\]", page.text) for each in found.split(",")}
    yield from (f"the extra {each}" for each in sorted(extras - EXTRAS))
    yield from sorted({f"j.{word}" for word in re.findall(r"\bj\.(\w+)", page.text) if word not in WORDS} - REFUSED)


def shape(path: str) -> str:
    return re.sub(r"\{\w+(?::\w+)?\}", "{}", path.partition("?")[0])


def methods(path: str) -> set[str]:
    """How a path can be called; one that is given with values, too."""
    fits = {each: re.compile(re.escape(each).replace(r"\{\}", "[^/]+")) for _, each in ROUTES}
    return {method for method, each in ROUTES if shape(path) == each or fits[each].fullmatch(path.partition("?")[0])}


ROUTES = {(method, shape(route.path)) for router in ROUTERS for route in router.routes for method in route.methods}  # type: ignore[attr-defined]  # routes of FastAPI have both
CALL = re.compile(r"((?:[A-Z]{3,}(?:, )?)*) ?(/(?:v1|u|beacon)/[^\s…]*)")
IN_TEXT = re.compile(r"\b(GET|HEAD|PUT|POST|PATCH|DELETE) (/(?:v1|u|beacon)/[\w{}/-]+)")


def calls(page: Page) -> Iterator[tuple[set[str], str]]:
    """Calls of the API that are spoken of or typed; without a method where only the path is told."""
    for text in page.code:
        if found := CALL.fullmatch(text):
            yield set(filter(None, found[1].split(", "))), found[2]
    yield from (({method}, path) for method, path in IN_TEXT.findall(page.text))
    for command in typed(page):
        if command[0] == "curl":
            (path,) = (word.partition(":8080")[2] for word in command if ":8080/" in word)
            told = command[command.index("-X") + 1] if "-X" in command else "POST" if "-d" in command else "GET"
            yield {told}, path


def calls_that_are_not(page: Page) -> Iterator[str]:
    for told, path in calls(page):
        if not methods(path) or told - methods(path):
            yield f"{', '.join(sorted(told))} {path}".strip()


LOOKS = [blocks_that_are_not, commands_that_are_not, names_that_are_not, calls_that_are_not]


@pytest.mark.parametrize("page", PAGES, ids=str)
@pytest.mark.parametrize("look", LOOKS)
def test_what_a_page_shows_is_so(look: Callable[[Page], Iterator[str]], page: Page) -> None:
    assert list(look(page)) == []


def test_there_are_examples_and_calls() -> None:
    assert (len(PYTHON) > 15, len(CONSOLE) > 12) == (True, True)
    assert len([call for page in PAGES for call in calls(page)]) > 40


@pytest.mark.parametrize(
    ("look", "text", "told"),
    [
        (blocks_that_are_not, "```py\nx\n```", "nothing looks at blocks of the kind 'py'"),
        (blocks_that_are_not, "* a\n\n  ~~~ json\n  {\n  ~~~", "json: Expecting property name enclosed in double quotes"),
        (blocks_that_are_not, "```\n$ journeys\n```", "a drawing: of which kind is this: $ journeys"),
        (blocks_that_are_not, "    $ journeys frobnicate", "a drawing: of which kind is this: $ journeys frobnicate"),
        (commands_that_are_not, "```console\n$ make it && journey check\n```", "what is journey?"),
        (commands_that_are_not, "* a\n\n  ```console\n  $ cd x && make nothing\n  ```", "make has no nothing"),
        (commands_that_are_not, "`journeys segments frobnicate`", "segments has no command frobnicate"),
        (commands_that_are_not, "`journeys demo --forever`", "demo has no --forever"),
        (commands_that_are_not, "`make nothing`", "make has no nothing"),
        (commands_that_are_not, "```sh\n# a comment\ncd x\njourney check\n```", "what is journey?"),
        (names_that_are_not, "`pip install 'journeys[embedded,all]'`", "the extra all"),
        (names_that_are_not, "JOURNEYS_NOTHING=1 journeys api", "JOURNEYS_NOTHING"),
        (names_that_are_not, "```python\nawait j.fax('x')\n```", "j.fax"),
        (calls_that_are_not, "`PATCH /v1/runs`", "PATCH /v1/runs"),
        (calls_that_are_not, "`GET, DELETE /v1/runs/{id}`", "DELETE, GET /v1/runs/{id}"),
        (calls_that_are_not, "`/v1/nothing`", "/v1/nothing"),
        (calls_that_are_not, "then PATCH /v1/nothing, or so", "PATCH /v1/nothing"),
        (calls_that_are_not, "```console\n$ curl -X PUT localhost:8080/v1/track \\\n    -d '{\n  }'\n```", "PUT /v1/track"),
    ],
)
def test_what_is_not_so_is_noticed(look: Callable[[Page], Iterator[str]], text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(text)
    assert any(wrong.startswith(told) for wrong in look(Page(tmp_path / "page.md")))


def test_a_command_that_is_typed_wrongly_is_noticed() -> None:
    assert unknown(["segments", "frobnicate"]) == "segments has no command frobnicate"
