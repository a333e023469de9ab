"""A list by hand: customers pasted by one of their names, a line each, as an import of the API takes them from a file."""

import csv
from io import BytesIO, StringIO
from typing import Annotated
from uuid import uuid4

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field
from pydantic.types import UUID4
from starlette.responses import Response

from api.console.frame import form, page, pages, read
from api.console.session import sees
from api.segments.lists import imported
from api.segments.models import NAME
from api.state import Config, Db
from segments.define.importing import COLUMNS
from store.keys import Caller, Right

#: Bytes of a form: some ten thousand names.
_LARGE = 1024 * 1024
router = pages("segments", most=_LARGE)
#: By what customers may be named.
BY = tuple(dict.fromkeys(COLUMNS.values()))


class Pasted(BaseModel):
    """Customers that somebody has pasted."""

    model_config = ConfigDict(extra="ignore")

    name: str = Field(pattern=NAME)
    by: str = Field(pattern=f"^({'|'.join(BY)})$")
    customers: str = Field(min_length=1)
    id: UUID4

    @property
    def file(self) -> BytesIO:
        """The same as a CSV file whose first line says by what they are named."""
        text = StringIO()
        lines = (line.strip() for line in self.customers.splitlines())
        csv.writer(text).writerows([[self.by], *([line] for line in lines if line)])
        return BytesIO(text.getvalue().encode())


@router.get("/build/list")
async def begin(request: Request, _: Annotated[Caller, sees(Right.OPERATE)]) -> Response:
    """An empty list."""
    return page(request, "builder_list", by=BY, id=uuid4(), done=None)


@router.post("/build/list")
async def fill(
    request: Request, caller: Annotated[Caller, sees(Right.OPERATE, "import list")], config: Config, database: Db
) -> Response:
    """Put them on the list, and tell of each that nobody knows. Sent again, it changes nothing."""
    pasted = read(Pasted, await form(request))
    done = await imported(config, database, pasted.name, pasted.id, pasted.file, caller)
    return page(request, "builder_list", by=BY, id=uuid4(), done=done)
