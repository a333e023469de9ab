"""`journeys lint` doubts variables that may have no value when the message is due, and not those that are there."""

from pathlib import Path

from tests.command_line import journeys

SOURCE = """\
from pydantic import BaseModel
from journeys import Journey, Segment, Service, Traits, journey, purchases, trait

class Answer(BaseModel):
    score: int

class Credit(BaseModel):
    limit: int
    note: str | None = None

own = Traits("tier")
credit = Service("credit", gives=Credit)
gold = Segment("gold", trait("tier") == "gold")

@journey(entry=gold, goal=purchases)
async def hello(j: Journey[Answer]) -> None:
    if await j.fetch(credit):
        await j.push("hello")
"""
SHOWN = """\
title: "{{ customer.firstName }} {{ customer.tier }} {{ entry.score }} {{ fetched.credit['limit'] }} {{ fetched.credit.note }}"
body: "{% if customer.lastName %}{{ customer.lastName }}{% endif %} {{ entry.name | default: 'x' }}"
"""


def test_what_may_have_no_value_is_doubted_where_the_template_stands(tmp_path: Path) -> None:
    folder = tmp_path / "acme"
    folder.mkdir()
    (folder / "__init__.py").write_text(SOURCE)
    (folder / "hello.push.yaml").write_text(SHOWN)
    found = journeys("lint", cwd=tmp_path, catalogue="acme")
    told = [line.partition(";")[0] for line in found.stdout.splitlines() if "may-have-no-value" in line]
    why = "may have no value, and then the message fails instead of being sent"
    assert told == [
        f"acme/hello.push.yaml:1:1: warning: customer.firstName {why}",
        f"acme/hello.push.yaml:1:1: warning: fetched.credit.note {why}",
    ], found.stdout + found.stderr
    assert "write {{ customer.firstName | default: '…' }}" in found.stdout
