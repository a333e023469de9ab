"""How deep a request may nest: the providers refuse what is deeper, and nothing here can write it down again."""

from collections.abc import Iterable
from typing import Any

#: Google's JSON parser stops here ("Message too deep"); Meta gives no number.
DEEPEST = 100


def too_deep(payload: Any) -> bool:
    """Whether objects and lists stand inside each other more than `DEEPEST` times."""
    level = [payload]
    for _ in range(DEEPEST + 1):
        level = [child for node in level for child in _children(node)]
        if not level:
            return False
    return True


def _children(node: Any) -> Iterable[Any]:
    if isinstance(node, dict):
        return node.values()
    return node if isinstance(node, list) else ()
