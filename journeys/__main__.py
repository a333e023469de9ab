"""Where the program begins, `journeys` and `python -m journeys` alike: our packages are found before any of them is needed.

Promise: what stands in their way is told in one sentence.
"""

import sys
from typing import NoReturn

from journeys.place import hidden_room, stand_here, written_over


def main() -> NoReturn:
    """Run a command; the exit code is 0, or 1 after a failure that was said in one line."""
    stand_here()
    if hidden := hidden_room():
        sys.exit(f"journeys: {hidden}; rename it, or take it off Python's path")
    try:
        from workers.cli.main import main as run  # noqa: PLC0415 - only now is it surely ours
    except ImportError:
        if not (over := written_over()):
            raise
        sys.exit(f"journeys: {over}")
    run()


if __name__ == "__main__":
    main()
