"""What is wrong with a template: found when the catalogue is loaded, or, at the last, when one message is rendered.

TemplateError    a template cannot be used at all; names file and line
BrokenTemplate   it cannot be rendered for one customer; the message is recorded as failed

Promise: neither holds anything about a customer; names of variables, never their values.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One fault and where it stands; the line counts from 1."""

    file: str
    line: int
    text: str
    #: What to do, where that is not what the text says.
    remedy: str = ""
    rule: str = "template"

    def __str__(self) -> str:
        text = f"{self.text}; {self.remedy}" if self.remedy else self.text
        return f"{self.file}:{self.line}: {text}"


class TemplateError(Exception):
    """Templates that cannot be used, one problem a line."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(str(problem) for problem in sorted(problems)))
        self.problems = tuple(sorted(problems))


class BrokenTemplate(Exception):
    """A template that cannot be rendered for this customer; `detail` says which variable, never its value."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail
