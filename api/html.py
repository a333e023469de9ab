"""Pages that people see: where they are found. The small ones, which say one thing and offer little, extend `card.html`."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader

PAGES = Environment(loader=FileSystemLoader(Path(__file__).parent / "pages"), autoescape=True)
