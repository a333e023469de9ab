"""MJML to the HTML that mail readers show, once per template: styles inlined, Liquid carried through untouched.

Promise: neither the MJML compiler nor the style inliner ever sees Liquid. Each piece stands as a mark that both leave
alone (an XML comment between elements, where a bare word would be moved out of a table; a word everywhere else) and
is put back.
"""

import re

import css_inline
import mrml

from activities.templating.errors import Problem, TemplateError
from activities.templating.links import IN_CSS

_LIQUID = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_TAG = re.compile(r"""(<!--.*?-->|<(?:"[^"]*"|'[^']*'|[^'">])*>)""", re.DOTALL)
# The elements whose content is HTML, where white space is a space; between all others it is layout.
_HTML = "mj-(text|button|table|raw|accordion-title|accordion-text|navbar-link|social-element)"
_CONTENT = re.compile(rf"""<{_HTML}\b(?:"[^"]*"|'[^']*'|[^'">])*(?<!/)>.*?</mj-\1>""", re.DOTALL)
_GAP = re.compile(r"(?<=>)\s+(?=<)")
_MARK = re.compile(r"LIQ(\d+)UID")
#: Where CSS stands, and a variable that is shown.
_STYLE = re.compile(r"""(?<=\sstyle=)(?:"[^"]*"|'[^']*')|<style\b.*?</style>""", re.DOTALL | re.IGNORECASE)
_SHOWN = re.compile(r"\A\{\{(-?)(?!\s*shop\b)(.*?)(-?)\}\}\Z", re.DOTALL)  # the shop's own words are its own
_COMMENT = re.compile(r"<!--\s*(LIQ\d+UID)\s*-->")
# An HTML parser adds the <tbody> that an author left out right before the first row, which would part a loop's two ends.
_IMPLIED = re.compile(r"(<table[^>]*>)(?=\s*(?:<!--\s*LIQ\d+UID\s*-->\s*)+<tr)")

# Fonts come from the reader's own machine: a remote font tells its host who opened the letter.
_OPTIONS = mrml.RenderOptions(disable_comments=False, fonts={})
_INLINER = css_inline.CSSInliner(keep_style_tags=False, keep_at_rules=True, load_remote_stylesheets=False)


class Compiled:
    """A template's HTML with marks in place of Liquid, and the way back."""

    def __init__(self, html: str, pieces: list[str]) -> None:
        self.marked = html
        self._pieces = pieces

    @property
    def html(self) -> str:
        """The HTML with its Liquid."""
        return self.restored(_STYLE.sub(lambda style: _MARK.sub(self._in_css, style[0]), self.marked))

    def _in_css(self, mark: re.Match[str]) -> str:
        """What is shown inside of a style cannot end it: HTML's escaping does not hold there."""
        return _SHOWN.sub(rf"{{{{\1\2 | {IN_CSS} \3}}}}", self._pieces[int(mark[1])])

    def restored(self, text: str) -> str:
        """Any text derived from the marked HTML, with its Liquid back."""
        return _MARK.sub(lambda mark: self._pieces[int(mark[1])], _COMMENT.sub(r"\1", text))


def compile_mjml(file: str, source: str, line: int, preheader: str = "") -> Compiled:
    """The HTML of an MJML template; `line` is that of the source's first character.

    Raises:
        TemplateError: it is not MJML.
    """
    pieces: list[str] = []
    marked = _marked(source, pieces)
    head = _LIQUID.sub(lambda match: _mark(match, pieces), preheader)
    try:
        output = mrml.to_html(_previewed(marked, head), render_options=_OPTIONS)
    except OSError as error:  # mrml's only error
        raise TemplateError(Problem(file, line, f"not MJML: {error}")) from None
    if output.warnings:
        raise TemplateError(*(Problem(file, line, f"not MJML: {warning.kind}") for warning in output.warnings))
    return Compiled(_INLINER.inline(_IMPLIED.sub(r"\1<tbody>", output.content)), pieces)


def _marked(source: str, pieces: list[str]) -> str:
    """Words for all Liquid first; then comments for those tags that stand between elements."""
    words = _LIQUID.sub(lambda match: _mark(match, pieces), source)
    parts = _TAG.split(words)
    parts[::2] = [_MARK.sub(lambda mark: _between(mark, pieces), part) for part in parts[::2]]
    return _spaced("".join(parts))


def _spaced(source: str) -> str:
    """With a space for white space between two inline tags that holds a line break: mrml takes that for layout and drops it."""
    return _CONTENT.sub(lambda content: _GAP.sub(" ", content[0]), source)


def _mark(match: re.Match[str], pieces: list[str]) -> str:
    pieces.append(match[0])
    return f"LIQ{len(pieces) - 1}UID"


def _between(mark: re.Match[str], pieces: list[str]) -> str:
    return f"<!--{mark[0]}-->" if pieces[int(mark[1])].startswith("{%") else mark[0]


def _previewed(source: str, preheader: str) -> str:
    """With the preheader, the line that mail readers list beside the subject."""
    if not preheader:
        return source
    preview = f"<mj-preview>{preheader}</mj-preview>"
    if "<mj-head>" in source:
        return source.replace("<mj-head>", f"<mj-head>{preview}", 1)
    return re.sub(r"(<mjml[^>]*>)", rf"\1<mj-head>{preview}</mj-head>", source, count=1)
