"""A choice of the shop that the console shows: given once, with shares that three days have moved."""

from datetime import timedelta

from journeys.deciding.options import Choice, Option
from journeys.policies import Conversion
from journeys.questions import Choosing
from segments import did
from store.runs import choices
from store.runs.views import Run
from workers.testing.shop import Shop

WORDS = Choice(
    "word",
    {"option": {"few": Option(), "many": Option(), "none": Option(budget=5)}},
    Conversion(by=did("Order Completed"), within=timedelta(days=1)),
)
#: The shares at the end of each day, oldest first.
SHARES = (
    {"few": 0.3, "many": 0.4, "none": 0.3},
    {"few": 0.15, "many": 0.6, "none": 0.25},
    {"few": 0.05, "many": 0.9, "none": 0.05},
)


async def chooses(shop: Shop, run: Run) -> None:
    """The run is given something, and shares move."""
    now = shop.clock.now()
    began = now - timedelta(days=len(SHARES))
    await shop.parts.choices.choose(Choosing(run_id=run.id, at=began, number=1, choice=WORDS.to_json()))
    (row,) = await choices.choices(shop.database, WORDS.name)
    async with shop.database.transaction() as connection:
        for n, shares in enumerate(SHARES, 1):
            await choices.allocate(connection, row, n, began + timedelta(days=n), n * 100, shares, None)
