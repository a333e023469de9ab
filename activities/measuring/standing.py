"""How experiments stood at the end of past days, kept by the night, so that a report looks at the few days since alone.

Promise: what is kept is what the sums come to; whoever changes a sum takes away what was kept of that day and of later ones.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from activities.measuring.looking import CODE, CONVERSION, METRICS, Looked
from store import Connection
from store.measuring import experiments
from store.measuring.experiments import Kept

_DAY = timedelta(days=1)
#: It is kept after so many days: late events, which take it away, mostly are of the last few.
EVERY = 8


async def keep(connection: Connection, looked: Iterable[Looked], today: date) -> None:
    """Keep how experiments stood on days before this one; the transaction has the sums to itself, and looked by all metrics."""
    await experiments.keep(connection, CODE, [kept for each in looked for kept in _stood(each, today)])


def _stood(looked: Looked, today: date) -> Iterator[Kept]:
    """On each day that is kept, after the last one; of sums of several journeys, or of before the first customer, on none."""
    if not looked.results or looked.mixed or min(looked.days[CONVERSION]) < looked.begins:
        return
    read_by, following = looked.read_by, {metric: looked.follow(metric) for metric in METRICS}
    arms = {arm: days for arm, *days in ([] if looked.kept is None else looked.kept.standing["arms"])}
    for n in range((today - looked.next_day).days):
        day = looked.next_day + n * _DAY
        for metric, each in following.items():
            each.look(looked.days[metric].get(day, {}))
        for arm, sums in looked.days[CONVERSION].get(day, {}).items():
            people, first, last = arms.get(arm, (0, None, None))
            came = day.isoformat() if sums.people else None
            arms[arm] = [people + sums.people, first or came, came or last]
        if (day.toordinal() + 1) % EVERY == 0:
            metrics = {metric: each.standing.to_json() for metric, each in following.items()}
            told = {"arms": [[arm, *each] for arm, each in arms.items()], "metrics": metrics}
            yield Kept(looked.name, day, looked.journey, read_by, told)
