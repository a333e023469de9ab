"""Which errors pass by themselves, so that all is tried again; and what is told of the others: their kind and place."""

import traceback
from pathlib import Path

import asyncpg
from temporalio.service import RPCError

from activities.versions import UnknownVersion
from store.away import AWAY

_PASSING: tuple[type[BaseException], ...] = (*AWAY, asyncpg.TransactionRollbackError, RPCError, UnknownVersion)


def passes(error: BaseException) -> bool:
    """Whether Postgres or Temporal is away, or somebody was faster, so that no entry is to blame.

    A value that the driver cannot write stands in one entry, although it counts among the errors of its interface.
    """
    return isinstance(error, _PASSING) and not (isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError))


def kind_and_place(error: BaseException) -> dict[str, str]:
    """The kind of an error and the line that it comes from, without its text, which may quote a customer."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    return {"error": type(error).__name__, "at": "".join(f"{Path(each.filename).name}:{each.lineno}" for each in last)}
