"""Messages drawn as cards for a terminal: what is read first on top, what can be tapped, then everything else by its name."""

from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from activities.channels.faces import Face, face_of, the_rest
from activities.channels.preview import Preview

_WIDTH = 76


def drawn(found: Preview) -> Iterable[RenderableType]:
    """A preview: the card, and below it what had no value, and whose clock, language and price it goes by."""
    yield Panel(Group(*_card(found)), title=f"{found.channel} · {found.template}", title_align="left", width=_WIDTH)
    if found.missing:
        yield Text("no value, so the template says something else: " + ", ".join(found.missing), style="yellow")
    if found.otherwise:
        taken = ", ".join(f"{name}={value}" for name, value in found.otherwise.items())
        yield Text(f"not asked of anybody, so as it is declared: {taken}; give another by --context", style="yellow")
    told = [str(found.size)] if found.size else []
    told += [found.cost] if found.cost else []
    yield Text(" · ".join([*told, f"language {found.language}", f"dates in {found.zone}", found.file]), style="dim")


def _card(found: Preview) -> Iterator[RenderableType]:
    face = face_of(found.content)
    if face.head:
        yield Text(face.head, style="bold")
    if face.body:
        yield Text(face.body)
    if face.taps:
        yield Text("  ".join(f"[ {each} ]" for each in face.taps), style="cyan")
    if rest := the_rest(found):
        table = Table.grid(padding=(0, 2))
        for name, told in rest:
            table.add_row(Text(name, style="dim"), Text(told, overflow="fold"))
        yield Group(*([Text()] if face != Face() else []), table)
