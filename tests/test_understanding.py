"""docs/understanding.md shows what the commands say of our catalogue; `python tests/test_understanding.py` writes it anew."""

import json
import re
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from rich.console import Console

ROOT = Path(__file__).parents[1]
if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from api.runs.story import tell  # noqa: E402 - also run as a program
from journeys.catalogue import load  # noqa: E402
from journeys.versions.archive import Archive  # noqa: E402
from journeys.versions.loading import load as loaded  # noqa: E402
from journeys.walk.changes import Version, changes  # noqa: E402
from journeys.walk.graph import graph_of, mermaid  # noqa: E402
from journeys.walk.lint import lint  # noqa: E402
from journeys.walk.picture import svg  # noqa: E402
from store.runs.story import Records  # noqa: E402
from store.runs.views import Message, Run  # noqa: E402
from workers.cli.diff import markdown  # noqa: E402
from workers.cli.explain import drawn  # noqa: E402

PAGE = ROOT / "docs" / "understanding.md"
PICTURES = ("nps", "cart_abandonment")
DOUBTFUL = """from journeys import Journey, days, journey

@journey()
async def doubtful(j: Journey) -> None:
    call = j.task("Call", to="care", by=days(3), escalate="care-lead")
    await j.wait_for(call, timeout=days(2))
    receipt = await j.push("hello")
    if receipt.sent and not receipt:
        await j.email("hello")
    await j.push("hello")
"""
T0 = datetime(2026, 3, 2, 17, 30, tzinfo=UTC)
BLOCK = re.compile(r"<!-- (\w+) -->\n+```(\w*)\n.*?```", re.DOTALL)


def blocks() -> dict[str, str]:
    """What the commands say, by the name of the block."""
    return {
        "graph": mermaid(graph_of(load("definitions").journeys["nps"])),
        "source": DOUBTFUL,
        "lint": doubts(),
        "diff": "\n".join(told_of_a_change()) + "\n",
        "explain": story(),
        "simulate": simulated(),
    }


def doubts() -> str:
    archive = Archive("acme", {"acme/__init__.py": DOUBTFUL})
    found = lint(loaded(archive).journeys["doubtful"])
    return "".join(f"{problem} [{problem.rule}]\n".replace(f"{archive.id}/", "") for problem in found)


def told_of_a_change() -> Iterator[str]:
    name = "definitions/cart_abandonment/__init__.py"
    texts = {place: (ROOT / place).read_text() for place in ("definitions/segments.py", name)} | {"definitions/__init__.py": ""}
    text = texts[name].replace("hours=1", "hours=2").replace("days=7", "days=14").replace("free-shipping", "ten-percent")
    old, new = (loaded(Archive("definitions", each)) for each in (texts, texts | {name: text}))
    yield from markdown(changes(Version(old, {}), Version(new, {})), "the folder here", "main")


def story() -> str:
    """A push that waited for the morning, and what comes after it."""
    said = {"consent": "granted", "addresses": 1, "zone": "Europe/Madrid", "told_by": "timezone", "sent_lately": 1}
    again = T0 + timedelta(hours=3)
    at = T0 + timedelta(hours=1)
    held = {
        "at": at.isoformat(),
        "answer": "deferred",
        "reason": "frequency cap",
        "cap": "1 in 4 h",
        "retry_at": again.isoformat(),
    }
    values: dict[str, Any] = dict.fromkeys(Run.__slots__) | {
        "id": UUID(int=7),
        "journey": "cart_abandonment",
        "profile_id": UUID(int=1),
        "entry_key": "",
        "entered_by": "segment",
        "segment": "abandoned-cart",
        "params": {},
        "entry": {},
        "entered_at": T0,
        "started_at": T0,
        "start_delay": timedelta(hours=1),
        "workflow_id": f"cart_abandonment/{UUID(int=1)}/000000000007",
        "version": "6f1d0a2b9c3e4d5f",
    }
    message = Message(
        step="push:cart-reminder",
        occurrence=1,
        channel="push",
        purpose="marketing",
        template="cart-reminder",
        state="sent",
        reason=None,
        detail={},
        provider="fcm",
        provider_message_id="m-1",
        attempts=1,
        raced=False,
        due_at=at,
        retry_at=None,
        claimed_at=again,
        settled_at=again + timedelta(seconds=1),
        delivered_at=again + timedelta(seconds=3),
        read_at=None,
        gates=[held | said, {"at": again.isoformat(), "answer": "go"} | said],
    )
    records = Records({"event": "Product Added"}, [], [], [], [], [])
    definition = load("definitions").journeys["cart_abandonment"]
    lives = ({"timezone": "Europe/Madrid"}, None, None)
    told = tell(Run(**values), records, [message], [], lives, definition, T0 + timedelta(hours=4))
    screen = Console(width=150, file=StringIO(), record=True)
    for part in drawn(told):
        screen.print(part)
    return plain(screen.export_text())


def simulated() -> str:
    from tests.command_line import journeys
    from tests.workers.test_simulate_cli import CALLS

    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.write("".join(json.dumps(call) + "\n" for call in CALLS))
        file.flush()
        return plain(journeys("simulate", file.name, "--catalogue", "definitions", cwd=ROOT).stdout)


def plain(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def drawn_anew(page: str) -> str:
    found = blocks()
    return BLOCK.sub(lambda block: f"<!-- {block[1]} -->\n\n```{block[2]}\n{found[block[1]]}```", page)


def test_the_page_shows_what_the_commands_say() -> None:
    assert PAGE.read_text() == drawn_anew(PAGE.read_text()), "python tests/test_understanding.py"


@pytest.mark.parametrize("name", PICTURES)
def test_the_pictures_are_those_of_the_journeys(name: str) -> None:
    assert (ROOT / "docs" / "images" / f"{name}.svg").read_text() == svg(graph_of(load("definitions").journeys[name]))


if __name__ == "__main__":
    PAGE.write_text(drawn_anew(PAGE.read_text()))
    for each in PICTURES:
        (ROOT / "docs" / "images" / f"{each}.svg").write_text(svg(graph_of(load("definitions").journeys[each])))
