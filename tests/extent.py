"""How long the random, slow and crash runs of the suite take: three profiles, one meaning each.

`quick` is the default, for `make test`, which has minutes: fewer cases of each random kind, and in a run of the whole suite no
test that is marked slow (whoever names one runs it). `whole` is what a submission must pass: CI sets `CI`, and `.ci/run` is for
it. `long` is for whoever has hours. `TEST_PROFILE` names one.
"""

import os
from collections.abc import Sequence
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings

T = TypeVar("T")

PROFILE = os.environ.get("TEST_PROFILE") or ("whole" if os.environ.get("CI") else "quick")
assert PROFILE in {"quick", "whole", "long"}, f"TEST_PROFILE is {PROFILE}: write quick, whole or long"
LONG, QUICK = PROFILE == "long", PROFILE == "quick"
#: The quick profile takes one in so many random cases.
_ONE_IN = 4


def scaled(whole: T, long: T) -> T:
    """The second in the long profile, the first in the others."""
    return long if LONG else whole


def some(cases: Sequence[T], one_in: int = _ONE_IN) -> Sequence[T]:
    """Cases of one kind, of which the quick profile takes one in so many, and always the first."""
    return cases[::one_in] if QUICK else cases


def examples(count: int, **options: Any) -> settings:
    """So many examples for hypothesis: the same in every run of the suite, in the long profile other ones each time."""
    return settings(
        max_examples=max(count // _ONE_IN, 5) if QUICK else scaled(count, count * 40),
        derandomize=not LONG,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
        **options,
    )
