"""Experiments that a journey asks about, held against what is declared of them: by the same arms, and where it is found.

Promise: what every path shows is looked at; what no `Experiment(…)` says is as the journey says it, and nothing is told of it.
"""

from collections.abc import Iterator

from journeys.catalogue import Catalogue, other_arms
from journeys.errors import Fault, Problem
from journeys.rules import Rule
from journeys.walk.seen import Drawn, Seen


def drawn_otherwise(name: str, seen: Seen, catalogue: Catalogue) -> Iterator[Problem]:
    """What is wrong with the experiments of a journey, at the place where it asks."""
    for drawn in seen.draws.values():
        if (wrong := _wrong(drawn, catalogue)) is not None:
            yield wrong.at(drawn.file, drawn.line, whose=f"journey {name}: ")


def _wrong(drawn: Drawn, catalogue: Catalogue) -> Fault | None:
    asked, declared = drawn.asked, catalogue.experiments.get(drawn.asked.experiment)
    if declared is None:
        told = f"the experiment '{asked.experiment}' is declared where the catalogue does not find it"
        return (
            Fault(told, "keep it at the top of a module: news = Experiment(…)", Rule.UNKNOWN_EXPERIMENT)
            if asked.declared
            else None
        )
    return None if asked.shares == dict(declared.arms) else Fault(*other_arms(declared.name), Rule.UNKNOWN_EXPERIMENT)
