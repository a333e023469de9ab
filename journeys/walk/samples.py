"""Parameters and entering events to walk a journey with: the defaults, or a value of each kind, and each choice once.

Promise: what is tried passed the journey's own validation; where nothing does, nothing is tried in its name.
"""

import inspect
import types
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from journeys.authoring import JourneyDefinition
from journeys.contracts import Plain
from journeys.entering import accepted, read
from journeys.services import Service

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


def samples(definition: JourneyDefinition) -> list[dict[str, Plain] | None]:
    """What `j.params` may hold, some of it: None where no value of ours satisfies the declared model."""
    return _samples(definition.steps, definition.params, lambda given: definition.branchable(definition.accept(given)))


def entries(definition: JourneyDefinition) -> list[dict[str, Plain] | None]:
    """What `j.entry` may hold, some of it: None where no value of ours satisfies the declared model."""
    model = definition.spec.entry_model
    return _samples(definition.steps, model, lambda given: accepted(model, given) if model else {})


def fetched(definition: JourneyDefinition, model: type[BaseModel]) -> tuple[dict[str, Plain], ...]:
    """What a service may give, some of it; nothing to branch on where no value of ours satisfies the declared model."""
    return _fetched(definition.steps, model)


@lru_cache(64)  # each way through a journey asks again
def _fetched(steps: Callable[..., Any], model: type[BaseModel]) -> tuple[dict[str, Plain], ...]:
    return tuple(found or {} for found in _samples(steps, model, lambda given: accepted(model, given)))


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


def _samples(steps: Callable[..., Any], model: type[BaseModel] | None, accept: Accept) -> list[dict[str, Plain] | None]:
    if model is None:
        return [{}]
    fields = model.model_fields
    usual = _usual_values(model)
    near = sorted(_near(steps.__code__ if inspect.isfunction(steps) else None))
    tried = [usual]
    for name, field in fields.items():
        choices = [*_choices(field.annotation), *(near if _is_number(field.annotation) else ())]
        tried += [{**usual, name: choice} for choice in choices]
    fitting = [found for given in tried if (found := _accepted(accept, given)) is not None]
    return [dict(each) for each in {tuple(sorted(found.items())): found for found in fitting}.values()] or [None]


def _near(code: types.CodeType | None) -> set[float]:
    """The numbers that a journey's own code names, and those around them: what it compares with shows both of its sides."""
    found: set[float] = set()
    for constant in code.co_consts if code else ():
        if isinstance(constant, types.CodeType):
            found |= _near(constant)
        elif isinstance(constant, int | float) and not isinstance(constant, bool):
            found |= {constant - 1, constant, constant + 1}
    return found


def is_walked(annotation: Any) -> bool:
    """Whether a journey is walked with what decides about a field of this kind: each choice, both sides of a number."""
    return _is_number(annotation) or any(True for _ in _choices(annotation))


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
