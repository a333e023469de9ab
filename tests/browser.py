"""A real browser (Playwright on the machine's Chromium), and web pages of a shop on an origin of their own."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from playwright.async_api import Browser, Page, async_playwright, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from tests.programs import SDK, axe, browser

SCRIPTS = {
    "segment": "@segment/analytics-next/dist/umd/index.js",
    "rudder": "@rudderstack/analytics-js/dist/npm/modern/bundled/umd/index.js",
}


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """Chromium without a window."""
    path = browser()
    expect.set_options(timeout=30_000)  # a busy machine takes its time; nothing here promises one
    async with async_playwright() as driver:
        started = await driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        await started.close()


@pytest.fixture
async def page(chromium: Browser) -> AsyncIterator[Page]:
    """A fresh visitor's window."""
    visitor = await chromium.new_context()
    yield await visitor.new_page()
    await visitor.close()


async def barriers(page: Page, but: str | None = None) -> list[str]:
    """What keeps somebody from using a page as it is now, by the rules of axe-core: each by its name, with the first place.

    `but`: what of the page is not looked at.
    """
    await page.evaluate(axe())
    found = await page.evaluate(
        "but => axe.run(but ? {exclude: [but]} : document, {preload: false})"
        ".then(seen => seen.violations.map(v => `${v.id}: ${v.nodes[0].html}`))",
        but,
    )
    return list(found)


async def _shop(request: Request) -> HTMLResponse:
    script = SCRIPTS.get(request.path_params["sdk"])
    tag = f'<script src="/sdk/{script}"></script>' if script else ""
    return HTMLResponse(f"<!doctype html><title>Shop</title>{tag}<h1>Shoes</h1>")


@asynccontextmanager
async def shop() -> AsyncIterator[str]:
    """A web server whose pages load an SDK: `/segment`, `/rudder`, or none at `/empty`."""
    app = Starlette(
        routes=[Mount("/sdk", StaticFiles(directory=SDK / "node_modules", check_dir=False)), Route("/{sdk}", _shop)]
    )
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
    running = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield f"http://localhost:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running
