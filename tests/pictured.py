"""The pictures of docs/operating.md: `python -m tests.pictured` makes them anew, on the embedded stack and in its Temporal UI.

An hour of the shop lasts a second, so that days of waiting are over in a minute; the UI's own columns show real time.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
from playwright.async_api import Page, async_playwright
from temporalio.client import Client

from journeys.clock import Clock
from tests.programs import browser
from workers.embedded.stack import EmbeddedStack
from workers.settings import Settings
from workers.testing.people import CHANNELS, consent, contact

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
CATALOGUE = "pictured_catalogue"
MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)
#: What came later: a run that began without it, and is moved, does not have it.
LATER = '    if j.changed("looks-for-vips"):\n        await j.is_in(vips)\n'
HIDDEN = 'WorkflowType != "watch"'
WIDTH, SIDEBAR, TOP = 1_184, 256, 60
#: What the UI keeps in the browser: the columns that an operator needs, and histories without the tasks of workers.
COLUMNS = ("Status", "Type", "Segment", "Start", "End", "CustomerId")
KEPT = {
    "namespace-workflow-table-columns": {"default": [{"label": each} for each in COLUMNS]},
    "eventView": "compact",
}
#: A click scrolls the page; of long JSON the end says more: what was answered, and with which version.
STILL = """() => {
    document.querySelectorAll("*").forEach(each => each.scrollTo(0, 0));
    document.querySelectorAll(".cm-scroller").forEach(each => each.scrollTo(0, each.scrollHeight));
}"""


@dataclass
class Stage:
    """The stack, and what an operator and a shop do with it."""

    stack: EmbeddedStack
    folder: Path
    api: httpx.AsyncClient

    async def send(self, call: str, **body: Any) -> None:
        answer = await self.api.post(f"/v1/{call}", json={"messageId": str(uuid4()), **body}, auth=(self.stack.keys.ingest, ""))
        answer.raise_for_status()

    async def signs_up(self, name: str, **traits: Any) -> None:
        await self.send("identify", userId=name, traits=contact(name) | traits, context=consent(name, CHANNELS))

    async def does(self, name: str, event: str, **properties: Any) -> None:
        await self.send("track", userId=name, event=event, properties=properties)

    async def operate(self, method: str, path: str, **body: Any) -> Any:
        answer = await self.api.request(method, path, json=body or None, auth=(self.stack.keys.operate, ""))
        answer.raise_for_status()
        return answer.json()

    async def fault(self, **rule: Any) -> None:
        (await self.api.post(f"{self.stack.sandbox_url}/_sandbox/faults", json=rule)).raise_for_status()

    async def run(self, journey: str, name: str) -> dict[str, Any]:
        """The run of somebody, as soon as there is one."""
        return await self.until(lambda: self._run(journey, name))

    async def _run(self, journey: str, name: str) -> Any:
        found = await self.operate("GET", f"/v1/runs?journey={journey}&user_id={name}")
        return next(iter(found["runs"]), None)

    async def stands(self, journey: str, name: str, status: str) -> dict[str, Any]:
        async def looked() -> Any:
            run = await self._run(journey, name)
            return run if run and run["status"] == status else None

        return await self.until(looked)

    async def settles(self, run: dict[str, Any]) -> None:
        """Somebody has called the customer of a run."""

        async def asked() -> Any:
            return [task for task in (await self.operate("GET", "/v1/tasks"))["tasks"] if task["run_id"] == run["id"]]

        (task,) = await self.until(asked)
        await self.operate("POST", f"/v1/tasks/{task['id']}/done", outcome="settled")

    async def deploys(self) -> None:
        """What came later comes: a worker of the catalogue as it stands in the repository."""
        shutil.copy(ROOT / "tests" / CATALOGUE / "__init__.py", self.folder / CATALOGUE / "__init__.py")
        await self.stack.restart_part("worker-1")

    async def moved(self, began: dict[str, Any]) -> dict[str, Any]:
        async def looked() -> Any:
            run = await self.operate("GET", f"/v1/runs/{began['id']}")
            return run if run["version"] != began["version"] else None

        return await self.until(looked)

    async def until(self, look: Any) -> Any:
        async with asyncio.timeout(180):
            while not (found := await look()):  # noqa: ASYNC110 - other processes do it
                await asyncio.sleep(0.2)
        return found

    def command(self, *arguments: str) -> str:
        """`journeys …`, beside the stack."""
        env = os.environ | {"JOURNEYS_DATA_DIR": str(self.stack.settings.data_dir), "JOURNEYS_CATALOGUE": CATALOGUE}
        env |= dict(self.stack.env) | {"COLUMNS": "200"}
        done = subprocess.run(
            [sys.executable, "-m", "journeys", *arguments], env=env, cwd=ROOT, capture_output=True, text=True, check=False
        )
        return done.stdout + done.stderr


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    with tempfile.TemporaryDirectory() as folder:
        catalogue = shutil.copytree(ROOT / "tests" / CATALOGUE, Path(folder) / CATALOGUE)
        source = catalogue / "__init__.py"
        assert LATER in source.read_text()
        source.write_text(source.read_text().replace(LATER, ""))
        clock = Clock(real_origin=datetime.now(UTC) + timedelta(seconds=15), business_origin=MONDAY, speed=3_600)
        told = {
            "JOURNEYS_CLOCK_REAL_ORIGIN": clock.real_origin.isoformat(),
            "JOURNEYS_CLOCK_BUSINESS_ORIGIN": clock.business_origin.isoformat(),
            "JOURNEYS_CLOCK_SPEED": str(clock.speed),
            "PYTHONPATH": folder,
        }
        sys.path.insert(0, folder)  # the stack looks there for what services give
        settings = Settings(data_dir=Path(folder) / "data", catalogue=CATALOGUE)
        async with (
            EmbeddedStack(settings, env=told, say=print, usual_ports=False, durable=False) as stack,
            httpx.AsyncClient(base_url=stack.api_url, timeout=30) as api,
        ):
            await asyncio.sleep(max(0, (clock.real_origin - datetime.now(UTC)).total_seconds()))
            yield Stage(stack, Path(folder), api)


@dataclass
class Camera:
    """The Temporal UI in a browser: pictures of its pages without what frames them."""

    page: Page
    url: str
    temporal: Client

    async def runs(self, name: str, *, height: int) -> None:
        """The list, without the watch."""
        await self.page.goto(f"{self.url}?query={quote(HIDDEN)}")
        await self.page.wait_for_selector('tbody a[href*="/workflows/"]')
        await self._shoot(name, height)

    async def tab(
        self, name: str, run: dict[str, Any], tab: str, *, height: int, top: int = TOP, open_: Sequence[str] = ()
    ) -> None:
        """A tab of a run's page; of its history, with these rows opened."""
        id_ = run["workflow_id"]
        newest = (await self.temporal.get_workflow_handle(id_).describe()).run_id
        await self.page.goto(f"{self.url}/{quote(id_, safe='')}/{newest}/{tab}")
        await self.page.wait_for_selector("text=Workflow Type")
        for row in open_:
            await self.page.locator('[data-testid="event-summary-row"]', has_text=row).first.click()
        await self._shoot(name, height, top)

    async def _shoot(self, name: str, height: int, top: int = TOP) -> None:
        await self.page.set_viewport_size({"width": WIDTH + SIDEBAR, "height": height + top})
        await self.page.wait_for_timeout(2_000)  # until fonts, lines and refreshed numbers stand still
        await self.page.evaluate(STILL)
        clip = {"x": SIDEBAR, "y": top, "width": WIDTH, "height": height}
        await self.page.screenshot(path=IMAGES / f"operating-{name}.png", clip=clip)  # type: ignore[arg-type]


@asynccontextmanager
async def camera(stack: EmbeddedStack) -> AsyncIterator[Camera]:
    async with async_playwright() as driver:
        chromium = await driver.chromium.launch(executable_path=browser(), args=["--no-sandbox"])
        context = await chromium.new_context(viewport={"width": WIDTH + SIDEBAR, "height": 900})
        temporal = await Client.connect(stack.temporal_address)
        for name, kept in KEPT.items():
            await context.add_init_script(f"localStorage.setItem({name!r}, {json.dumps(kept)!r});")
        yield Camera(await context.new_page(), f"{stack.ui_url}/namespaces/default/workflows", temporal)
        await chromium.close()


async def enter(shop: Stage) -> None:
    """Everybody comes in; one of the services is away for Bob, one of the journeys is paused."""
    await shop.fault(provider="services", fault="503", match="points/bob")
    await shop.operate("PUT", "/v1/journeys/paused/state", state="paused")
    for name in ("ana", "bob", "eva", "mia", "dan", "kim"):
        await shop.signs_up(name, member=True, timezone="Europe/Madrid")
    for name in ("ana", "bob", "eva", "mia"):
        await shop.does(name, "Product Added", price=89.9)
    for name in ("dan", "kim"):
        await shop.does(name, "Product Viewed")


async def main() -> None:
    """All pictures, in the order in which there is something to see."""
    async with stage() as shop, camera(shop.stack) as ui:
        await enter(shop)
        await shop.settles(await shop.run("every_word", "eva"))
        ana = await shop.run("every_word", "ana")
        await ui.tab("running", ana, "user-metadata", height=1_200)
        await ui.tab("timeline", ana, "timeline", height=1_100)
        await ui.tab("history", ana, "history", height=1_800, top=760, open_=["fetch points", "talk: wait for whatsapp"])
        bob = await shop.run("every_word", "bob")
        await ui.tab("pending", bob, "pending-activities", height=575)
        await ui.tab("asking", bob, "user-metadata", height=760)
        await ui.tab("failing", await shop.stands("mistaken", "dan", "failing"), "timeline", height=900)
        await ui.tab("deferred", await shop.stands("capped", "dan", "deferred"), "user-metadata", height=760)
        await ui.tab("paused", await shop.stands("paused", "dan", "deferred"), "user-metadata", height=760)
        sys.stdout.write(shop.command("runs", "--status", "in-line"))
        sys.stdout.write(shop.command("kill", "killed", "--yes"))
        await ui.tab("killed", await shop.stands("killed", "dan", "ended"), "timeline", height=900)
        await ui.tab("ended", await shop.stands("every_word", "eva", "ended"), "timeline", height=900)
        await ui.tab("story", await shop.run("every_word", "eva"), "user-metadata", height=1_200)
        mia = await shop.run("every_word", "mia")
        await shop.deploys()
        sys.stdout.write(shop.command("move", "every_word", "--yes"))
        await ui.tab("moved", await shop.moved(mia), "user-metadata", height=1_200)
        await ui.runs("list", height=1_000)


if __name__ == "__main__":
    asyncio.run(main())
