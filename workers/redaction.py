"""Errors without what they say: their kind and place, for histories and logs.

Promise: an error's text (a database's quotes rows, an author's may name a customer) goes nowhere where it is kept for weeks.
What Temporal and this house themselves say of a failure holds no personal data, and stays.
"""

import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import asyncpg
from temporalio import activity
from temporalio.api.failure.v1 import Failure
from temporalio.converter import DefaultFailureConverter, PayloadConverter
from temporalio.exceptions import ApplicationError, FailureError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
#: Between an author's line and the error there may be ours; the author's is the one to look at.
_ENGINE = ("journeys.", "workers.redaction")
_OUR_WORDS = ("journeys.errors", "temporalio.workflow")
_DEEPEST = 6


class KindAndPlace(DefaultFailureConverter):
    """Writes failures into histories: of an error that is not Temporal's own, only its kind and place."""

    def to_failure(self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure) -> None:
        """Convert an error; its causes come through here, too."""
        if isinstance(exception, FailureError):
            super().to_failure(exception, payload_converter, failure)
            return
        told = ApplicationError(in_words(exception), type=type(exception).__name__)
        super().to_failure(told, payload_converter, failure)
        failure.stack_trace = "\n".join(places(exception))


class Redaction(Interceptor):
    """Keeps an activity's unexpected error out of its span, which records whatever passes through it, and logs the place."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - Temporal's name
        """Wrap every activity."""
        return _RedactedActivity(next)


class _RedactedActivity(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - Temporal's name
        try:
            return await super().execute_activity(input)
        except FailureError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, its text stays here
            activity.logger.error("activity failed", extra={"kind": kind(error), "where": list(places(error))})
            raise ApplicationError(in_words(error), type=type(error).__name__) from None


def in_words(error: BaseException) -> str:
    """What may be told of an error: `KeyError at definitions/welcome/__init__.py:12`."""
    if isinstance(error, FailureError):  # Temporal's, or ours for Temporal: it says what it has to say
        return error.message
    what = f"{kind(error)}: {error}" if _says_nothing_personal(error) else kind(error)
    where = place(error)
    return f"{what} at {where}" if where else what


def kind(error: BaseException) -> str:
    """What sort of error it is."""
    if isinstance(error, asyncpg.PostgresError):
        return f"Postgres {error.sqlstate} {type(error).__name__}"
    return type(error).__name__


def place(error: BaseException) -> str:
    """The line to look at: the deepest that is neither a library's nor the engine's."""
    deepest = [(frame, line) for frame, line in traceback.walk_tb(error.__traceback__)][::-1]
    for found in (
        [(frame, line) for frame, line in deepest if not _of_a_library(frame) and not _module(frame).startswith(_ENGINE)],
        [(frame, line) for frame, line in deepest if not _of_a_library(frame)],
        deepest,
    ):
        if found:
            return _told(*found[0])
    return ""


def places(error: BaseException) -> Iterator[str]:
    """The lines that led to an error and to its causes, without what it says."""
    for frame, line in [*traceback.walk_tb(error.__traceback__)][-_DEEPEST:]:
        yield f"{_told(frame, line)} {frame.f_code.co_name}"
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield f"because of {in_words(cause)}"


def _says_nothing_personal(error: BaseException) -> bool:
    """By the module's name: in Temporal's sandbox the class itself is another one."""
    return any(of.__module__ in _OUR_WORDS for of in type(error).__mro__)


def _of_a_library(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith((*_LIBRARIES, "<"))


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def _told(frame: FrameType, line: int) -> str:
    """A line's file from its outermost package on: a path of the machine says nothing to anybody else."""
    path = Path(frame.f_code.co_filename)
    depth = _module(frame).count(".") + 1 + (path.name == "__init__.py")
    return f"{'/'.join(path.parts[-depth:])}:{line}"
