"""The documents as a Markdown parser reads them: blocks, code in sentences, links, titles, tables, whatever their spelling.

`markdown-it-py` comes with rich, which the command line needs.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[1]
_HTML = re.compile(r"""(?:href|src)\s*=\s*["']?([^"'\s>]+)""")
_UNDEFINED = re.compile(r"\[[^\]]+\]\[[^\]]*\]")


@dataclass(frozen=True)
class Page:
    """One document."""

    path: Path

    def __str__(self) -> str:
        return self.path.relative_to(ROOT).as_posix() if self.path.is_relative_to(ROOT) else self.path.name

    @cached_property
    def text(self) -> str:
        return self.path.read_text()

    @cached_property
    def tokens(self) -> list[Token]:
        return MarkdownIt("commonmark").enable("table").parse(self.text)

    @cached_property
    def inside(self) -> list[Token]:
        """What sentences, titles and cells are made of."""
        return [each for token in self.tokens for each in token.children or ()]

    def blocks(self, *kinds: str) -> list[str]:
        """Blocks of code; those without a kind, and indented ones, are of the kind ``."""
        return [each.content for each in self.tokens if kind(each) in kinds]

    @property
    def kinds(self) -> set[str]:
        return {found for each in self.tokens if (found := kind(each)) is not None}

    @cached_property
    def code(self) -> list[str]:
        """Code in sentences; a line break in it is a space."""
        return [each.content for each in self.inside if each.type == "code_inline"]

    @property
    def prose(self) -> str:
        return "\n".join(each.content for each in self.inside if each.type == "text")

    @property
    def links(self) -> list[str]:
        """Where links and pictures lead, also by reference and in HTML; a reference that is not defined leads to itself."""
        found = [
            str(each.attrs.get("href") or each.attrs.get("src")) for each in self.inside if each.type in {"link_open", "image"}
        ]
        html = [each.content for each in (*self.tokens, *self.inside) if each.type in {"html_inline", "html_block"}]
        return [*found, *(target for each in html for target in _HTML.findall(each)), *_UNDEFINED.findall(self.prose)]

    @property
    def titles(self) -> Iterator[str]:
        for before, token in zip(self.tokens, self.tokens[1:], strict=False):
            if before.type == "heading_open":
                yield "".join(each.content for each in token.children or ())

    @property
    def rows(self) -> list[list[Token]]:
        """Rows of all tables below their heads: a token for each cell."""
        found: list[list[Token]] = []
        for before, token in zip(self.tokens, self.tokens[1:], strict=False):
            if before.type == "tr_open":
                found.append([])
            elif before.type == "td_open":
                found[-1].append(token)
        return [row for row in found if row]


def kind(token: Token) -> str | None:
    """Of which kind a block of code is."""
    return "".join(token.info.split()[:1]) if token.type in {"fence", "code_block"} else None


def plain(cell: Token) -> str:
    """A cell without its marks."""
    return "".join(each.content for each in cell.children or ()).strip()


PAGES = [Page(path) for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))]


def cases(found: dict[Page, list[str]]) -> list[object]:
    """What stands in pages, one case each, by page and number."""
    return [pytest.param(each, id=f"{page.path.stem}-{n}") for page, all_ in found.items() for n, each in enumerate(all_, 1)]
