"""What a kind of template can do, and the class that reads one; a channel's row names it (`activities.channels.kinds`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from activities.channels.message import Content
from activities.templating.vocabulary import Vocabulary
from activities.templating.wish import ProductWish


class Template(Protocol):
    """What each kind of template can do."""

    @property
    def file(self) -> str:
        """Where it stands, relative to the folder that holds the catalogue."""
        ...

    @property
    def params(self) -> frozenset[str]:
        """The params that it declares."""
        ...

    @property
    def wish(self) -> ProductWish | None:
        """The product that it asks for."""
        ...

    def render(self, values: Mapping[str, Any]) -> Content:
        """The content for one customer."""
        ...


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a provider takes what is made of a template.

    `approved` is the name and language under which it approved one, `category` what its author takes it for. Without, it is a
    message of one's own, and only goes while the customer's service window is open.
    """

    approved: tuple[str, str] | None = None
    category: str | None = None

    @property
    def free_form(self) -> bool:
        """Whether it needs an open service window."""
        return self.approved is None


@runtime_checkable
class OnTerms(Protocol):
    """A kind of template whose provider has terms."""

    @property
    def terms(self) -> Terms:
        """Them."""
        ...


@runtime_checkable
class Tapped(Protocol):
    """A kind of template whose messages have something to tap."""

    @property
    def choices(self) -> tuple[str, ...]:
        """The names by which a journey hears of it."""
        ...

    @property
    def titles(self) -> tuple[tuple[str, str], ...]:
        """What is shown on each of them, with its name, as far as that is the same for everybody."""
        ...


@runtime_checkable
class LeadsOut(Protocol):
    """A kind of template whose marketing needs a link by which customers get out of it."""

    @property
    def leads_out(self) -> bool:
        """Whether it has one, in each of its forms."""
        ...


@runtime_checkable
class Measured(Protocol):
    """What a kind of template can do where length costs money."""

    @property
    def file(self) -> str:
        """Where it stands."""
        ...

    def measure(self) -> str:
        """How long its messages are, as far as that is known beforehand: for its author."""
        ...


class TemplateClass(Protocol):
    """The class of a kind of template, as a channel's row names it."""

    def read(self, file: str, text: str, vocabulary: Vocabulary, *beside: str, **pictures: str) -> Template:
        """From its file's text, that of the file beside it if there is one, and pictures in base64 by name.

        Raises:
            TemplateError: a file cannot be used.
        """
        ...
