"""How many examples hypothesis tries: the same few in every run of the suite, or many other ones.

`HYPOTHESIS_PROFILE=long` tries forty times as many, and others each time; what fails is printed with what reproduces it.
"""

import os
from typing import Any

from hypothesis import HealthCheck, settings

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"


def examples(count: int, **options: Any) -> settings:
    """So many examples in the suite."""
    return settings(
        max_examples=count * 40 if LONG else count,
        derandomize=not LONG,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
        **options,
    )
