"""What the calls about segments take, as OpenAPI shows it; an error in a definition points to its place."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Self

from fastapi import Path
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from api.problems import Fault, Problem
from segments import DefinitionError, Effect
from segments.define.define import Draft
from segments.language.names import expanded, named_in
from segments.language.predicate import Predicate
from segments.language.wire import predicate_from_json

NAME = r"^[a-z0-9](?:[a-z0-9-]{0,98}[a-z0-9])?$"
Name = Annotated[str, Path(pattern=NAME, description="the segment's name", examples=["abandoned-cart"])]
_Line = Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")]
_STEP = re.compile(r"[^.\[\]]+")
#: What an error calls a leaf in words of Python: `trait('age')`, `did('A').within`.
_CALL = re.compile(r"\w+\(.*")
_EXAMPLE = {
    "all": [
        {"did": "Product Added", "within": 86400},
        {"not": {"did": "Order Completed", "since_last": "Product Added"}},
    ]
}
Definition = Annotated[
    dict[str, Any],
    Field(
        description="the predicate as JSON, as `GET /v1/segments/{name}` shows it (`all`, `any`, `not`, `did`, `trait`, …;"
        ' windows in seconds); `{"member_of": "vip"}` follows the segment "vip", however it changes',
        examples=[_EXAMPLE],
    ),
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class EffectBody(_Body):
    """What messages to this segment are meant to achieve."""

    base_rate: float = Field(gt=0, lt=1, description="the share that converts anyway", examples=[0.03])
    lift: float = Field(gt=-1, lt=1000, description="the relative change upon it; 0.1 is ten per cent more", examples=[0.1])


class SegmentBody(_Body):
    """A segment as a product team defines it."""

    predicate: Definition
    owner: Annotated[_Line, Field(min_length=1, description="who answers for it", examples=["growth-team"])]
    description: _Line = ""
    review_by: date | None = Field(default=None, description="until when it is trusted; then it shows as overdue")
    effect: EffectBody | None = None
    announce: bool = Field(
        default=False,
        description="whether customers who are in it already when it is first evaluated enter journeys (later:"
        " `POST /v1/segments/{name}/announce`); when a definition changes, those whom the change moves always do",
    )

    def draft(self, name: str) -> Draft:
        """The definition, with its names not looked up yet.

        Raises:
            Problem: 422, the effect cannot be.
        """
        try:
            effect = Effect(self.effect.base_rate, self.effect.lift) if self.effect else None
        except DefinitionError as error:
            raise unusable(error, "/effect") from None
        plain = self.model_dump(mode="json", include={"predicate", "owner", "description", "review_by"})
        told = {"base_rate": effect.base_rate, "lift": effect.lift} if effect else None
        return Draft(name, plain | {"predicate": self.predicate, "effect": told}, self.announce)

    @model_validator(mode="wrap")
    @classmethod
    def _all_at_once(cls, given: Any, read: ModelWrapValidatorHandler[Self]) -> Self:
        """A missing owner does not hide what is wrong with the definition."""
        try:
            return read(given)
        except ValidationError as error:
            predicate = given.get("predicate") if isinstance(given, dict) else None
            if not isinstance(predicate, dict) or (fault := _fault(predicate)) is None:
                raise
            known = [
                {"type": PydanticCustomError("invalid", "{told}", {"told": each["msg"]}), "loc": each["loc"], "input": None}
                for each in error.errors(include_input=False, include_url=False)
            ]
            raise ValidationError.from_exception_data(cls.__name__, [*known, fault]) from None  # type: ignore[list-item]


def _fault(predicate: dict[str, Any]) -> InitErrorDetails | None:
    """What is wrong with a definition, whatever the segments are that it names."""
    try:
        predicate_from_json(expanded(predicate, {name: {"did": "anything"} for name in named_in(predicate)}))
    except DefinitionError as error:
        steps = tuple(_pointer(error.place).split("/")[1:])
        return InitErrorDetails(type=PydanticCustomError("invalid", "{told}", {"told": str(error)}), loc=steps, input=None)
    except (TypeError, ValueError, AttributeError, RecursionError):
        return None  # told when the rest is right
    return None


class Checked(_Body):
    """A definition to be read."""

    predicate: Definition


class Question(Checked):
    """A definition that is not saved."""

    limit: int = Field(default=20, ge=1, le=500, description="customers in a preview")


class CountQuestion(Question):
    """A definition of which the customers are counted."""

    quickly: bool = Field(
        default=False,
        description="answer within some seconds: by counting where two suffice, else by looking at about 5,000 customers",
    )


class SnapshotBody(_Body):
    """Which list a segment is frozen as."""

    list_name: str = Field(alias="list", pattern=NAME, description="a new list's name", examples=["vips-at-black-friday"])
    at: AwareDatetime | None = Field(
        default=None,
        description="the instant, not in the future; now when absent. Events count up to it by their own time;"
        " traits, consents, addresses and user ids are taken as they are now: the answer says so where the definition looks"
        " at them",
    )


def predicate_of(definition: dict[str, Any], known: Mapping[str, Any], around: tuple[str, ...] = ()) -> Predicate:
    """The predicate of a body; `known` has what each name stands for, `around` the name that is being defined.

    Raises:
        Problem: 422; an error in `all[1].within` points to `/predicate/all/1/within`.
    """
    try:
        return predicate_from_json(expanded(definition, known, around=around))
    except DefinitionError as error:
        raise unusable(error, _pointer(error.place)) from None
    except (TypeError, ValueError, AttributeError, RecursionError) as error:
        raise unusable(DefinitionError("", f"cannot be read: {type(error).__name__}"), "/predicate") from None


def unusable(error: DefinitionError, pointer: str) -> Problem:
    """A definition's error as a problem."""
    fault = Fault(pointer=pointer, detail=error.problem)
    return Problem(422, f"the definition cannot be used: {error}", code="invalid-definition", errors=[fault])


def _pointer(place: str) -> str:
    steps = _STEP.findall(_CALL.sub("", place))
    return "/".join(["/predicate", *(step.replace("~", "~0").replace("/", "~1") for step in steps)])
