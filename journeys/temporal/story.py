"""What a run has done, and what it waits for, in words: Temporal's UI shows it under *User Metadata*.

Promise: free, no event of the history; and as all contracts nothing of it is known of a customer.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from temporalio import workflow

from journeys.actions import Called
from journeys.contracts import DeliverRequest, Receipt, RunOver, RunStart
from journeys.handle.branch import in_branch
from journeys.heard import IT, Happened
from journeys.questions import Chosen, Foretold, Looked, Question, Understood


class Story:
    """A line for each thing that was done, in order; below them, as long as it lasts, each thing that is not over yet."""

    def __init__(self, start: RunStart, began: str | None, now: Callable[[], datetime]) -> None:
        self._heading = f"Entered {start.segment or 'by API'} at {start.entered_at:%Y-%m-%d %H:%M} UTC" + _version(start, began)
        self._now = now
        self._done: list[str] = []
        self._under_way: list[str] = []

    def tell(self, what: str) -> None:
        """Something that is done."""
        self._done.append(self._line(self._now(), what))
        self._show()

    @contextmanager
    def meanwhile(self, what: str, until: datetime | None = None) -> Iterator[None]:
        """Something that lasts: until a business time, or since now until it is answered."""
        line = self._line(until or self._now(), what, "until " if until else "since ")
        self._under_way.append(line)
        self._show()
        try:
            yield
        finally:
            self._under_way.remove(line)

    def sent(self, request: DeliverRequest, receipt: Receipt) -> None:
        """What became of a message."""
        which = f" {receipt.segment}" if receipt.segment else f": {receipt.because}" if receipt.because else ""
        because = f": {receipt.reason.value}{which}" if receipt.reason else ""
        self.tell(f"{request.channel.value} `{request.template}` {receipt.outcome.value}{because}")

    def answered(self, question: Question, answer: Any) -> None:
        """What a question, an action or a call came to; an instant is told by the wait that follows."""
        match answer:
            case Called():
                status = f" ({answer.status})" if answer.reason and answer.status else ""
                told = f"{answer.reason or 'answered'}{status}"
            case Looked():
                told = answer.reason.value if answer.reason else "answered"
            case Chosen():
                told = ", ".join(answer.options) or "nothing is allowed"
            case Foretold():
                told = answer.told
            case Understood():
                told = answer.told
            case bool():
                told = "yes" if answer else "no"
            case str():
                told = answer
            case None:
                told = "never"
            case _:
                return
        self.tell(f"{question.summary.removesuffix('?')}: {told}")

    def waited(self, summary: str, happened: Happened | None) -> None:
        """What a wait came to; of a task, which of its choices."""
        if happened is None:
            self.tell(f"gave up: {summary}")
            return
        several = " or " in summary and happened.which != IT
        what = happened.which if several else summary.removeprefix("wait for ").partition(", at most ")[0]
        self.tell(f"{what}: {'yes' if happened.outcome is None else happened.outcome}")

    def over(self, over: RunOver) -> None:
        """How the run ended."""
        self.tell(f"**over: {over.outcome.value}{f' ({over.ended_by})' if over.ended_by else ''}**")

    def _line(self, at: datetime, what: str, when: str = "") -> str:
        return f"- {when}{at:%a %d %b %Y %H:%M} — {in_branch(what)}"

    def _show(self) -> None:
        now = ["", "**now**", "", *self._under_way] if self._under_way else []
        workflow.set_current_details("\n".join([self._heading, "", *self._done, *now]))


def _version(start: RunStart, began: str | None) -> str:
    """With which version it goes on, and why that is another one than its history began with, where it is."""
    if start.version is None:
        return ""
    moved = ", to which it was moved" if start.moves else ""
    taken = f", because it could not go on with {began}" if start.version != began else ""
    return f"; version {start.version} of the catalogue{taken or moved}"
