"""`journeys whatsapp-templates`: how Meta has the templates that messages are made of; those that cannot be sent come first."""

from typing import Annotated

import typer

from workers.cli.asked import with_database


def whatsapp_templates(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Show name, language, status, category and age of each template of the WhatsApp account."""
    from rich.table import Table

    from store.deliveries.whatsapp import TemplateState, templates
    from workers.cli.tables import instant, show

    def draw(rows: list[TemplateState]) -> list[Table]:
        table = Table("template", "language", "status", "category", "since", box=None)
        for each in rows:
            table.add_row(each.name, each.language, each.status, each.category or "-", instant(each.at))
        return [table]

    show(with_database(templates), draw, as_json=as_json)
