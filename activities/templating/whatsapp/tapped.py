"""What a customer may tap in a message of one's own, as parts that are filled for one customer.

Promise: as `free_form`; what a journey may hear of is `choices`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from activities.channels.whatsapp.free_form import Buttons, Choice, Flow, Goods, Link, Listed, Section, WholeCatalog
from activities.templating.errors import BrokenTemplate
from activities.templating.fields import Values
from activities.templating.language import Phrase
from activities.templating.links import WEB, fault, repaired
from activities.templating.push import filled
from activities.templating.whatsapp.parts import broken


@dataclass(frozen=True, slots=True)
class Short:
    """A text on one line, of so many characters at most."""

    phrase: Phrase
    name: str
    most: int

    def fill(self, values: Values) -> str:
        """For one customer.

        Raises:
            BrokenTemplate: it is blank, or too long.
        """
        text = filled(self.phrase, values, self.name)
        if len(text) > self.most:
            raise broken(self.phrase, f"{self.name} has {len(text)} characters; WhatsApp takes {self.most}")
        return text


@dataclass(frozen=True, slots=True)
class ChoicePart:
    """A button or row to be."""

    name: str
    title: Short
    description: Short | None = None

    @property
    def titles(self) -> tuple[tuple[str, str], ...]:
        """What it shows, with its name; nothing where that hangs on the customer."""
        try:
            return ((self.title.fill({}), self.name),)
        except BrokenTemplate:
            return ()

    def fill(self, values: Values) -> Choice:
        """For one customer."""
        description = self.description.fill(values) if self.description else None
        return Choice(name=self.name, title=self.title.fill(values), description=description)


@dataclass(frozen=True, slots=True)
class SectionPart:
    """Some rows or products to be."""

    title: Short | None
    rows: tuple[ChoicePart, ...] = ()
    products: tuple[Short, ...] = ()

    def fill(self, values: Values) -> Section:
        """For one customer."""
        return Section(
            title=self.title.fill(values) if self.title else None,
            rows=tuple(row.fill(values) for row in self.rows),
            products=tuple(product.fill(values) for product in self.products),
        )


@dataclass(frozen=True, slots=True)
class ButtonsPart:
    """Buttons to be."""

    given: tuple[ChoicePart, ...]

    @property
    def choices(self) -> tuple[str, ...]:
        """The names that a journey may hear."""
        return tuple(choice.name for choice in self.given)

    @property
    def titles(self) -> tuple[tuple[str, str], ...]:
        """What they show."""
        return tuple(title for choice in self.given for title in choice.titles)

    def fill(self, values: Values) -> Buttons:
        """For one customer."""
        return Buttons(choices=tuple(choice.fill(values) for choice in self.given))


@dataclass(frozen=True, slots=True)
class ListPart:
    """A list to be."""

    button: Short
    sections: tuple[SectionPart, ...]

    @property
    def choices(self) -> tuple[str, ...]:
        """The names that a journey may hear."""
        return tuple(row.name for section in self.sections for row in section.rows)

    @property
    def titles(self) -> tuple[tuple[str, str], ...]:
        """What they show."""
        return tuple(title for section in self.sections for row in section.rows for title in row.titles)

    def fill(self, values: Values) -> Listed:
        """For one customer."""
        return Listed(button=self.button.fill(values), sections=tuple(section.fill(values) for section in self.sections))


@dataclass(frozen=True, slots=True)
class LinkPart:
    """A button to a page, to be."""

    button: Short
    url: Phrase
    choices: tuple[str, ...] = ()
    titles: tuple[tuple[str, str], ...] = ()

    def fill(self, values: Values) -> Link:
        """For one customer."""
        url = repaired(filled(self.url, values, "url"))
        if wrong := fault(url, schemes=WEB):
            raise broken(self.url, f"url is not a valid link: {wrong}")
        return Link(button=self.button.fill(values), url=url)


@dataclass(frozen=True, slots=True)
class GoodsPart:
    """Products to be."""

    catalog: Short
    sections: tuple[SectionPart, ...]
    choices: tuple[str, ...] = ()
    titles: tuple[tuple[str, str], ...] = ()

    def fill(self, values: Values) -> Goods:
        """For one customer."""
        return Goods(catalog=self.catalog.fill(values), sections=tuple(section.fill(values) for section in self.sections))


@dataclass(frozen=True, slots=True)
class CatalogPart:
    """The whole catalogue, to be."""

    product: Short
    choices: tuple[str, ...] = ()
    titles: tuple[tuple[str, str], ...] = ()

    def fill(self, values: Values) -> WholeCatalog:
        """For one customer."""
        return WholeCatalog(product=self.product.fill(values))


@dataclass(frozen=True, slots=True)
class FlowPart:
    """A flow to be."""

    name: str
    button: Short
    screen: str
    token: Phrase
    data: Mapping[str, Phrase]
    choices: tuple[str, ...] = ()
    titles: tuple[tuple[str, str], ...] = ()

    def fill(self, values: Values) -> Flow:
        """For one customer."""
        return Flow(
            name=self.name,
            button=self.button.fill(values),
            screen=self.screen,
            token=filled(self.token, values, "token"),
            data={name: phrase.render(values) for name, phrase in self.data.items()},
        )


Part = ButtonsPart | ListPart | LinkPart | GoodsPart | CatalogPart | FlowPart
