"""`journeys new`: a first catalogue to change and to grow, written where there was nothing.

Promise: nothing that exists is written over, and what is written passes `journeys check` and its own test.
"""

import keyword
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from workers.cli.asked import fail
from workers.place import ROOMS

_JOURNEY = '''\
"""Welcome: hello after ten minutes, an offer after three days; over as soon as the first order is placed."""

from journeys import Journey, Segment, did, journey, once, purchases

signed_up = Segment("signed-up", did("Signed Up").within(hours=1), "Signed up within the hour.")
looks_around = Segment("looks-around", did("Product Viewed").within(days=7), "Looked at a product this week.")


@journey(entry=signed_up, goal=purchases, reentry=once())
async def welcome(j: Journey) -> None:
    """A push, or an email where there is no app; then an offer to who looks around."""
    await j.wait(minutes=10)
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

import pytest


@pytest.fixture
def journeys_catalogue():
    return "{module}"


def test_who_looks_around_is_welcomed_and_gets_the_offer(shop):
    ana = shop.customer("ana")
    ana.does("Product Viewed")
    ana.does("Signed Up")
    shop.passes(days=4)
    assert ana.got("push:hello", after=timedelta(minutes=10))
    assert ana.got("email:first-order", after=timedelta(days=3))
    assert ana.left("welcome", "finished")


def test_an_order_ends_it(shop):
    ana = shop.customer("ana", channels=("email",))
    ana.does("Signed Up")
    shop.passes(days=1)
    ana.does("Order Completed")
    shop.passes(days=3)
    assert ana.inbox == ["email:hello"]
    assert ana.left("welcome", "goal reached")
'''
_FILES = {
    "__init__.py": _JOURNEY,
    "hello.push.yaml": _PUSH,
    "hello.email.mjml": _EMAIL.format(subject="Welcome!", declared="", text="Good to have you."),
    "first-order.email.mjml": _EMAIL.format(
        subject="Something for your first order", declared="params: [code]\n", text="Your code is {{ params.code }}."
    ),
}


def new(
    folder: Annotated[Path, typer.Argument(help="A folder that is not there yet, below this one: my_shop, or acme/campaigns.")],
) -> None:
    """Write a first catalogue: one journey, its two segments, its three messages and its test, to change and to grow.

    A catalogue is a folder of Python files, with the templates of its messages beside them; its name is how it is imported.
    `journeys check` looks for mistakes in it, and `journeys dev` runs it on this machine, where no message leaves the house.
    """
    module = _module(folder)
    test = Path("tests") / f"test_{module.replace('.', '_')}.py"
    if test.exists():
        fail(f"{test} is there already; move it away, or name another folder")
    written = {folder / name: text for name, text in _FILES.items()} | {test: _TEST.format(module=module)}
    for file, text in written.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    typer.echo("\n".join(map(str, written)))
    typer.echo(f"\nLook for mistakes:    journeys check {module}")
    typer.echo(f"Run it here:          JOURNEYS_CATALOGUE={module} journeys dev")
    typer.echo(f"Test it:              pytest {test}    (needs the extra journeys[testing])")


def _module(folder: Path) -> str:
    """The name by which the folder is imported from here; a folder that cannot be a new catalogue ends the command."""
    here = Path.cwd()
    below = (here / folder).resolve()
    if below == here.resolve() or not below.is_relative_to(here.resolve()):
        fail(f"{folder} is not below the folder where you stand; go to where it is to be, and name it from there")
    parts = below.relative_to(here.resolve()).parts
    for part in parts:
        if not part.isidentifier() or keyword.iskeyword(part):
            fail(f"Python cannot import a folder that is called '{part}'; use letters, digits and _, such as my_shop")
    if _taken(parts[0], here):
        fail(f"Python has a package that is called '{parts[0]}' already; give yours a name of its own")
    if below.exists() and (not below.is_dir() or any(below.iterdir())):
        fail(f"{folder} is there already, and not empty; name a folder that is not there yet")
    return ".".join(parts)


def _taken(name: str, here: Path) -> bool:
    """Whether another module than a folder here answers to a name."""
    if name in ROOMS or name in sys.stdlib_module_names:
        return True
    spec = find_spec(name)
    places = [] if spec is None else [spec.origin] if spec.origin else list(spec.submodule_search_locations or ())
    return any(place and not Path(place).resolve().is_relative_to(here.resolve() / name) for place in places)
