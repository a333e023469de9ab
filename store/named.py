"""Named SQL: each `.sql` file in `queries/` holds statements headed by `-- name: …` and a line that explains them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

_HEADER = re.compile(r"^-- name: (?P<name>\w+)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Query:
    """One statement with its name and the sentence that explains it."""

    name: str
    about: str
    sql: str


@cache
def queries(file: str) -> Mapping[str, str]:
    """The statements of `queries/<file>.sql` by name.

    Raises:
        ValueError: a statement has no explanation or a name stands twice.
    """
    return MappingProxyType(
        {query.name: query.sql for query in parse(files("store").joinpath(f"queries/{file}.sql").read_text())}
    )


def parse(text: str) -> list[Query]:
    """Split a file into its named statements."""
    pieces = _HEADER.split(text)[1:]
    found = [_query(name, body) for name, body in zip(pieces[::2], pieces[1::2], strict=True)]
    if len({query.name for query in found}) < len(found):
        raise ValueError(f"a query name stands twice among {sorted(query.name for query in found)}")
    return found


def _query(name: str, body: str) -> Query:
    lines = body.strip().splitlines()
    about = [line.removeprefix("--").strip() for line in lines if line.startswith("--")]
    if not about:
        raise ValueError(f"query {name} needs a comment line that says what it is for")
    sql = "\n".join(line for line in lines if not line.startswith("--")).strip().rstrip(";")
    return Query(name, " ".join(about), sql)
