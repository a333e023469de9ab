"""The entering event and the parameters of a start, as their journey knows them: models, of which a history keeps a part.

Promise: free text never enters it; where an event is not what its model accepts, or nobody can keep it, that is told by field
and kind of fault, never by value. What passes is read back as it was; an instant without a zone is UTC. A model is an author's
code: whatever it raises, and that it takes too long, is a fault of what it was given, and stops nobody else.
"""

import sys
import types
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from difflib import get_close_matches
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel, GetCoreSchemaHandler, TypeAdapter, ValidationError
from pydantic_core import core_schema

from journeys.contracts import Plain
from journeys.deadline import TookTooLong, within
from journeys.errors import InvalidParams, NotKnown
from journeys.keepable import SAID, flaws, in_utc

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

T = TypeVar("T")


class Id(str):
    """An id as text, such as an order's ("o-1001"): 1 to 100 letters, digits, `.`, `_` and `-`.

    Of a model of the entering event, or of params. Other texts stay out of histories, because they may hold whatever
    somebody typed; an id may enter them, so never declare as one what tells of a person, such as a telephone number.

    Example:
        class Shipment(BaseModel):
            order_id: Id
    """

    __slots__ = ()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """A plain text of this form."""
        del source, handler
        return core_schema.str_schema(pattern=r"^[A-Za-z0-9._-]{1,100}$", strict=True)


#: Of processor time.
_LIMIT = timedelta(seconds=1)
_BRANCHABLE = (bool, int, float, Decimal, UUID, Id, datetime, date, timedelta)


class UnlikeDeclared(Exception):
    """An entering event is not what its journey declares; `fields` says which, and what kind of fault each has."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.fields = dict(fields)
        super().__init__(", ".join(f"{name} ({kind})" for name, kind in self.fields.items()))


class _Raises(Exception):
    """A model's own code raises what it should not, or takes too long; it says the kind of that, never the text."""


class Entry:
    """The values by their names, each of the type that the model declares."""

    _said, _template, _of = "j.entry", "entry", "the entering event"
    _advice = "annotate the handle, j: Journey[Answer], with a model of the event's properties"

    def __init__(self, values: Mapping[str, Plain], model: type[BaseModel] | None) -> None:
        self._values = values
        self._model = model

    def __getattr__(self, name: str) -> Any:
        """The value of a property.

        Raises:
            AttributeError: the model has no such field, or it is free text, which stays out of histories.
        """
        fields = self._model.model_fields if self._model else {}
        if name in self._values and name in fields:
            kind: Any = fields[name].annotation
            return reader_of(kind).validate_python(self._values[name])
        if name in fields:
            raise NotKnown(
                f"{self._said}.{name} is free text, which stays out of histories",
                f"use it in a template as {self._template}.{name}, or declare its choices, {name}: Literal[…],"
                f" or that it is an id: {name}: Id",
            )
        known = ", ".join(fields) or f"nothing: {self._advice}"
        raise NotKnown(f"no '{name}' is declared of {self._of}", f"declared is {known}")


class Answered(Entry):
    """The same of what a service gave."""

    def __init__(self, values: Mapping[str, Plain], model: type[BaseModel] | None, service: str) -> None:
        super().__init__(values, model)
        self._said, self._template, self._of = "value", f"fetched.{service}", f"what {service} gives"


class Surrounding(Entry):
    """The same of what a provider tells of the place where a customer is."""

    def __init__(self, values: Mapping[str, Plain], model: type[BaseModel] | None, context: str) -> None:
        super().__init__(values, model)
        self._said, self._template, self._of = "value", f"context.{context}", f"what {context} tells"


@lru_cache(256)
def reader_of(kind: Any) -> TypeAdapter[Any]:
    """What reads plain values as a type, and writes them; made once."""
    return TypeAdapter(kind)


def accepted(model: type[BaseModel], properties: Mapping[str, Any]) -> dict[str, Plain]:
    """What a journey may know of an event: the branchable fields of its properties, as plain values.

    Raises:
        UnlikeDeclared: the properties do not fit the model.
    """
    return branchable(model, read(model, properties))


def read(model: type[BaseModel], properties: Mapping[str, Any]) -> dict[str, Any]:
    """All fields that a model declares, as JSON values.

    Raises:
        UnlikeDeclared: the properties do not fit the model.
    """
    given = {name: properties[name] for name in _names(model) if name in properties}
    try:
        return _tried(lambda: written(model.model_validate(given)))
    except ValidationError as error:
        # What stands deeper may be a key that a customer typed.
        raise UnlikeDeclared({str((*e["loc"], "")[0]): e["type"] for e in error.errors(include_input=False)}) from None
    except _Raises as error:
        raise UnlikeDeclared({"": str(error)}) from None


def written(made: BaseModel) -> dict[str, Any]:
    """All fields as JSON values that are read back as they were.

    Raises:
        UnlikeDeclared: one cannot be kept.
    """
    if found := flaws(made):
        raise UnlikeDeclared({place[0]: kind for place, kind in found.items()})
    in_utc(made)
    return made.model_dump(mode="json")


def parameters(journey: str, model: type[BaseModel] | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as JSON values, those that were not given by their defaults.

    Raises:
        InvalidParams: they are not those the journey declares.
    """
    if model is None:
        if given:
            raise InvalidParams([("/params", f"journey {journey} takes no parameters")])
        return {}
    # What a model says of unknown fields stands; one that says nothing has them refused, not dropped.
    extra = model.model_config.get("extra", "forbid")
    return _made("params", model, lambda: model.model_validate(given, extra=extra))


def check_entry(model: type[BaseModel] | None, given: Mapping[str, Any]) -> None:
    """Refuse what a start brings in the place of an entering event's properties, where the journey declares a model of these.

    Raises:
        InvalidParams: they do not fit it.
    """
    if model is not None:
        known = {name: given[name] for name in _names(model) if name in given}
        _made("entry", model, lambda: model.model_validate(known))


def _made(part: str, model: type[BaseModel], make: Callable[[], BaseModel]) -> dict[str, Any]:
    """What a model makes of a part of a start, as JSON values.

    Raises:
        InvalidParams: it takes none of that.
    """

    def work() -> dict[str, Any]:
        made = make()
        if found := flaws(made):
            raise InvalidParams([(_pointer(part, place), SAID[kind]) for place, kind in found.items()])
        return written(made)

    try:
        return _tried(work)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False)
        raise InvalidParams([_fault(part, model, fault) for fault in faults]) from error
    except _Raises as error:
        raise InvalidParams([(f"/{part}", f"{model.__name__} cannot say whether it takes them ({error})")]) from None


def _tried(work: Callable[[], T]) -> T:
    """What a model says, in the time that it has."""
    limited = sys.gettrace() is not None  # whoever walks the whole journey has a limit of their own
    try:
        return within(_LIMIT, work)
    except (ValidationError, UnlikeDeclared, InvalidParams, KeyboardInterrupt):
        raise
    except BaseException as error:
        if limited and isinstance(error, TookTooLong):
            raise
        raise _Raises(type(error).__name__) from None


def branchable(model: type[BaseModel] | None, values: Mapping[str, Any]) -> dict[str, Plain]:
    """Of validated values those that may enter a history: numbers, flags, ids, instants and choices, never free text."""
    fields = model.model_fields if model else {}
    known = {name: field for name, field in fields.items() if name in values}  # another version may have accepted them
    return {name: values[name] for name, field in known.items() if _is_branchable(field.annotation)}


def _fault(part: str, model: type[BaseModel], fault: "ErrorDetails") -> tuple[str, str]:
    where = _pointer(part, fault["loc"])
    if fault["type"] != "extra_forbidden":
        return where, fault["msg"]
    fields = list(model.model_fields) if len(fault["loc"]) == 1 else []
    like = get_close_matches(str(fault["loc"][-1]), fields, 1, 0.5)
    advice = f"did you mean '{like[0]}'?" if like else f"it takes {', '.join(fields)}" if fields else "leave it out"
    return where, f"no such parameter; {advice}"


def _pointer(part: str, place: tuple[str | int, ...]) -> str:
    return "/" + "/".join(str(each).replace("~", "~0").replace("/", "~1") for each in (part, *place))


def _names(model: type[BaseModel]) -> set[str]:
    return {each for name, field in model.model_fields.items() for each in (name, field.alias) if each}


def _is_branchable(annotation: Any) -> bool:
    origin = get_origin(annotation)
    if origin is Literal:
        return True
    if origin in (types.UnionType, Union):
        return all(part is type(None) or _is_branchable(part) for part in get_args(annotation))
    return isinstance(annotation, type) and (issubclass(annotation, _BRANCHABLE) or issubclass(annotation, Enum))
