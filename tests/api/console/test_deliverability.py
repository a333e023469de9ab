"""The page of deliverability: the report of 28 days as the API tells it, of all journeys or of one."""

from datetime import date

from tests.api.console.conftest import Console
from tests.api.console.test_pages import asked, rows, shown


async def test_deliverability_is_the_report_of_28_days(console: Console) -> None:
    report = await asked(console, "/v1/reports/deliverability")
    async with console.signed_on("reader") as browser:
        page = await shown(browser, "/console/deliverability")
        (table,) = report["tables"]
        assert len(table["rows"]) > 0
        assert [(row[0], row[1], row[3]) for row in rows(page, "Providers by channel")] == [
            (each["channel"], each["provider"], str(each["sent"])) for each in table["rows"]
        ]
        assert all(sentence in page for sentence in report["rules"] + report["notes"])
        since, until = (date.fromisoformat(report[name]) for name in ("from", "to"))
        assert (f"{since} to " in page, (until - since).days) == (True, 28)
        assert "No provider has taken a message" in await shown(browser, "/console/deliverability?journey=urgent")
    async with console.signed_on("of one") as browser:
        assert (await browser.get("/console/deliverability")).status_code == 403
        assert (await browser.get("/console/deliverability?journey=three_messages")).status_code == 200
