"""`listed(…)`: who is on a list kept by hand or from a file.

Putting on and taking off are events of the type `$list:<name>`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from segments.errors import DefinitionError
from segments.language.events import LIST_EVENT
from segments.language.predicate import Read
from segments.language.reading import only
from segments.leaves.standing import Standing

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,98}[a-z0-9])?")


def check_list_name(name: object) -> str:
    """The name, if a list can be called so.

    Raises:
        DefinitionError: it cannot.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise DefinitionError(f"listed({name!r})", "a list's name has 1 to 100 lower-case letters, digits and hyphens inside")
    return name


@dataclass(frozen=True, eq=False)
class Listed(Standing, keys=("listed",), past=True):
    """On the list at the instant asked about."""

    name: str

    def __post_init__(self) -> None:
        check_list_name(self.name)

    @property
    def kind(self) -> str:
        """One for each list."""
        return LIST_EVENT + self.name

    @property
    def says(self) -> str:
        """True when the customer was put on it, false when taken off."""
        return "listed"

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], read: Read) -> Self:  # noqa: ARG003 - one signature for all leaves
        """The list's name."""
        only(plain, "listed")
        return cls(check_list_name(plain["listed"]))

    def to_json(self) -> dict[str, Any]:
        """`{"listed": …}`."""
        return {"listed": self.name}

    def denied(self) -> str:
        """The opposite, in words."""
        return f'is not on the list "{self.name}"'

    def __str__(self) -> str:
        return f'is on the list "{self.name}"'


def listed(name: str) -> Listed:
    """The customer is on this list (`journeys lists import`, `POST /v1/lists/{name}/members`)."""
    return Listed(name)
