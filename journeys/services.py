"""Services of the company that journeys call: what each is told of a customer, and what it gives.

Promise: declared once, by name. Where a service is and what signs a call to it stand in settings, never in a catalogue; of what
it gives, only what may enter a history leaves Postgres.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic

from pydantic import BaseModel
from typing_extensions import TypeVar

from journeys.errors import CatalogueError

#: The model of what a service gives; nothing, where it is only told.
Gives = TypeVar("Gives", bound=BaseModel, default=Any)

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_PATH = re.compile(r"(customer|entry|params|fetched)(\.[^.\s]+)+|reply\.text")
_FUNCTION = re.compile(r"\w+(\.\w+)*:\w+")
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=1), timedelta(minutes=5)


@dataclass(frozen=True)
class Service(Generic[Gives]):
    """A service of the company, by the name under which settings (`JOURNEYS_SERVICES`) know where it is.

    Args:
        name: Lower case, with hyphens.
        sends: What it is told of a customer besides their user id, in the words of templates: `"customer.email"`,
            `"entry.order_id"`, `"params.note"`, `"fetched.points.tier"`; `"reply.text"` is what they last answered the run.
        gives: A pydantic model of its answer, for `j.fetch`.
        function: An async function that is asked instead, in the worker's process, unless settings say where the service is:
            `"acme.agents:topic"`. It gets what a service is told (`data`), and gives an answer of the model.
        per_day: How often it is called in 24 hours at most, by all runs; beyond, there is no answer (`budget spent`).
        sample: An answer for tests, simulations and `journeys dev`; made up from the model where none is given.

    Example:
        points = Service("points", sends=("customer.email",), gives=Points)
    """

    name: str
    sends: tuple[str, ...] = ()
    gives: type[Gives] | None = None
    sample: Gives | None = None
    function: str | None = None
    per_day: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise _wrong(
                f"a service has no name such as {self.name!r}", 'a name is in lower case, with hyphens: Service("crm")'
            )
        whose = f'Service("{self.name}")'
        if isinstance(self.sends, str) or not all(isinstance(each, str) and _PATH.fullmatch(each) for each in self.sends):
            raise _wrong(f"{whose}: sends= has other words", 'name what it is told: sends=("customer.email", "entry.price")')
        if self.gives is not None and not (isinstance(self.gives, type) and issubclass(self.gives, BaseModel)):
            raise _wrong(f"{whose}: gives= is no model", "write a class that derives from pydantic's BaseModel")
        if self.sample is not None and (self.gives is None or not isinstance(self.sample, self.gives)):
            raise _wrong(f"{whose}: sample= is none of what it gives", "make it of the class that gives= names")
        if self.function is not None and (not isinstance(self.function, str) or not _FUNCTION.fullmatch(self.function)):
            raise _wrong(f"{whose}: function= names none", 'write where it is: function="acme.agents:topic"')
        if self.per_day is not None and (not isinstance(self.per_day, int) or self.per_day < 1):
            raise _wrong(f"{whose}: per_day= is a number from 1 on", "write per_day=1_000")
        object.__setattr__(self, "sends", tuple(self.sends))

    @property
    def model(self) -> type[BaseModel] | None:
        """What it gives, as pydantic knows it."""
        return self.gives

    @property
    def fetched(self) -> frozenset[str]:
        """What templates may name of its answer: `points`, `points.greeting`."""
        return frozenset({self.name, *(f"{self.name}.{field}" for field in self.model.model_fields)} if self.model else ())


def _wrong(text: str, remedy: str) -> CatalogueError:
    return CatalogueError(text, remedy=remedy)


def pause_after(attempt: int, wanted: timedelta | None = None) -> timedelta:
    """How long to wait after the n-th attempt that came to nothing: as the service wants, else twice as long each time."""
    return wanted if wanted is not None else min(_FIRST_PAUSE * 2 ** min(attempt - 1, 16), _LONGEST_PAUSE)


def next_attempt(
    now: datetime, until: datetime, attempt: int, wanted: timedelta | None = None, speed: float = 1.0
) -> datetime | None:
    """When to try again; None where that would be too late. Pauses are real time, of which business time runs `speed` times.

    What the service wants is kept to; a pause of our own is cut short, so that the last attempt is just before the end.
    """
    again, shortest = now + pause_after(attempt, wanted) * speed, _FIRST_PAUSE * speed
    if wanted is None:
        again = max(min(again, until - shortest), now + shortest)
    return again if again < until else None


def told_of(values: Mapping[str, Any], path: str) -> Any:
    """What stands at `customer.address.city`; None where nothing does."""
    found: Any = values
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found
