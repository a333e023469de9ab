"""Where to look: links into the Temporal UI, the message page and the API."""

import shlex
from datetime import date, timedelta
from urllib.parse import quote
from uuid import UUID

from rich.console import Console
from rich.text import Text

from journeys.contracts import SearchBy
from store.report import Subject
from workers.embedded.stack import EmbeddedStack


def print_links(
    console: Console, stack: EmbeddedStack, journey: str, run_id: UUID | None, subject: Subject | None, days: tuple[date, date]
) -> None:
    """Print them."""
    console.print("[bold]Look around[/]")
    for name, url in links(stack, journey, run_id, subject, days).items():
        # soft_wrap: a link must survive a narrow terminal in one piece.
        console.print(f"  {name}\n    ", Text(url, style="cyan"), sep="", soft_wrap=True)


def links(
    stack: EmbeddedStack, journey: str, run_id: UUID | None, subject: Subject | None, days: tuple[date, date]
) -> dict[str, str]:
    """Names and addresses, those of one run only where there is one to show; and a report of `days`, both included."""
    workflows = f"{stack.ui_url}/namespaces/{stack.settings.temporal_namespace}/workflows"
    found = {"All runs, in the Temporal UI": f"{workflows}?query=" + quote(f'`{SearchBy.JOURNEY}`="{journey}"')}
    if subject is not None:
        found["The run above"] = f"{workflows}/{quote(subject.workflow_id, safe='')}"
        found["Its messages"] = f"{stack.sandbox_url}/?q={run_id}"
    return found | {
        "All messages, as customers see them": stack.sandbox_url,
        f"The console (sign on with {stack.keys.operate})": f"{stack.api_url}/console",
        "The API": f"{stack.api_url}/docs",
        "What its messages came to, on the shop's days": shlex.join(
            ["env", f"JOURNEYS_DATA_DIR={stack.settings.data_dir}", *f"journeys report messages --from {days[0]}".split()]
        )
        + f" --to {days[1] + timedelta(days=1)}",
    }
