"""The reference that ships with the package, over HTTP and for agents: which sections there are, and each of them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.auth import Of, may, schemes
from api.problems import Problem, responses
from store.keys import Caller, Right

router = APIRouter(prefix="/v1/reference", tags=["agents"], dependencies=schemes())
PAGE = Path(__file__).parents[1] / "pages" / "reference.md"


@dataclass(frozen=True, slots=True)
class Section:
    """A part of it: its name for programs, what it is about, and the text, in Markdown."""

    name: str
    title: str
    text: str


class SectionView(BaseModel):
    """A section that there is."""

    model_config = ConfigDict(from_attributes=True)

    name: str = Field(examples=["segments"])
    title: str


class ReferenceView(BaseModel):
    """The sections that there are, and the text of the one that was asked for."""

    sections: list[SectionView]
    text: str | None = Field(description="Markdown; null where none was asked for")


@router.get("", operation_id="read_reference", summary="The reference", responses=responses(401, 403, 404, 422, 503))
async def read(
    _: Annotated[Caller, may(Right.READ, of=Of.ITSELF)],
    section: Annotated[str | None, Query(max_length=100, description="one of `sections`; without it only these")] = None,
) -> ReferenceView:
    """How segments, journeys and templates are written, and every call, tool and command; by section."""
    known = shipped()
    if section is not None and section not in known:
        raise Problem(404, f"the reference has no section {section!r}; it has {', '.join(known)}", code="unknown-section")
    views = [SectionView.model_validate(each) for each in known.values()] if section is None else []
    return ReferenceView(sections=views, text=known[section].text if section is not None else None)


@cache
def shipped() -> Mapping[str, Section]:
    """The sections of the page beside us, by name."""
    found = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    heads = ((part.partition("\n")[0].partition(": "), part.partition("\n")[2]) for part in found)
    return {name: Section(name, title, text.strip("\n") + "\n") for (name, _, title), text in heads}


def written(head: str, sections: Iterable[Section]) -> str:
    """The page that `shipped` reads."""
    return "\n".join([head, *(f"## {each.name}: {each.title}\n\n{each.text}" for each in sections)])
