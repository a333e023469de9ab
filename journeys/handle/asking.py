"""Words of branching: what is asked of the customer, and in which arm of an experiment they are."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Generic, cast

from journeys.arms import Experiment, check_experiment
from journeys.contexts.context import Context, Gives
from journeys.contracts import Reason
from journeys.entering import Surrounding
from journeys.errors import CatalogueError
from journeys.handle.base import EntryModel, Words
from journeys.questions import Arm, Foretells, Foretold, IsIn, Look, Looked, Reached
from segments import Predicate, Segment
from segments.predictions.declared import Declared


class Around(Generic[Gives]):
    """What it is like where the customer is: true where a provider told it, else as declared, and `reason` says why."""

    def __init__(self, looked: Looked, context: Context[Gives]) -> None:
        self._looked = looked
        self._context = context

    @property
    def value(self) -> Gives:
        """It: numbers, flags, choices, ids and instants; free text is for templates, as `context.<name>.<field>`."""
        return cast("Gives", Surrounding(self._looked.values, self._context.model, self._context.name))

    @property
    def reason(self) -> Reason | None:
        """Why it is only what is declared otherwise; None where the provider told it."""
        return self._looked.reason

    def __bool__(self) -> bool:
        return self._looked.reason is None


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

    async def foretold(self, prediction: Declared | str) -> Foretold:
        """What a prediction, or the one of this name, says of the customer now: `score`, `label`, `version`, `as_of`.

        Nothing, and false, for whom it has no score, and while its model is not trusted (docs/predictions.md). What it said
        is kept in the run's history.

        Example:
            told = await j.foretold(best_channel)
            if told.label == "whatsapp":
                await j.whatsapp("hello")
        """
        self._first = False
        if not isinstance(prediction, Declared) and not (isinstance(prediction, str) and prediction):
            told = f"j.foretold takes a prediction or the name of one, not {type(prediction).__name__}"
            raise CatalogueError(told, remedy='declare it at the top of a module: Prediction("churn", …)')
        name, labels = (prediction, None) if isinstance(prediction, str) else (prediction.name, prediction.labels)
        asked = Foretells(run_id=self._start.run_id, at=self._moment(), prediction=name, labels=labels)
        told_: Foretold = await self._runtime.ask(asked)
        return told_

    async def context(self, context: Context[Gives]) -> Around[Gives]:
        """What it is like where the customer is now, as a declared provider tells it; else what its declaration says.

        True where the provider told it. It is asked once for a place and the time that the declaration keeps it; a journey
        waits no longer than its timeout.

        Example:
            around = await j.context(weather)
            if around.value.rain > 0:
                await j.push("umbrella")  # which may say {{ context.weather.temperature }}
        """
        self._first = False
        if not isinstance(context, Context):
            told = f"j.context takes a context, not {context!r}"
            raise CatalogueError(told, remedy='declare it at the top of a module: Context("weather", …)')
        asked = Look(
            run_id=self._start.run_id,
            at=self._moment(),
            context=self._around(context),
            gives=context.model,
            otherwise=context.known(context.default),
        )
        looked: Looked = await self._runtime.ask(asked)
        return Around(looked, context)

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
