"""A provider of a context in a test: it tells of places what the test says; until then it is away."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from workers.testing.seen import Stage


class Context:
    """A context by its name. Its provider is away, unless told otherwise: from now on, at a place or everywhere."""

    def __init__(self, stage: Stage, name: str) -> None:
        self._stage = stage
        self._name = name

    def tells(self, answer: BaseModel | Mapping[str, Any], *, at: Mapping[str, object] | None = None) -> None:
        """It tells this, of a place by the names under which it is asked: `at={"city": "Lima"}`."""
        body = answer.model_dump(mode="json", by_alias=True) if isinstance(answer, BaseModel) else answer
        self._will(body, at)

    def is_away(self, *, at: Mapping[str, object] | None = None) -> None:
        """It tells nothing, so that it is as declared otherwise."""
        self._will(None, at)

    def _will(self, body: Mapping[str, Any] | None, at: Mapping[str, object] | None) -> None:
        self._stage.context(self._name, body, {name: str(value) for name, value in (at or {}).items()})
