"""Parameters of a run: what the model that its journey declares takes of them, and what is wrong with the rest.

Promise: what is accepted is JSON that is read back as it was; each fault is told by its place, all at once.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from journeys.entering import written
from journeys.errors import InvalidParams
from journeys.keepable import SAID, flaws

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


def accept(journey: str, model: type[BaseModel] | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as JSON values, those that were not given by their defaults.

    Raises:
        InvalidParams: they are not those the journey declares.
    """
    if model is None:
        if given:
            raise InvalidParams([("/params", f"journey {journey} takes no parameters")])
        return {}
    try:
        # What a model says of unknown fields stands; one that says nothing has them refused, not dropped.
        made = model.model_validate(given, extra=model.model_config.get("extra", "forbid"))
    except ValidationError as error:
        raise InvalidParams([_fault(model, fault) for fault in error.errors(include_url=False)]) from error
    if found := flaws(made):
        raise InvalidParams([(_pointer(place), SAID[kind]) for place, kind in found.items()])
    return written(made)


def _fault(model: type[BaseModel], fault: "ErrorDetails") -> tuple[str, str]:
    where = _pointer(fault["loc"])
    if fault["type"] != "extra_forbidden":
        return where, fault["msg"]
    fields = list(model.model_fields) if len(fault["loc"]) == 1 else []
    like = get_close_matches(str(fault["loc"][-1]), fields, 1, 0.5)
    advice = f"did you mean '{like[0]}'?" if like else f"it takes {', '.join(fields)}" if fields else "leave it out"
    return where, f"no such parameter; {advice}"


def _pointer(place: tuple[str | int, ...]) -> str:
    return "/" + "/".join(str(part).replace("~", "~0").replace("/", "~1") for part in ("params", *place))
