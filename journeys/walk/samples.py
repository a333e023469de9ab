"""What a journey is walked with: values of its parameters, of its entering event, of what services and people answer.

Promise: each is chosen when the code first looks at it, so that fields are combined as far as they are asked one after the
other, and no further. What is tried passed the model's own validation; where nothing does, nothing is tried in its name.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from functools import cached_property, lru_cache
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from journeys.authoring import JourneyDefinition
from journeys.contracts import Plain
from journeys.entering import accepted, read
from journeys.services import Service
from journeys.walk.sides import Steps, numbers_in, sides

Accept = Callable[[dict[str, Any]], dict[str, Plain]]
_ANY_ID, _ANY_TIME = "00000000-0000-4000-8000-000000000000", "2026-01-01T00:00:00Z"
#: For a field without a default; the first that fits is taken.
_VALUES: tuple[Any, ...] = (
    1,
    10,
    100,
    0,
    "x",
    "1",
    "2026-01-01",
    _ANY_TIME,
    _ANY_ID,
    True,
    Decimal(1),
    timedelta(days=1),
    [],
    {},
    None,
)
#: Which of several values a field has.
Choose = Callable[[str, Sequence[Plain]], int]
#: Which value of which fields was taken; all others have their usual one.
Picked = tuple[tuple[str, int], ...]
_USUAL = 0


@dataclass(frozen=True, slots=True)
class Choice:
    """Values that a model accepts, and which of them were picked."""

    picked: Picked
    values: Mapping[str, Plain]


class Options:
    """All that a journey is walked with of one model, field by field; `first` is None where no value of ours satisfies it."""

    def __init__(self, steps: Steps, model: type[BaseModel] | None, accept: Accept) -> None:
        self._steps = steps
        self._model = model
        self._accept = accept
        self._known: dict[Picked, Choice | None] = {}
        self._ways: dict[tuple[Picked, str], tuple[Choice, ...]] = {}

    @cached_property
    def first(self) -> Choice | None:
        """The defaults, or a value of each kind; where these do not go together, with one that does."""
        if self._model is None:
            return Choice((), {})
        alone = (((name, n),) for name in self._model.model_fields for n in range(1, len(self._tried(name))))
        return next((found for picked in [(), *alone] if (found := self._taken(picked)) is not None), None)

    def ways(self, before: Choice, name: str) -> tuple[Choice, ...]:
        """What may stand in a field beside what was picked before, the usual value first."""
        key = before.picked, name
        if key not in self._ways:
            self._ways[key] = tuple(self._apart(before, name))
        return self._ways[key]

    def _apart(self, before: Choice, name: str) -> Iterator[Choice]:
        others = tuple(each for each in before.picked if each[0] != name)
        tried = (before, *(self._taken((*others, (name, n))) for n in range(len(self._tried(name)))))
        met: set[str] = set()
        for found in tried:
            if found is not None and (value := repr(found.values.get(name))) not in met:
                met.add(value)
                yield found

    def _taken(self, picked: Picked) -> Choice | None:
        if picked not in self._known:
            values = {name: self._tried(name)[n] for name, n in picked if n != _USUAL}
            found = _accepted(self._accept, self._usual | values)
            self._known[picked] = None if found is None else Choice(picked, found)
        return self._known[picked]

    @cached_property
    def _usual(self) -> dict[str, Any]:
        return _usual_values(self._model) if self._model else {}

    def _tried(self, name: str) -> tuple[Any, ...]:
        """Its usual value, its choices, and both sides of the numbers that it is compared with."""
        field = self._model.model_fields[name] if self._model else None
        if field is None:
            return (None,)
        numbers = _numbers(self._steps, name) if _is_number(field.annotation) else ()
        nothing = (None,) if NoneType in get_args(field.annotation) else ()
        return (_usual(field), *_choices(field.annotation), *numbers, *nothing)


class Given(dict[str, Plain]):
    """Values of which each is chosen when it is first looked at; `choose` says which of so many, for the name of a field."""

    def __init__(self, options: Options, choose: Choose) -> None:
        first = options.first or Choice((), {})
        super().__init__(first.values)
        self._options = options
        self._choice = first
        self._choose = choose
        #: Those that were looked at.
        self.seen: dict[str, None] = {}

    def __getitem__(self, name: str) -> Plain:
        self._look_at(name)
        return super().__getitem__(name)

    def get(self, name: str, otherwise: Any = None) -> Any:
        """A value, chosen now; else what is said."""
        self._look_at(name)
        return super().get(name, otherwise)

    def _look_at(self, name: str) -> None:
        if name in self.seen or name not in self:
            return
        self.seen[name] = None
        ways = self._options.ways(self._choice, name)
        self._choice = ways[self._choose(name, [each.values[name] for each in ways])]
        kept = {each: dict.get(self, each) for each in self.seen if each != name}
        self.update({**self._choice.values, **kept})


class Told(dict[str, Plain]):
    """What somebody tells with a task: an outcome, and numbers and flags, each chosen or left out when first looked at."""

    def __init__(self, outcome: str | None, names: tuple[str, ...], steps: Steps, choose: Choose) -> None:
        super().__init__({} if outcome is None else {"outcome": outcome})
        self._names = names
        self._steps = steps
        self._choose = choose
        #: Those that were looked at; what was left out stands there as None.
        self.seen: dict[str, None] = {}

    def __getitem__(self, name: str) -> Plain:
        self._look_at(name, left_out=False)
        return super().__getitem__(name)

    def get(self, name: str, otherwise: Any = None) -> Any:
        """A value, chosen now; else what is said."""
        self._look_at(name, left_out=True)
        return super().get(name, otherwise)

    def __contains__(self, name: object) -> bool:
        self._look_at(str(name), left_out=True)
        return super().__contains__(name)

    def _look_at(self, name: str, *, left_out: bool) -> None:
        if name in self.seen or name not in self._names:
            return
        self.seen[name] = None
        numbers = _numbers(self._steps, name)
        flags = () if sides(self._steps, name) else (True, False)
        ways: list[Plain] = [*([None] if left_out else []), *numbers, *flags]
        if (value := ways[self._choose(name, ways)]) is not None:
            self[name] = value


def params_of(definition: JourneyDefinition) -> Options:
    """What `j.params` may hold."""
    return Options(definition.steps, definition.params, lambda given: definition.branchable(definition.accept(given)))


def entries_of(definition: JourneyDefinition) -> Options:
    """What `j.entry` may hold."""
    model = definition.spec.entry_model
    return Options(definition.steps, model, lambda given: accepted(model, given) if model else {})


@lru_cache(64)  # each way through a journey asks again
def answers_of(steps: Steps, model: type[BaseModel] | None) -> Options:
    """What a service may give."""
    return Options(steps, model, lambda given: accepted(model, given) if model else {})


def sample(service: Service[Any]) -> dict[str, Any] | None:
    """An answer of a service: the one that it declares, else one made up; None where it gives nothing, or none fits."""
    if service.model is None:
        return None
    if service.sample is not None:
        return read(service.model, service.sample.model_dump(mode="json", by_alias=True))
    given = _usual_values(service.model)
    try:
        return read(service.model, given)
    except Exception:  # noqa: BLE001 - an author's validator may raise anything; then none of ours fits
        return None


def _usual_values(model: type[BaseModel]) -> dict[str, Any]:
    return {name: value for name, field in model.model_fields.items() if (value := _usual(field)) is not None}


def _numbers(steps: Steps, name: str) -> tuple[float, ...]:
    """Both sides of what a field is compared with; where that is not known, of all numbers that the code names."""
    found = sides(steps, name)
    return numbers_in(steps) if found is None else found


def is_walked(steps: Steps, name: str, annotation: Any) -> bool:
    """Whether a journey is walked with what decides about a field: each of its choices, both sides of a number."""
    if _is_number(annotation):
        return sides(steps, name) is not None
    return any(True for _ in _choices(annotation))


def _is_number(annotation: Any) -> bool:
    parts = get_args(annotation) or (annotation,)
    return any(part in (int, float, Decimal) for part in parts)


def _usual(field: FieldInfo) -> Any:
    """A value for a field that has no default."""
    if not field.is_required():
        return None
    kind: Any = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
    adapter = TypeAdapter[Any](kind)
    return next((value for value in [*_choices(field.annotation), *_VALUES] if _fits(adapter, value)), None)


def _fits(adapter: TypeAdapter[Any], value: object) -> bool:
    try:
        adapter.validate_python(value)
    except Exception:  # noqa: BLE001 - an author's validator may raise anything
        return False
    return True


def _choices(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    elif annotation is bool:
        yield from (False, True)
    elif isinstance(annotation, type) and issubclass(annotation, Enum):
        yield from annotation
    else:
        yield from (choice for part in get_args(annotation) for choice in _choices(part))


def _accepted(accept: Accept, given: dict[str, Any]) -> dict[str, Plain] | None:
    try:
        return accept(given)
    except Exception:  # noqa: BLE001 - an author's validator may raise anything; then the value does not fit
        return None
