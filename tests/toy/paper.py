"""How it is written: as it stands in the file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from activities.templating.vocabulary import Vocabulary
from tests.toy.bottle import Paper


@dataclass(frozen=True)
class PaperTemplate:
    """A message to be."""

    file: str
    text: str
    params: frozenset[str] = frozenset()
    wish: None = None

    @classmethod
    def read(cls, file: str, text: str, vocabulary: Vocabulary) -> Self:  # noqa: ARG003 - one signature for all kinds
        """From the file's text."""
        return cls(file, text)

    def render(self, values: Mapping[str, Any]) -> Paper:  # noqa: ARG002 - one signature for all kinds
        """The same for all."""
        return Paper(words=self.text)
