"""The text form of a letter, derived from its HTML: paragraphs as paragraphs, links with their address behind them.

Promise: it works on the marked HTML of a template, so that it happens once per template and not once per message.
"""

import re
from html.parser import HTMLParser

_SILENT = frozenset({"head", "style", "script", "title"})
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_BREAKS = _HEADINGS | {"br", "p", "div", "tr", "table", "ul", "ol", "hr", "blockquote", "pre", "section", "dl", "dt", "dd"}
_CELLS = frozenset({"td", "th"})
_HIDDEN = re.compile(r"display:\s*none")
_MARK = re.compile(r"\s*LIQ\d+UID\s*\Z")
_VOID = frozenset({"br", "hr", "img", "meta", "link", "input", "area", "base", "col", "embed", "source", "track", "wbr"})


def plain(html: str) -> str:
    """The text of some HTML."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return tidy("".join(reader.written))


def tidy(text: str) -> str:
    """With single spaces and at most one empty line between paragraphs."""
    lines = [" ".join(line.split()) for line in text.splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.written: list[str] = []
        self._silent: list[str] = []
        self._links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in _VOID:
            self.written.append("\n" if tag == "br" and not self._silent else "")
        elif self._silent or tag in _SILENT or _HIDDEN.search(values.get("style") or ""):
            self._silent.append(tag)
        elif tag == "li":
            self.written.append("\n- ")
        elif tag in _BREAKS:
            self.written.append("\n\n")
        elif tag in _CELLS:
            self.written.append(" ")
        if tag == "a":
            self._links.append(values.get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._links:
            address = self._links.pop()
            if address and not self._silent:
                # Whatever follows must not become a part of the address.
                self.written = [*self.written[:-1], self.written[-1].rstrip(), f": {address} "]
        if self._silent:
            self._silent.pop()
        elif tag in _BREAKS:
            self.written.append("\n\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.written.append(re.sub(r"\s+", " ", data))

    def handle_comment(self, data: str) -> None:
        # A Liquid tag between elements stands as a comment; conditional comments for Outlook are not text.
        if not self._silent and _MARK.match(data):
            self.written.append(f"<!--{data.strip()}-->")
