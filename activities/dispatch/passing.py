"""Which errors pass by themselves, so that all is tried again; and what is told of the others: their kind and place."""

import traceback
from pathlib import Path

from temporalio.service import RPCError

from activities.versions import UnknownVersion
from store import away


def passes(error: BaseException) -> bool:
    """Whether Postgres or Temporal is away, or somebody was faster, so that no entry is to blame."""
    return isinstance(error, RPCError | UnknownVersion) or away.passes(error)


def kind_and_place(error: BaseException) -> dict[str, str]:
    """The kind of an error and the line that it comes from, without its text, which may quote a customer."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    return {"error": type(error).__name__, "at": "".join(f"{Path(each.filename).name}:{each.lineno}" for each in last)}
