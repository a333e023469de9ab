"""How long the random, slow and crash runs of the suite take: `TEST_PROFILE=long` in the environment makes them long.

Short is the default, for `make test` and `.ci/run`, which have minutes; whoever has hours takes the long one.
"""

import os
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings

T = TypeVar("T")

LONG = os.environ.get("TEST_PROFILE") == "long"


def scaled(short: T, long: T) -> T:
    """The first in the short profile, the second in the long one."""
    return long if LONG else short


def examples(count: int, **options: Any) -> settings:
    """So many examples for hypothesis: the same in every run of the suite, in the long profile other ones each time."""
    return settings(
        max_examples=scaled(count, count * 40),
        derandomize=not LONG,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
        **options,
    )
