"""Words of branching: what is asked of the customer, and in which arm of an experiment they are."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from journeys.arms import Experiment, check_experiment
from journeys.errors import CatalogueError
from journeys.handle.base import EntryModel, Words
from journeys.questions import Arm, IsIn, Reached
from segments import Predicate, Segment


class Asking(Words[EntryModel]):
    """How a journey finds out which way to go."""

    async def reached(self, goal: Predicate | None = None) -> bool:
        """Whether the goal, or whatever else is asked, is so; for journeys that branch on it.

        `did(…)`, alone or combined, as a goal may be: whether it has come true since entry, counting only what happened since
        then. Everything else (traits, buckets, other segments, consent, …): whether it is true of the customer now, with all
        that is known of them.

        Example:
            if await j.reached(did("Product Viewed")):
                await j.push("still-there")
            elif await j.reached(trait("tier") == "gold"):
                await j.email("for-you")
        """
        self._first = False
        predicate = goal if goal is not None else self._spec.goal
        if predicate is None:
            raise CatalogueError(
                "j.reached(): the journey declares no goal", remedy="pass one, j.reached(did(…)), or declare goal="
            )
        _check_predicate(predicate)
        asked = Reached(run_id=self._start.run_id, at=self._moment(), predicate=predicate.to_json())
        return bool(await self._runtime.ask(asked))

    async def is_in(self, segment: Segment | str) -> bool:
        """Whether the customer is in a segment now: one of the catalogue, or the name of one that the API defines.

        Example:
            if await j.is_in("vip-at-risk"):
                await j.email("from-the-founder")
        """
        self._first = False
        asked = IsIn(run_id=self._start.run_id, at=self._moment(), segment=self._named("j.is_in", segment))
        return bool(await self._runtime.ask(asked))

    @asynccontextmanager
    async def experiment(self, name: str | Experiment, **shares: float) -> AsyncIterator[str]:
        """An arm by lot, each with its share of the customers: the same one each time.

        Who is drawn keeps the arm for good, also through a merge of profiles and when shares or arms change later; they are
        written down as exposed from that instant on. An `Experiment(…)` of the catalogue also says when it is over, what it
        is to find, and against which arm it is read.

        Example:
            async with j.experiment("news", video=0.5, article=0.5) as arm:
                await j.email(f"news-{arm}")
        """
        self._first = False
        declared = name if isinstance(name, Experiment) else None
        if declared is not None and shares:
            told = f"j.experiment(…): {declared.name} has its arms where it is declared"
            raise CatalogueError(told, remedy="leave out the shares here")
        known, arms = (declared.name, dict(declared.arms)) if declared is not None else (name, shares)
        if str(known).startswith("$"):
            raise CatalogueError(f"experiment {known}: names with $ are those of holdouts", remedy="name it otherwise")
        check_experiment(known, arms)
        asked = Arm(
            run_id=self._start.run_id,
            at=self._runtime.now(),
            experiment=str(known),
            shares=arms,
            declared=declared is not None,
        )
        yield str(await self._runtime.ask(asked))


def _check_predicate(asked: object) -> None:
    match asked:
        case Predicate():
            return
        case Segment():
            what, remedy = f"the segment {asked.name}", "write await j.is_in(…) with it"
        case str():
            what, remedy = repr(asked), f"write await j.is_in({asked!r}) for the segment of that name"
        case _:
            what, remedy = type(asked).__name__, "write j.reached(did(…)), or j.wait_for(…) for what the handle's words say"
    raise CatalogueError(f"j.reached() asks for a predicate, not for {what}", remedy=remedy)
