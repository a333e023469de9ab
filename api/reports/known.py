"""The reports that there are: one mapping, read by the API, by the command line, and by the page that tells of them.

Promise: what makes a report here makes it everywhere; nobody who prints one adds to it.
"""

from types import MappingProxyType

from store import Database
from store.errors import NoReport
from store.reports.report import Asked, Named, Report

_ALL: tuple[Named, ...] = ()
#: Each by its name, in the order in which they are listed.
REPORTS = MappingProxyType({named.name: named for named in _ALL})


def named(name: str) -> Named:
    """A report by its name.

    Raises:
        NoReport: there is none.
    """
    if name not in REPORTS:
        raise NoReport(f"there is no report {name}; there are {', '.join(REPORTS)}")
    return REPORTS[name]


async def report(database: Database, name: str, asked: Asked) -> Report:
    """Make a report.

    Raises:
        NoReport: there is none of that name, or it cannot answer this; the message says what can be asked.
    """
    found = named(name)
    found.check(asked)
    return await found.make(database, asked)
