"""Accessibility of a page as it stands in a browser, by axe-core."""

from typing import Any

from playwright.async_api import Page

from tests.programs import missing, node_modules


async def faults(page: Page) -> list[str]:
    """The rules of WCAG 2.2 A and AA, and of good practice, that a page breaks, each with where.

    axe runs in the page; a page that lets no script run is asked for its HTML, which is looked at without its policy.
    """
    script = node_modules() / "axe-core" / "axe.min.js"
    if not script.is_file():
        missing("axe-core is not installed: make sdks")
    await page.evaluate(script.read_text(encoding="utf-8"))
    found: dict[str, Any] = await page.evaluate("() => axe.run()")
    return [f"{each['id']}: {node['target']}" for each in found["violations"] for node in each["nodes"]]
