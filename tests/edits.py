"""Edits of a journey while people are in it: what they began with, what is replaced by what, and whom it would fit."""

from typing import NamedTuple

from changing import HEAD

#: A message, a wait, two messages; its words stand beside the catalogue, its parameters in a model.
FIRST = (
    """
from pydantic import BaseModel
import changing_words
from changing_words import span
from journeys import Segment, days, reachable

everybody = Segment("everybody", reachable("push"))
"""
    + HEAD.replace(
        "@journey(goal",
        """class Given(BaseModel):
    urgent: bool = False

@journey(params=Given, goal""",
    ).format(name="greets")
    + """
    await j.push('note')
    await j.wait(days=span())
    await j.push('note', transactional=j.params.urgent)
    await j.push('last', only=everybody)
"""
)


class Edit(NamedTuple):
    """One edit; `fits`: whether the code of after could go on with the runs of before. `beside` goes to the helpers."""

    before: str
    after: str
    fits: bool
    beside: str = ""


NOTE, WAIT, LAST = "    await j.push('note')\n", "    await j.wait(days=span())\n", "    await j.push('last', only=everybody)\n"
DECLARED = "@journey(params"
HEADED = "@journey(params=Given, goal=purchases, reentry=after(minutes=0))\nasync def greets"
EDITS = {
    # steps behind or before the place where the runs stand
    "a wait is put in before": Edit(WAIT, f"    await j.wait(hours=1)\n{WAIT}", True),
    "a message is put in before": Edit(NOTE, NOTE + LAST, False),
    "a message is taken out before": Edit(NOTE, "", False),
    "a message is sent twice before": Edit(NOTE, "    for _ in range(2):\n    " + NOTE, False),
    "the wait is taken out": Edit(WAIT, "", False),
    "the wait becomes a question": Edit(WAIT, "    await j.reached()\n", False),
    "a question is put before the wait": Edit(WAIT, f"    if await j.reached():\n        return\n{WAIT}", False),
    "the wait moves into an experiment": Edit(
        WAIT, f"    async with j.experiment('spring', long=0.5, short=0.5):\n    {WAIT}", False
    ),
    "the wait moves into a function": Edit(WAIT, f"    async def later() -> None:\n    {WAIT}    await later()\n", True),
    "the wait is longer": Edit("days=span()", "days=5", True),
    "the wait is counted from the entry": Edit(WAIT, "    await j.at(days=3)\n", True),
    "a message is put in behind": Edit(LAST, LAST + NOTE, True),
    "a message is taken out behind": Edit(LAST, "", True),
    "a question is put in behind": Edit(LAST, f"    if not await j.reached():\n    {LAST}", True),
    "the last message is another": Edit("push('last', only", "push('note', only", True),
    "the wait becomes three": Edit(WAIT, "    for _ in range(3):\n        await j.wait(days=1)\n", True),
    "the first message waits": Edit(NOTE, f"    await j.wait(hours=1)\n{NOTE}", False),
    "the first message waits for somebody": Edit(
        NOTE, f"    await j.wait_for(did('Product Viewed'), timeout=days(1))\n{NOTE}", False
    ),
    "the wait becomes one for somebody": Edit(WAIT, "    await j.wait_for(did('Product Viewed'), timeout=days(3))\n", False),
    "the wait becomes a time of day": Edit(WAIT, "    await j.until('09:30')\n", False),
    "the wait is for some only": Edit(WAIT, f"    if j.params.urgent:\n    {WAIT}", False),
    "a trait is set before the wait": Edit(WAIT, f"    await j.set_traits(tier='gold')\n{WAIT}", False),
    "a segment is asked for before the wait": Edit(WAIT, f"    await j.is_in(everybody)\n{WAIT}", False),
    "another journey ends before the wait": Edit(WAIT, f"    await j.end('another')\n{WAIT}", False),
    "the journey starts itself before the wait": Edit(WAIT, f"    await j.start('greets')\n{WAIT}", False),
    "others are held during the wait": Edit(WAIT, f"    async with j.hold_others():\n    {WAIT}", False),
    # what is declared
    "the entering event has a model": Edit(
        f"{HEADED}(j: Journey)", f"class Answer(BaseModel):\n    score: int = 0\n\n{HEADED}(j: Journey[Answer])", True
    ),
    "the goal is another": Edit("goal=purchases", "goal=did('Product Viewed')", True),
    "the ceiling is lower": Edit(DECLARED, "@journey(most=1, params", True),
    "the holdout is nearly everybody": Edit(DECLARED, "@journey(holdout=0.99, params", True),
    "it is quiet all day": Edit(
        DECLARED, "from journeys import QuietHours\n@journey(quiet_hours=QuietHours('00:00', '23:59'), params", True
    ),
    "the cap is one in a month": Edit(
        DECLARED,
        "from datetime import timedelta\nfrom journeys import Cap\n@journey(caps=Cap(1, timedelta(days=30)), params",
        True,
    ),
    "the purpose is another": Edit(
        DECLARED, "from journeys import Purpose\n@journey(purpose=Purpose.TRANSACTIONAL, params", True
    ),
    "the parameters are others": Edit("urgent: bool = False", "urgent: bool = True\n    more: int = 1", True),
    "the segment is another": Edit('reachable("push")', '~reachable("push")', True),
    # modules and names
    "a helper is another": Edit("import span\n", "import span as former\ndef span():\n    return former() + 1\n", True),
    "a helper sends twice": Edit(
        NOTE,
        "    await changing_words.twice(j)\n",
        False,
        "async def twice(j):\n    await j.push('note')\n    await j.push('note')\n",
    ),
    "nothing but a template and a helper is another": Edit("", "", True),
    "the journey is deleted": Edit(
        "async def greets(j: Journey) -> None:\n", "async def another(j: Journey) -> None:\n    await j.push('last')\n", False
    ),
    "the journey is renamed": Edit("async def greets", "async def welcomes", False),
}
