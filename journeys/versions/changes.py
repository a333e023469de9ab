"""The changes that the code of a catalogue knows of: each `j.changed("…")` in it, by the text that stands there."""

import ast
from collections.abc import Iterable, Iterator


def changes_in(sources: Iterable[str]) -> frozenset[str]:
    """Their names."""
    return frozenset(name for source in sources if ".changed(" in source for name in _named_in(ast.parse(source)))


def _named_in(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="changed"), args=[ast.Constant(value=str(name))]):
                yield name
