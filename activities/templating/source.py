"""Template files as written: YAML in which every text knows its line, and MJML below YAML front matter.

Promise: whatever is wrong with a file becomes a problem with its file and line, never a stack trace.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import yaml

from activities.templating.errors import Problem, TemplateError


@dataclass(frozen=True, slots=True)
class Text:
    """A text in a template file, and the line of its first character."""

    value: str
    line: int


Field: TypeAlias = "Text | list[Field] | dict[str, Field]"

_DEEPEST = 6  # lists and mappings within each other: a carousel's buttons are four deep


@dataclass(frozen=True, slots=True)
class Source:
    """A file's fields, and for MJML its body."""

    file: str
    fields: Mapping[str, Field]
    body: Text | None = None
    line: int = 1

    def text(self, name: str) -> Text | None:
        """A field that holds one text.

        Raises:
            TemplateError: it holds something else.
        """
        value = self.fields.get(name)
        if value is None or isinstance(value, Text):
            return value
        raise self.wrong(name, f"{name} must be one text")

    def needed(self, name: str) -> Text:
        """A field that must be there.

        Raises:
            TemplateError: it is not, or is empty.
        """
        value = self.text(name)
        if value is None or not value.value.strip():
            raise TemplateError(
                Problem(self.file, value.line if value else self.line, f"{name} is missing", self._instead_of(name))
            )
        return value

    def _instead_of(self, name: str) -> str:
        """What stands there instead, since that tells what its author took the file for."""
        there = ", ".join(f"{each}:" for each in self.fields if each != name)
        return f"write the field {name}: in {self.file}" + (f", beside {there}" if there else "")

    def listed(self, name: str) -> list[Text]:
        """A field that holds a list of texts; absent means empty."""
        return [self._as_text(item) for item in self._list(name)]

    def mapped(self, name: str) -> dict[str, Text]:
        """A field that holds names and texts; absent means empty."""
        return {key: self._as_text(item) for key, item in self._mapping(name).items()}

    def part(self, name: str) -> "Source | None":
        """A field that holds fields of its own; absent means none."""
        return replace(self, fields=self._mapping(name), line=_first_line(self.fields[name])) if name in self.fields else None

    def parts(self, name: str) -> "list[Source | Text]":
        """A field that holds a list, each of which is a text or has fields of its own; absent means empty."""
        return [self._as_part(item) for item in self._list(name)]

    def _list(self, name: str) -> "list[Field]":
        value = self.fields.get(name, [])
        if isinstance(value, list):
            return value
        raise self.wrong(name, f"{name} must be a list")

    def _mapping(self, name: str) -> "dict[str, Field]":
        value = self.fields.get(name, {})
        if isinstance(value, dict):
            return value
        raise self.wrong(name, f"{name} must be a mapping")

    def _as_text(self, field: Field) -> Text:
        if isinstance(field, Text):
            return field
        raise TemplateError(Problem(self.file, _first_line(field), "a text is expected here"))

    def _as_part(self, field: Field) -> "Source | Text":
        if isinstance(field, dict):
            return replace(self, fields=field, line=_first_line(field))
        return self._as_text(field)

    def only(self, known: Collection[str]) -> None:
        """Insist that no field has another name.

        Raises:
            TemplateError: one has; a misspelt field is never dropped in silence.
        """
        for name in self.fields:
            if name not in known:
                raise self.wrong(name, f"unknown field {name}; known: {', '.join(sorted(known))}")

    def wrong(self, name: str, text: str) -> TemplateError:
        """The error for a field."""
        return TemplateError(Problem(self.file, _first_line(self.fields[name]), text))


def read_yaml(file: str, text: str) -> Source:
    """A YAML template.

    Raises:
        TemplateError: it is not a YAML mapping of texts.
    """
    return Source(file, _fields(file, text, 1))


def read_front_matter(file: str, text: str) -> Source:
    """A template whose body follows front matter between two lines of `---`.

    Raises:
        TemplateError: there is no front matter, or it is not a YAML mapping of texts.
    """
    head, matter, body = [*text.split("---\n", 2), "", ""][:3]
    if head.strip() or not body:
        raise TemplateError(Problem(file, 1, "an email template begins with front matter between two lines of ---"))
    first = text[: len(text) - len(body)].count("\n") + 1
    return Source(file, _fields(file, matter, 2), Text(body, first))


def _fields(file: str, text: str, first: int) -> dict[str, Field]:
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or type(error).__name__
        raise TemplateError(Problem(file, first + (mark.line if mark else 0), f"not YAML: {problem}")) from None
    if not isinstance(node, yaml.MappingNode):
        raise TemplateError(Problem(file, first, "a mapping of fields is expected"))
    return {str(key.value): _field(file, value, first) for key, value in node.value}


def _field(file: str, node: Any, first: int, depth: int = 0) -> Field:
    if depth > _DEEPEST:
        raise TemplateError(Problem(file, first + node.start_mark.line, "it nests too deeply"))
    if isinstance(node, yaml.SequenceNode):
        return [_field(file, item, first, depth + 1) for item in node.value]
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): _field(file, value, first, depth + 1) for key, value in node.value}
    return _text(node, first)


def _text(node: Any, first: int) -> Text:
    block = node.style in ("|", ">")
    return Text(node.value, first + node.start_mark.line + (1 if block else 0))


def _first_line(field: Field) -> int:
    if isinstance(field, Text):
        return field.line
    inner = list(field.values()) if isinstance(field, dict) else field
    return _first_line(inner[0]) if inner else 1
