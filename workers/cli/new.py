"""`journeys new`: a first catalogue to change and to grow, written where there was nothing.

Promise: nothing that exists is written over, and what is written passes `journeys check` and its own test.
"""

import keyword
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from journeys.place import ROOMS
from workers.cli.asked import InJson, fail, say
from workers.cli.check import is_catalogue

_JOURNEY = '''\
"""Welcome: hello after ten seconds, an offer after three days; over as soon as the first order is placed."""

from journeys import Journey, Segment, did, journey, once, purchases

signed_up = Segment("signed-up", did("Signed Up").within(hours=1), "Signed up within the hour.")
looks_around = Segment("looks-around", did("Product Viewed").within(days=7), "Looked at a product this week.")


@journey(entry=signed_up, goal=purchases, reentry=once())
async def welcome(j: Journey) -> None:
    """A push, or an email where there is no app; then an offer to who looks around."""
    await j.wait(seconds=10)
    await j.push("hello") or await j.email("hello")
    await j.at(days=3)
    await j.email("first-order", only=looks_around, code="WELCOME")
'''
_PUSH = """\
title: "Welcome{% if customer.firstName %}, {{ customer.firstName }}{% endif %}!"
body: "Good to have you."
link: "shop://home"
"""
_EMAIL = """\
---
subject: "{subject}"
{declared}---
<mjml>
  <mj-body>
    <mj-section>
      <mj-column>
        <mj-text>{text}</mj-text>
        <mj-text><a href="{{{{ unsubscribe_url }}}}">Unsubscribe</a></mj-text>
      </mj-column>
    </mj-section>
  </mj-body>
</mjml>
"""
_TEST = '''\
"""The welcome journey over its three days, in milliseconds; with `--journeys-on temporal` on real servers."""

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from workers.testing.rehearsal import Rehearsal


@pytest.fixture
def journeys_catalogue() -> str:
    return "{module}"


def test_who_looks_around_is_welcomed_and_gets_the_offer(shop: "Rehearsal") -> None:
    ana = shop.customer("ana")
    ana.does("Product Viewed")
    ana.does("Signed Up")
    shop.passes(days=4)
    assert ana.got("push:hello", after=timedelta(seconds=10))
    assert ana.got("email:first-order", after=timedelta(days=3))
    assert ana.left("welcome", "finished")


def test_an_order_ends_it(shop: "Rehearsal") -> None:
    ana = shop.customer("ana", channels=("email",))
    ana.does("Signed Up")
    shop.passes(days=1)
    ana.does("Order Completed")
    shop.passes(days=3)
    assert ana.inbox == ["email:hello"]
    assert ana.left("welcome", "goal reached")
'''
_AGENTS = Path(__file__).with_name("agents.md")
_FILES = {
    "__init__.py": _JOURNEY,
    "hello.push.yaml": _PUSH,
    "hello.email.mjml": _EMAIL.format(subject="Welcome!", declared="", text="Good to have you."),
    "first-order.email.mjml": _EMAIL.format(
        subject="Something for your first order", declared="params: [code]\n", text="Your code is {{ params.code }}."
    ),
}


_NEXT = """\

How to work in it:    {agents}
Look for mistakes:    journeys check {module}
Run it here:          JOURNEYS_CATALOGUE={module} journeys dev
Test it:              pytest {test}    (needs the extra journeys[testing])

While it runs, in a second terminal and in this folder, somebody signs up:

  export INGEST_KEY=$(python3 -c 'import json; print(json.load(open(".journeys/keys.json"))["ingest"])')
  curl -u "$INGEST_KEY:" localhost:8080/v1/identify -H 'content-type: application/json' -d '{{
    "userId": "u-1", "traits": {{"firstName": "Ana"}},
    "context": {{"device": {{"token": "token-1", "type": "android"}},
                "messaging_subscriptions": [{{"key": "token-1", "type": "ANDROID_PUSH", "status": "SUBSCRIBED"}}]}}}}'
  curl -u "$INGEST_KEY:" localhost:8080/v1/track -H 'content-type: application/json' -d '{{
    "userId": "u-1", "event": "Signed Up", "properties": {{}}}}'

Ten seconds later the push is seen at http://localhost:8090 (`journeys dev` says so where a port is another)."""


def new(
    folder: Annotated[Path, typer.Argument(help="A folder that is not there yet, below this one: my_shop, or acme/campaigns.")],
    as_json: InJson = False,
) -> None:
    """Write a first catalogue: one journey, its two segments, its three messages and its test, to change and to grow.

    An AGENTS.md says how to work in it, to people and to programs that write.

    A catalogue is a folder of Python files, with the templates of its messages beside them; its name is how it is imported.
    `journeys check` looks for mistakes in it, and `journeys dev` runs it on this machine, where no message leaves the house.
    """
    module = _module(folder)
    test = Path("tests") / f"test_{module.replace('.', '_')}.py"
    if test.exists():
        fail(f"{test} is there already; move it away, or name another folder")
    written = {folder / name: text for name, text in _FILES.items()} | {test: _TEST.format(module=module)}
    written[folder / "AGENTS.md"] = _AGENTS.read_text(encoding="utf-8").format(module=module, test=test)
    _write(written)
    files = [str(file) for file in written]
    told = "\n".join([*files, _NEXT.format(module=module, test=test, agents=folder / "AGENTS.md")])
    say({"module": module, "files": files}, told, as_json=as_json)


def _write(files: Mapping[Path, str]) -> None:
    """All of them, or none."""
    for folder in {above for file in files for above in file.parents}:
        if folder.exists() and not folder.is_dir():
            fail(f"{folder} is a file, and would have to be a folder; move it away, or name another folder")
    done: list[Path] = []
    try:
        for file, text in files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            done.append(file)
    except OSError as error:
        for file in done:
            file.unlink()
        fail(f"nothing can be written to {error.filename} ({(error.strerror or str(error)).lower()}); go to another folder")


def _module(folder: Path) -> str:
    """The name by which the folder is imported from here; a folder that cannot be a new catalogue ends the command."""
    here = Path.cwd().resolve()
    below = (here / folder).resolve()
    if below == here or not below.is_relative_to(here):
        fail(f"{folder} is not below the folder where you stand; go to where it is to be, and name it from there")
    parts = below.relative_to(here).parts
    if parts[0] == "src" and len(parts) > 1:
        here, parts = here / "src", parts[1:]
    _insist_on_names(parts, here)
    if below.exists() and (not below.is_dir() or any(below.iterdir())):
        fail(f"{folder} is there already, and not empty; name a folder that is not there yet")
    for above in below.parents[: len(parts) - 1]:
        if is_catalogue(above):
            fail(f"{above.relative_to(here)} is a catalogue already, and holds what is below it, too; name a folder beside it")
    return ".".join(parts)


def _insist_on_names(parts: Sequence[str], here: Path) -> None:
    for part in parts:
        if not part.isidentifier() or keyword.iskeyword(part):
            fail(f"Python cannot import a folder that is called '{part}'; use letters, digits and _, such as my_shop")
    if _taken(parts[0], here, shared=len(parts) > 1):
        fail(f"Python has a package that is called '{parts[0]}' already; give yours a name of its own")


def _taken(name: str, here: Path, *, shared: bool) -> bool:
    """Whether another module than a folder here answers to a name; a package without an `__init__.py` may be shared."""
    if name in ROOMS or name in sys.stdlib_module_names:
        return True
    spec = find_spec(name)
    if spec is None:
        return False
    places = [spec.origin] if spec.origin else [] if shared else list(spec.submodule_search_locations or ())
    return any(place and not Path(place).resolve().is_relative_to(here / name) for place in places)
