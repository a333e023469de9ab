"""Experiments as statistics: what is declared of one, the sums of its arms, what may be concluded, however often one looks.

Promise: pure, and in the standard library, so that reading a report loads no numerical library: of special functions it needs
the logarithm of gamma, the normal quantile, and Lambert's W on one branch, which is four of Newton's steps.
"""

from journeys.experiments.asked import Finding, Interval
from journeys.experiments.declared import Comparison, Kind, Metric, Question
from journeys.experiments.following import Following, Result, Split, follow
from journeys.experiments.planning import days_to_go, foretold, least_shown, needed, people_from, too_short
from journeys.experiments.standing import Standing
from journeys.experiments.sums import Sums
from journeys.experiments.verdict import Decision, decision, method, verdict

__all__ = [
    "Comparison",
    "Decision",
    "Finding",
    "Following",
    "Interval",
    "Kind",
    "Metric",
    "Question",
    "Result",
    "Split",
    "Standing",
    "Sums",
    "days_to_go",
    "decision",
    "follow",
    "foretold",
    "least_shown",
    "method",
    "needed",
    "people_from",
    "too_short",
    "verdict",
]
