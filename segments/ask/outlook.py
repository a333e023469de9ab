"""What would come of a prediction that is not declared yet: of how many customers it is, and whether one can learn by them.

Promise: reads only, and gives up after half a minute; a large shop is told about by a sample.
"""

from array import array
from dataclasses import dataclass
from datetime import datetime
from math import ceil

from segments.ask.ask import briefly, estimate
from segments.predictions.declared import Declared
from segments.predictions.enough import FEWEST, FITTED
from segments.predictions.prediction import Prediction
from segments.predictions.uplift import Uplift
from segments.sql.features import asking, coming_true, passes
from segments.sql.plans import plan_for_everybody
from store import Database, queries

_SQL = queries("known")
_SAMPLE = 20_000  # people of a horizon ago
#: With so many of either outcome, and in all, a training has enough for those who fit, those who set right and those who judge.
_EITHER, _ALL = ceil(FEWEST / FITTED), 300


@dataclass(frozen=True, slots=True)
class Outlook:
    """How many people there are to learn by.

    Attributes:
        people: Whom it is of now; about so many where there are very many.
        as_of: Of a probability, a horizon ago.
        then: Whom it was of then; of very many 20,000 by chance.
        came: Of these it has come true for so many.
        by: Of an uplift, the prediction by whose holdout it is learned.
    """

    people: int
    as_of: datetime | None = None
    then: int | None = None
    came: int | None = None
    by: str | None = None

    @property
    def enough(self) -> bool:
        """Whether a model can be trained by them."""
        if self.then is None or self.came is None:
            return self.people >= _ALL
        return self.then >= _ALL and min(self.came, self.then - self.came) >= _EITHER

    @property
    def told(self) -> str:
        """The same as a sentence that says what to do."""
        if self.by is not None:
            told = f"it is learned by those whom {self.by!r} lets in and leaves alone, once their horizon has passed"
            return f"{self.people:,} people, of whom those have a score whom it lets in: {told}; what it lacks is told then"
        if self.as_of is None:
            few = (
                "enough to train by"
                if self.enough
                else f"probably too few to train by, it takes some {_ALL}; choose more people"
            )
            return f"{self.people:,} people: {few}"
        if not self.then:
            return (
                f"nobody was there on {self.as_of:%Y-%m-%d}, a horizon ago: choose a shorter horizon, wait, or import the past"
            )
        share = f"of {self.then:,} people of {self.as_of:%Y-%m-%d} it came true for {self.came:,}"
        if self.enough:
            return f"{share}: enough to train by"
        why = f"{FITTED:.0%} of them are fitted to, by {FEWEST} of either"
        least = f"it takes some {_ALL} people, {_EITHER} of either outcome ({why})"
        return f"{share}: probably too few to train by, {least}; choose more people, or what is less rare"


async def outlook(database: Database, prediction: Declared, at: datetime, *, counting: bool = True) -> Outlook | None:
    """Count whom it is of and, of a probability, what has come of those of a horizon ago; each statement of it is planned.

    Without `counting` that is all, and nobody is looked at.

    Raises:
        TooSlow: it took longer than half a minute.
        CannotAsk: Postgres refuses a part of it.
    """
    people = (await estimate(database, prediction.of, at)).members if counting else None
    async with briefly(database) as connection:
        await plan_for_everybody(connection)
        await connection.execute(_SQL["make_asked"])
        for each in passes(prediction.columns):
            await connection.fetch(f"explain {each.statement.sql}", *each.statement.args(at))
        if people is None:
            return None
        if not isinstance(prediction, Prediction):
            return Outlook(people, by=prediction.prediction if isinstance(prediction, Uplift) else None)
        as_of = at - prediction.horizon
        those = asking(prediction.of, _SAMPLE)
        await connection.execute(those.sql, *those.args(as_of))
        await connection.execute(_SQL["look_at_asked"])
        then = await connection.fetchval(_SQL["how_many_asked"])
        true = coming_true(prediction.label)
        came = len(array("i", await connection.fetchval(true.sql, *true.args(at))))
    return Outlook(people, as_of, then, came)
